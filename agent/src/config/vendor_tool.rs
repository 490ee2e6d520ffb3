//! Where updates come from: a path, a web server, or the vendor's own update tool.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::validate;
use crate::api::{ErrorKind, Failure, Result};
use crate::sys::http;

const CHANNEL: &str = "full";
const TIMEOUT_S: u64 = 2 * 60 * 60;

/// Where updates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateSource {
    /// An archive, a directory, or a folder of them.
    Path(PathBuf),
    /// The vendor's update tool.
    VendorTool(VendorTool),
    /// Bundles on a web server.
    Web(Web),
}

/// Bundles on a web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// The address of the folder that holds them, `https://…` without a slash at its end.
    pub url: String,
    /// A PEM file with the authorities that the server is trusted by; the system's without it.
    pub ca: Option<PathBuf>,
    /// A file with a bearer token that only its owner may read.
    pub token: Option<PathBuf>,
    /// The proxy to ask over; none without it, whatever the environment says.
    pub proxy: Proxy,
}

/// How the vendor's update tool is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorTool {
    /// Who logs in; nobody without it, which is enough for an update in a file.
    pub credentials: Option<Credentials>,
    /// The vendor's channel of updates.
    pub channel: String,
    /// The tool's `HOME`, shared with others: what it downloads stays there. Without it every run has its own.
    pub shared_home: Option<PathBuf>,
    /// Seconds until the tool counts as hung.
    pub timeout_s: u64,
    /// Proxies; the caller's where it says nothing.
    pub proxy: Proxy,
}

/// Where user and password for the vendor's service are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// In a YAML file with `username` and `password` that only its owner may read.
    File(PathBuf),
    /// In the caller's environment, under the names that the tool itself reads.
    Environment,
}

/// Proxies, as the variables of the same names hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// For `http`.
    pub http: Option<String>,
    /// For `https`.
    pub https: Option<String>,
    /// Hosts that are asked directly.
    pub no_proxy: Option<String>,
}

impl Proxy {
    /// Whether a host is asked directly: `no_proxy` names it, a domain that it is in, or `*`.
    pub fn spares(&self, host: &str) -> bool {
        let spared = self.no_proxy.as_deref().unwrap_or_default().to_lowercase();
        let host = host.to_lowercase();
        spared.split(',').map(str::trim).any(|entry| {
            let domain = entry.trim_start_matches('*').trim_start_matches('.');
            let is_in = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
            entry == "*" || !domain.is_empty() && (host == domain || is_in())
        })
    }
}

impl Default for VendorTool {
    fn default() -> Self {
        Self {
            credentials: None,
            channel: CHANNEL.to_owned(),
            shared_home: None,
            timeout_s: TIMEOUT_S,
            proxy: Proxy::default(),
        }
    }
}

/// `source:` of an instance file: a path, or a map with one way to get updates.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceFragment {
    /// A path.
    Path(PathBuf),
    /// A way.
    Way(Box<WayFragment>),
}

/// A way to get updates; exactly one of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WayFragment {
    /// The vendor's update tool.
    pub vendor_tool: Option<VendorToolFragment>,
    /// Bundles on a web server.
    pub web: Option<WebFragment>,
}

/// Bundles on a web server, as an instance file describes them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebFragment {
    /// The address of the folder that holds them.
    pub url: String,
    /// A PEM file with authorities, relative to the instance file's folder.
    pub ca: Option<PathBuf>,
    /// A file with a bearer token, relative to the instance file's folder.
    pub token: Option<PathBuf>,
    /// The proxy to ask over; `https` and `no_proxy` of it.
    pub proxy: Option<Proxy>,
}

/// The vendor's update tool, as an instance file describes it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorToolFragment {
    /// Who logs in.
    pub credentials: Option<CredentialsFragment>,
    /// The vendor's channel of updates; `full` without it.
    pub channel: Option<String>,
    /// A `HOME` for the tool that is shared with others.
    pub home: Option<PathBuf>,
    /// Seconds until the tool counts as hung; 7200 without it.
    pub timeout_s: Option<u64>,
    /// Proxies; the caller's without it.
    pub proxy: Option<Proxy>,
}

/// Exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialsFragment {
    /// A file that only its owner may read, relative to the instance file's folder.
    pub file: Option<PathBuf>,
    /// `true`: the caller's environment.
    pub env: Option<bool>,
}

