//! Where the vendor's files at the installed level are known from, where the state does not know them.

use crate::api::Result;
use crate::model::{Digest, Release, TreeManifest};
use crate::session::{Instance, Session};
use crate::source::Offer;
use crate::source::vendor_tool::Shown;

use super::super::adopt::Pristine;
use super::super::target::{self, Target};
use super::super::{Run, adopt};

/// What a run would take over before it plans, for those that only look.
pub(in crate::verb) enum Origin {
    /// The pack at the installed level.
    Pack(Box<Target>),
    /// What bundles that start there hold of it.
    Start(Shown),
}

impl Origin {
    pub fn manifest(&self) -> &TreeManifest {
        match self {
            Self::Pack(pack) => &pack.manifest,
            Self::Start(shown) => &shown.manifest,
        }
    }

    pub fn tree(&self) -> Digest {
        self.manifest().digest()
    }
}

/// What [`learn`] would learn. A plan is named by what it starts from: it must be the same before and after.
pub(super) fn origin(
    run: &mut Run<'_>,
    instance: &Instance,
    offers: &[Offer],
    installed: &Release,
) -> Result<Option<Origin>> {
    if installed.tree.is_some() {
        return Ok(None);
    }
    match predecessor(instance, offers, installed) {
        Some(offer) => {
            let pack = target::open(run, instance, offer, None)?;
            Ok(Some(Origin::Pack(Box::new(pack))))
        }
        None => Ok(target::start(run, instance, offers)?.map(Origin::Start)),
    }
}

/// Takes a pack over that was not, and learns the vendor's files at the installed level where the source knows them.
pub(super) fn learn(
    run: &mut Run<'_>,
    session: &mut Session,
    offers: &[Offer],
    installed: &Release,
) -> Result<()> {
    let pack = predecessor(session, offers, installed);
    let start = match pack {
        Some(_) => None,
        None => target::start(run, session, offers)?,
    };
    let pristine = pack.map(Pristine::Pack).or(start.as_ref().map(Pristine::Start));
    if session.state.installed.is_none() {
        run.warn("the pack was not adopted before; it is now");
    } else if pristine.is_none() {
        return Ok(());
    }
    adopt::take_over(run, session, pristine)
}

/// The offer of the installed level itself: its pristine files are the base of every merge. It is a pack, which nobody signs:
/// what decides about the operator's changes may not come from there if nothing else may.
fn predecessor<'a>(instance: &Instance, offers: &'a [Offer], installed: &Release) -> Option<&'a Offer> {
    let mut packs = offers.iter().filter(|offer| offer.bundles.is_empty());
    let pack = packs.find(|offer| offer.level == installed.level);
    pack.filter(|_| !instance.settings.admission.refuse_unsigned)
}
