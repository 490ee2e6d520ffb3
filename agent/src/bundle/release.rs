//! What is signed: which release a bundle leads to, from which it starts, and the digest of its index, which names
//! everything else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Digest, Level, LevelOrder};
use crate::trust::Predicate;

/// A pristine tree at a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    /// Its level.
    pub level: Level,
    /// The digest that names it.
    pub tree: Digest,
}

/// The predicate of the signed statement. Its one subject is the target tree: its name is `PRODUCT-LEVEL` and its digest
/// that of the tree's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The bundle's format.
    pub format: u32,
    /// The product's name.
    pub product: String,
    /// Where it leads.
    pub to: Tree,
    /// Where it starts; from anywhere if it is empty, because it holds the whole pack.
    pub from: Vec<Tree>,
    /// The digest of the packed index.
    pub index: Digest,
    /// When it was made, if its maker says so; a clock is not asked, so that the same packs give the same bytes. A host whose
    /// clock cannot be right learns from it what time it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// After this it is not to be used any more, as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

impl Predicate for Release {
    const TYPE: &'static str = "https://pitstop.dev/release/v1";
    const WHAT: &'static str = "a release";
}

impl Release {
    /// The name of the release, as in the statement's subject.
    pub fn name(&self) -> String {
        format!("{}-{}", self.product, self.to.level)
    }

    /// The tree where it starts from a level; `None` if it does not start there.
    pub fn start_at(&self, level: &Level, order: LevelOrder) -> Option<&Tree> {
        let mut starts = self.from.iter();
        starts.find(|tree| order.compare(&tree.level, level).is_eq())
    }

    /// Whether a name in it could not be shown to a person as it is.
    pub fn has_odd_names(&self) -> bool {
        let levels = self.from.iter().chain([&self.to]).map(|tree| tree.level.as_str());
        levels
            .chain([self.product.as_str()])
            .any(|name| name.contains(char::is_control))
    }

    /// Until when it is to be used, if it says so and that is a time.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.expires.as_ref()?.parse().ok()
    }

    /// Refuses one that was to be used only until before now. `shown` names the bundle.
    ///
    /// # Errors
    /// `policy`; `source`: it does not say a time.
    pub fn refuse_expired(&self, shown: &str, now: Timestamp) -> Result<()> {
        let Some(expires) = &self.expires else {
            return Ok(());
        };
        let Some(moment) = self.expiry() else {
            let message = format!("cannot read the bundle {shown}: what it says of its expiry is no time");
            return Err(Failure::new(ErrorKind::Source, message).hint("ask who made it for another one"));
        };
        if now < moment {
            return Ok(());
        }
        let message = format!("{shown} was to be used until {expires} only");
        Err(Failure::new(ErrorKind::Policy, message)
            .hint("get a newer bundle; if this host's clock is wrong, set it"))
    }

    /// Whether it holds the whole pack.
    pub fn is_full(&self) -> bool {
        self.from.is_empty()
    }

    /// Why this program cannot read it, if it cannot.
    pub fn refusal(&self) -> Option<String> {
        (self.format != FORMAT).then(|| {
            format!(
                "it has format {}, and this version of pitstop reads format {FORMAT}",
                self.format
            )
        })
    }
}