impl SourceFragment {
    /// Makes its paths relative to a folder.
    pub fn resolve(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| *path = folder.join(&path);
        match self {
            Self::Path(path) => resolve(path),
            Self::Way(way) => {
                if let Some(tool) = &mut way.vendor_tool {
                    let file = tool.credentials.as_mut().and_then(|given| given.file.as_mut());
                    file.into_iter().chain(tool.home.as_mut()).for_each(resolve);
                }
                if let Some(web) = &mut way.web {
                    web.ca.iter_mut().chain(web.token.as_mut()).for_each(resolve);
                }
            }
        }
    }

    /// Checks it.
    ///
    /// # Errors
    /// `settings`: the first rule that it breaks.
    pub fn settle(self) -> Result<UpdateSource> {
        match self {
            Self::Path(path) => Ok(UpdateSource::Path(path)),
            Self::Way(way) => match (way.vendor_tool, way.web) {
                (Some(tool), None) => vendor_tool(tool).map(UpdateSource::VendorTool),
                (None, Some(said)) => web(said).map(UpdateSource::Web),
                _ => Err(Failure::new(
                    ErrorKind::Settings,
                    "source: exactly one of `vendor-tool` and `web` is needed",
                )),
            },
        }
    }
}

fn web(said: WebFragment) -> Result<Web> {
    let is_plain = |c: char| c.is_ascii_graphic() && !"?#@".contains(c);
    let host = said.url.strip_prefix("https://").unwrap_or_default();
    if host.trim_matches('/').is_empty() || !host.chars().all(is_plain) {
        let message = format!("source.web.url: `{}` is no address of a folder", said.url);
        return Err(Failure::new(ErrorKind::Settings, message)
            .hint("give `https://HOST/FOLDER`; what is not encrypted is not used, and a token stands in a file of its own"));
    }
    let proxy = said.proxy.unwrap_or_default();
    if proxy.http.is_some() {
        let message = "source.web.proxy.http: nothing is asked over plain http";
        return Err(Failure::new(ErrorKind::Settings, message).hint("give it as `https`"));
    }
    if let Some(Err(why)) = proxy.https.as_deref().map(http::proxy) {
        return Err(Failure::new(
            ErrorKind::Settings,
            format!("source.web.proxy.https: {why}"),
        ));
    }
    Ok(Web {
        url: said.url.trim_end_matches('/').to_owned(),
        ca: said.ca,
        token: said.token,
        proxy,
    })
}

fn vendor_tool(said: VendorToolFragment) -> Result<VendorTool> {
    let default = VendorTool::default();
    validate::at_least_one("source.vendor-tool.timeout_s", said.timeout_s)?;
    let channel = said.channel.unwrap_or(default.channel);
    validate::plain_name("source.vendor-tool.channel", &channel)?;
    Ok(VendorTool {
        credentials: said.credentials.map(credentials).transpose()?,
        channel,
        shared_home: said.home,
        timeout_s: said.timeout_s.unwrap_or(default.timeout_s),
        proxy: said.proxy.unwrap_or_default(),
    })
}

fn credentials(said: CredentialsFragment) -> Result<Credentials> {
    match (said.file, said.env) {
        (Some(path), None) => Ok(Credentials::File(path)),
        (None, Some(true)) => Ok(Credentials::Environment),
        _ => {
            let message =
                "source.vendor-tool.credentials: exactly one of `file: PATH` and `env: true` is needed";
            Err(Failure::new(ErrorKind::Settings, message))
        }
    }
}

impl<'de> Deserialize<'de> for SourceFragment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(EitherForm)
    }
}

/// By hand, because an untagged enum would swallow which key is wrong.
struct EitherForm;

