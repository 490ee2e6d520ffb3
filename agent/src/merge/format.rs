//! Which format a file has: by its name first, by its content second.

use super::node::Node;
use super::value::Data;
use super::{ParseError, bundles_info, ini, json, properties, toml};

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
}

/// What names end in, and what that says. Templates are text whatever they are templates of.
const SUFFIXES: [(Format, &[&str]); 8] = [
    (Format::BundlesInfo, &["bundles.info"]),
    (Format::Toml, &[".toml"]),
    (Format::Json, &[".json", ".jsonc"]),
    (Format::Yaml, &[".yaml", ".yml"]),
    (
        Format::Xml,
        &[
            ".xml", ".xsd", ".xsl", ".xslt", ".wsdl", ".config", ".csproj", ".props", ".targets", ".pom",
        ],
    ),
    (Format::Properties, &[".properties", ".prefs"]),
    (Format::Ini, &[".ini", ".conf", ".cfg", ".cnf"]),
    (
        Format::Text,
        &[
            ".sh",
            ".bash",
            ".bat",
            ".cmd",
            ".env",
            ".j2",
            ".erb",
            ".epp",
            ".tmpl",
            ".tpl",
            ".template",
            ".txt",
            ".md",
        ],
    ),
];

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
            }),
            Self::Properties => Some(&Structure {
                parse: properties::parse,
                data: properties::data,
                is_strict: |_| true,
            }),
            Self::Ini => Some(&Structure {
                parse: ini::parse,
                data: ini::data,
                is_strict: |_| true,
            }),
            Self::BundlesInfo => Some(&Structure {
                parse: bundles_info::parse,
                data: bundles_info::data,
                is_strict: |_| true,
            }),
            Self::Toml => Some(&Structure {
                parse: toml::parse,
                data: toml::data,
                is_strict: toml::is_strict,
            }),
            Self::Yaml | Self::Xml | Self::Text => None,
        }
    }

    /// The formats that a file may have, the likeliest first. The first that can read all sides is the one.
    pub fn candidates(name: &str, content: &str) -> Vec<Self> {
        let by_content = || Self::of_content(content);
        let candidates = match Self::of_name(name) {
            Some(Self::Text) => [None, None],
            // Files of any kind are called so.
            Some(Self::Ini) => [by_content(), Some(Self::Ini)],
            by_name => [by_name, by_content()],
        };
        candidates.into_iter().flatten().collect()
    }

    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_called = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        let found = SUFFIXES.iter().find(|(_, suffixes)| is_called(suffixes));
        found.map(|(format, _)| *format)
    }

    fn of_content(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let is_table = |line: &str| line.starts_with("[[") && line.trim_end().ends_with("]]");
        if text.starts_with("<?xml") {
            Some(Self::Xml)
        } else if text.lines().any(is_table) {
            Some(Self::Toml)
        } else if text.starts_with(['{', '[']) {
            Some(Self::Json)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format_then_the_content() {
        let table: [(&str, &str, &[Format]); 12] = [
            ("deployment.toml", "", &[Format::Toml]),
            ("A.YML", "", &[Format::Yaml]),
            ("log4j2.properties", "", &[Format::Properties]),
            ("bundles.info", "", &[Format::BundlesInfo]),
            ("my.cnf", "[client]\n", &[Format::Json, Format::Ini]),
            ("jaggery.conf", "{\"a\": 1}", &[Format::Json, Format::Ini]),
            ("telegraf.conf", "[[inputs.cpu]]\n", &[Format::Toml, Format::Ini]),
            ("web.config", "<?xml version='1.0'?>", &[Format::Xml, Format::Xml]),
            ("unknown", "<?xml version='1.0'?>", &[Format::Xml]),
            ("unknown", "a = 1", &[]),
            ("carbon.xml.j2", "<?xml version='1.0'?>", &[]),
            ("run.sh", "{", &[]),
        ];
        for (name, content, expected) in table {
            assert_eq!(Format::candidates(name, content), expected, "{name}");
        }
    }

    #[test]
    fn every_format_has_one_name() {
        for (format, name) in Format::ALL {
            assert_eq!((format.name(), Format::named(name)), (name, Some(format)));
        }
        assert_eq!(Format::named("docx"), None);
    }
}
