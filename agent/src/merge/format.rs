//! Which format a file has: by its name first, by its content second.

use super::node::Node;
use super::value::Data;
use super::{ParseError, bundles_info, ini, json, properties, toml, xml, yaml};

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON, with comments tolerated.
    Json,
    /// YAML.
    Yaml,
    /// XML.
    Xml,
    /// Java properties.
    Properties,
    /// INI and the like.
    Ini,
    /// OSGi's `bundles.info`.
    BundlesInfo,
    /// Anything else, by lines.
    Text,
}

/// How a structured format is read.
#[derive(Debug)]
pub struct Structure {
    /// The text as a tree of spans.
    pub parse: for<'s> fn(&'s str) -> Result<Node<'s>, ParseError>,
    /// What the text says.
    pub data: fn(&str) -> Result<Data, ParseError>,
    /// Whether the text keeps to the strict form of the format; if the sides do, the result must.
    pub is_strict: fn(&str) -> bool,
    /// How its parts are named on three sides; `None` if a document names them by itself.
    pub pairing: Option<Pairing>,
}

/// What names end in, and what that says.
const SUFFIXES: [(&str, Format); 22] = [
    (".toml", Format::Toml),
    (".json", Format::Json),
    (".jsonc", Format::Json),
    (".yaml", Format::Yaml),
    (".yml", Format::Yaml),
    (".xml", Format::Xml),
    (".xsd", Format::Xml),
    (".xsl", Format::Xml),
    (".xslt", Format::Xml),
    (".wsdl", Format::Xml),
    (".config", Format::Xml),
    (".csproj", Format::Xml),
    (".props", Format::Xml),
    (".targets", Format::Xml),
    (".pom", Format::Xml),
    (".properties", Format::Properties),
    (".prefs", Format::Properties),
    (".ini", Format::Ini),
    (".conf", Format::Ini),
    (".cfg", Format::Ini),
    (".cnf", Format::Ini),
    ("bundles.info", Format::BundlesInfo),
];

/// How the parts of three documents are named that no document names by itself: those that are the same one alike.
#[derive(Debug)]
pub struct Pairing {
    /// Names the items of what the three sides say.
    pub data: fn([&mut Data; 3]),
    /// Gives the nodes of a side's tree the names that the items of what it says have.
    pub nodes: fn(&mut Node<'_>, &Data),
}

impl Format {
    /// Every format with its name on the command line.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Json, "json"),
        (Self::Toml, "toml"),
        (Self::Yaml, "yaml"),
        (Self::Xml, "xml"),
        (Self::Properties, "properties"),
        (Self::Ini, "ini"),
        (Self::Text, "text"),
        (Self::BundlesInfo, "bundles-info"),
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(format, _)| *format == self);
        found.map_or("text", |(_, name)| name)
    }

    /// The format of a name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, own)| *own == name);
        found.map(|(format, _)| *format)
    }

    /// How it is read; `None` if it has no structure.
    pub fn structure(self) -> Option<&'static Structure> {
        match self {
            Self::Json => Some(&Structure {
                parse: json::parse,
                data: json::data,
                is_strict: json::is_strict,
                pairing: None,
            }),
            Self::Properties => Some(&Structure {
                parse: properties::parse,
                data: properties::data,
                is_strict: |_| true,
                pairing: None,
            }),
            Self::Ini => Some(&Structure {
                parse: ini::parse,
                data: ini::data,
                is_strict: |_| true,
                pairing: None,
            }),
            Self::BundlesInfo => Some(&Structure {
                parse: bundles_info::parse,
                data: bundles_info::data,
                is_strict: |_| true,
                pairing: None,
            }),
            Self::Toml => Some(&Structure {
                parse: toml::parse,
                data: toml::data,
                is_strict: toml::is_strict,
                pairing: None,
            }),
            Self::Yaml => Some(&Structure {
                parse: yaml::parse,
                data: yaml::data,
                is_strict: |_| true,
                pairing: None,
            }),
            Self::Xml => Some(&Structure {
                parse: xml::parse,
                data: xml::data,
                is_strict: |_| true,
                pairing: Some(Pairing {
                    data: xml::name_data,
                    nodes: xml::name_nodes,
                }),
            }),
            Self::Text => None,
        }
    }

    /// The formats that a file may have, the likeliest first. The first that can read all sides is the one.
    pub fn candidates(name: &str, content: &str) -> Vec<Self> {
        let by_name = Self::of_name(name);
        let by_content = Self::of_content(content);
        match by_name {
            // Files of any kind are called so.
            Some(Self::Ini) => by_content.into_iter().chain([Self::Ini]).collect(),
            Some(format) => vec![format],
            None => by_content.into_iter().collect(),
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let found = SUFFIXES.iter().find(|(suffix, _)| name.ends_with(suffix));
        found.map(|(_, format)| *format)
    }

    /// What the beginning of a file says.
    fn of_content(text: &str) -> Option<Self> {
        let text = text.trim_start();
        if text.starts_with("<?xml") {
            return Some(Self::Xml);
        }
        if text.starts_with(['{', '[']) && !text.starts_with("{%") && !text.starts_with("{{") {
            return Some(Self::Json);
        }
        None
    }
}