impl<'de> Visitor<'de> for EitherForm {
    type Value = SourceFragment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, an address, or a map with `vendor-tool` or `web`")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<SourceFragment, E> {
        if !text.contains("://") {
            return Ok(SourceFragment::Path(text.into()));
        }
        let web = WebFragment {
            url: text.to_owned(),
            ca: None,
            token: None,
            proxy: None,
        };
        Ok(SourceFragment::Way(Box::new(WayFragment {
            vendor_tool: None,
            web: Some(web),
        })))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<SourceFragment, A::Error> {
        WayFragment::deserialize(MapAccessDeserializer::new(map))
            .map(|way| SourceFragment::Way(Box::new(way)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fragment::InstanceFragment;
    use crate::config::yaml;

    fn settled(source: &str) -> Result<UpdateSource> {
        let text = format!("name: a\nproduct: wso2am\nhome: /x\nsource: {source}\n");
        let instance: InstanceFragment = yaml::parse(&text, Path::new("a.yaml"))?;
        let mut source = instance.source.unwrap();
        source.resolve(Path::new("/etc/pitstop/instances.d"));
        source.settle()
    }

    #[test]
    fn a_source_is_a_path_or_the_tool_with_its_defaults() {
        assert_eq!(
            settled("packs").unwrap(),
            UpdateSource::Path("/etc/pitstop/instances.d/packs".into())
        );
        assert_eq!(
            settled("{vendor-tool: {}}").unwrap(),
            UpdateSource::VendorTool(VendorTool::default())
        );
        let all = "{vendor-tool: {credentials: {file: wso2.yaml}, channel: full, home: /srv/updates, timeout_s: 9, \
                   proxy: {https: 'http://p:1', no_proxy: localhost}}}";
        let UpdateSource::VendorTool(tool) = settled(all).unwrap() else {
            panic!()
        };
        assert_eq!(
            tool.credentials,
            Some(Credentials::File("/etc/pitstop/instances.d/wso2.yaml".into()))
        );
        assert_eq!(tool.shared_home, Some("/srv/updates".into()));
        assert_eq!(
            (tool.timeout_s, tool.proxy.https.as_deref()),
            (9, Some("http://p:1"))
        );
    }

    #[test]
    fn what_makes_no_sense_is_named_with_its_place() {
        let table = [
            (
                "{vendor-tol: {}}",
                "unknown key `vendor-tol`; did you mean `vendor-tool`?",
            ),
            (
                "{vendor-tool: {credential: {env: true}}}",
                "unknown key `credential`; did you mean `credentials`?",
            ),
            (
                "{vendor-tool: {credentials: {fil: x}}}",
                "unknown key `fil`; did you mean `file`?",
            ),
            ("{vendor-tool: {credentials: {}}}", "exactly one of"),
            ("{vendor-tool: {credentials: {env: false}}}", "exactly one of"),
            (
                "{vendor-tool: {credentials: {env: true, file: x}}}",
                "exactly one of",
            ),
            ("{vendor-tool: {channel: --revert}}", "source.vendor-tool.channel"),
            ("{vendor-tool: {timeout_s: 0}}", "source.vendor-tool.timeout_s"),
            ("[a]", "a path, an address, or a map with `vendor-tool` or `web`"),
            ("{}", "exactly one of `vendor-tool` and `web`"),
            ("http://host/x", "source.web.url"),
            ("{web: {url: 'https://user:pw@host/x'}}", "source.web.url"),
            ("https://", "source.web.url"),
            (
                "{web: {url: 'https://host/x', proxy: {http: 'http://p:1'}}}",
                "source.web.proxy.http",
            ),
            (
                "{web: {url: 'https://host/x', proxy: {https: 'socks5://me:hunter2@p:1'}}}",
                "source.web.proxy.https",
            ),
            (
                "{web: {url: 'https://host/x', proxy: {https: 'http://'}}}",
                "source.web.proxy.https",
            ),
            (
                "{web: {url: 'https://host/x', proxy: {all: 'http://p:1'}}}",
                "unknown key `all`",
            ),
        ];
        for (source, expected) in table {
            let failure = settled(source).unwrap_err();
            assert!(failure.message.contains(expected), "{source}: {failure}");
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
    }

    #[test]
    fn hosts_that_are_asked_directly_by_table() {
        let table = [
            ("*", true),
            ("localhost, h.example.com", true),
            ("EXAMPLE.com", true),
            (".example.com", true),
            ("*.example.com", true),
            ("ample.com", false),
            ("x.h.example.com", false),
            ("", false),
            (" , .", false),
        ];
        for (no_proxy, expected) in table {
            let proxy = Proxy {
                no_proxy: Some(no_proxy.to_owned()),
                ..Proxy::default()
            };
            assert_eq!(proxy.spares("h.Example.com"), expected, "{no_proxy}");
        }
        assert!(!Proxy::default().spares("h"));
    }
}
