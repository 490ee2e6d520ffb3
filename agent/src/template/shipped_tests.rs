//! The templates that come with pitstop: they give what their products read, and use every value that they document.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::values::{Layer, Values, merge};
use super::{Engine, unused};
use crate::config::configuration::{Configuration, Text, Way};
use crate::config::fragment::ConfigFragment;
use crate::health::parse;
use crate::product::{builtin, config};

/// A product's templates, rendered for an instance with these variables and values.
struct Shipped {
    engine: Engine,
    values: Values,
    /// By path in the pack.
    files: BTreeMap<String, String>,
    templates: Vec<String>,
}

fn shipped(product: &str, vars: &Value, own: &str) -> crate::api::Result<Shipped> {
    shipped_at(product, "1.0", vars, own)
}

fn shipped_at(product: &str, level: &str, vars: &Value, own: &str) -> crate::api::Result<Shipped> {
    let profile = builtin::find(product, None).unwrap();
    let of_product = config::find(product, None).unwrap();
    let mut all_vars = profile.vars.clone();
    all_vars.extend(vars.as_object().unwrap().clone());
    let layers = of_product
        .values
        .iter()
        .map(|file| Layer::parse(&file.path, &file.text).unwrap());
    let layers = layers
        .chain([Layer::parse(Path::new("/values.yaml"), own).unwrap()])
        .collect();
    let known: Map<String, Value> = [
        ("vars".to_owned(), json!(all_vars)),
        (
            "instance".to_owned(),
            json!({"name": "x", "home": "/opt/x", "level": level}),
        ),
    ]
    .into_iter()
    .collect();
    let merged = merge(layers, known);
    let secrets = merged
        .references()
        .iter()
        .map(|(place, _)| format!("pw\"\\of {}", place.join(".")))
        .collect();
    let values = merged.with_secrets(secrets);
    let engine = Engine::new(&of_product.templates).unwrap();
    let configuration = Configuration::new(
        &ConfigFragment::default(),
        of_product,
        &profile,
        all_vars,
        Path::new("/"),
    )
    .unwrap();
    let (mut files, mut templates) = (BTreeMap::new(), Vec::new());
    for file in configuration.files {
        if let Way::Replace(Text::Template(name)) = file.way {
            files.insert(file.path.to_string(), engine.render(&name, &values)?);
            templates.push(name);
        }
    }
    Ok(Shipped {
        engine,
        values,
        files,
        templates,
    })
}

const ADMIN: &str = "admin: {password: {secret: {env: ADMIN}}}\n";
const GATEWAY: &str = "
control_plane:
  service_url: https://cp:9443/services/
  event_listening_endpoints: ['tcp://cp1:5672', 'tcp://cp2:5672']
  publish: [{urls: ['tcp://cp1:9611'], auth_urls: ['ssl://cp1:9711']}]
traffic_manager:
  throttle_decision_endpoints: ['tcp://tm:5672']
  url_groups: [{traffic_manager_urls: ['tcp://tm:9611'], traffic_manager_auth_urls: ['ssl://tm:9711']}]
database: {apim_db: null, shared_db: {type: mysql, url: 'jdbc:mysql://db/shared', password: {secret: {env: DB}}}}
";

#[test]
fn what_is_rendered_can_be_read_and_says_what_was_given() {
    let pair = "control_plane: {publish: [{urls: [a]}], event_duplicate_url: ['tcp://cp2:5672']}\n\
                traffic_manager: {event_duplicate_url: ['tcp://tm2:5672']}\n";
    let is = "clustering: {membership_scheme: wka, members: ['10.0.0.1:4000']}\nhttps: {proxyPort: 443}\n";
    let mi = "datasources: [{id: WSO2_COORDINATION_DB, url: u, password: {secret: {env: D}}, pool_options: {maxActive: 5}}]\n\
              user_store: {type: read_only_ldap, connection_url: 'ldap://h'}\nservice_catalogs: [{apim_host: h}]\n";
    let toml = "repository/conf/deployment.toml";
    let table: [(&str, Value, String, &str, &[&str]); 9] = [
        (
            "wso2am",
            json!({"offset": 2}),
            ADMIN.into(),
            toml,
            &[
                "offset = 2",
                "server_role = \"default\"",
                "[[apim.gateway.environment]]",
                "password = 'pw\"\\of admin.password'",
            ],
        ),
        (
            "wso2am",
            json!({"profile": "gateway-worker"}),
            format!("{ADMIN}{GATEWAY}"),
            toml,
            &[
                "[apim.event_hub]",
                "[[apim.throttling.url_group]]",
                "password = 'pw\"\\of database.shared_db.password'",
                "gateway_labels",
            ],
        ),
        (
            "wso2am",
            json!({"profile": "control-plane"}),
            format!("{ADMIN}{pair}"),
            toml,
            &["event_duplicate_url = [\"tcp://cp2:5672\"]", "[service_provider]"],
        ),
        (
            "wso2am",
            json!({"profile": "traffic-manager"}),
            format!("{ADMIN}{GATEWAY}"),
            toml,
            &["[apim.key_manager]", "server_role = \"traffic-manager\""],
        ),
        (
            "wso2is",
            json!({}),
            format!("{ADMIN}{is}"),
            toml,
            &[
                "[clustering]",
                "proxyPort = 443",
                "[carbon_health_check]\nenable = true",
            ],
        ),
        (
            "wso2mi",
            json!({}),
            ADMIN.into(),
            "conf/deployment.toml",
            &["offset = 10", "[[internal_apis.users]]"],
        ),
        (
            "wso2mi",
            json!({}),
            mi.into(),
            "conf/deployment.toml",
            &[
                "pool_options.maxActive = 5",
                "[user_store]",
                "[[service_catalog]]",
            ],
        ),
        (
            "wso2si",
            json!({"offset": 1}),
            "admin: {password_base64: {secret: {env: A}}}\n".into(),
            "conf/server/deployment.yaml",
            &["offset: 1", "password: \"pw\\\"\\\\of admin.password_base64\""],
        ),
        (
            "demo",
            json!({}),
            ADMIN.into(),
            "conf/credentials.properties",
            &["admin.password=pw\"\\\\of"],
        ),
    ];
    for (product, vars, own, path, expected) in table {
        let shipped = shipped(product, &vars, &own).unwrap_or_else(|failure| panic!("{product}: {failure}"));
        let text = &shipped.files[path];
        assert_eq!(
            parse::parse_error(path, text.as_bytes()),
            None,
            "{product} {vars}\n{text}"
        );
        for part in expected {
            assert!(text.contains(part), "{product} {vars}: {part}\n{text}");
        }
    }
}

#[test]
fn identity_server_reads_the_keystores_that_its_pack_holds() {
    let own = "keystore: {primary: {file_name: own.jks, type: JKS}}\ntruststore: {file_name: trust.jks}\n";
    let (old, new) = (("wso2carbon.jks", "JKS"), ("wso2carbon.p12", "PKCS12"));
    let trust = (
        ("client-truststore.jks", "JKS"),
        ("client-truststore.p12", "PKCS12"),
    );
    let table = [
        ("5.11.0.200", "", old, trust.0),
        ("6.1.0.3", "", old, trust.0),
        ("7.0.0.0", "", old, trust.0),
        ("7.1.0.41", "", new, trust.1),
        ("10.0.0.1", "", new, trust.1),
        ("7.1.0.41", own, ("own.jks", "JKS"), ("trust.jks", "JKS")),
    ];
    for (level, own, primary, truststore) in table {
        let shipped = shipped_at("wso2is", level, &json!({}), &format!("{ADMIN}{own}")).unwrap();
        let text = &shipped.files["repository/conf/deployment.toml"];
        let read: toml_edit::DocumentMut = text
            .parse()
            .unwrap_or_else(|why| panic!("{level}: {why}\n{text}"));
        for (section, expected) in [
            (&read["keystore"]["primary"], primary),
            (&read["truststore"], truststore),
        ] {
            let found = (section["file_name"].as_str(), section["type"].as_str());
            assert_eq!(found, (Some(expected.0), Some(expected.1)), "{level}\n{text}");
        }
    }
}

#[test]
fn a_gateway_has_no_portals_and_needs_to_know_its_control_plane() {
    let vars = json!({"profile": "gateway-worker"});
    let text = shipped("wso2am", &vars, &format!("{ADMIN}{GATEWAY}"))
        .unwrap()
        .files
        .into_values()
        .next()
        .unwrap();
    for absent in [
        "[[apim.gateway.environment]]",
        "[[event_listener]]",
        "[database.apim_db]",
    ] {
        assert!(!text.contains(absent), "{absent}\n{text}");
    }
    for (product, vars, own, missing) in [
        (
            "wso2am",
            vars,
            ADMIN,
            "`control_plane.service_url`: no value is given",
        ),
        ("wso2am", json!({}), "", "`admin.password`: no value is given"),
        ("wso2is", json!({}), "", "`admin.password`: no value is given"),
        (
            "wso2si",
            json!({}),
            "",
            "`admin.password_base64`: no value is given",
        ),
    ] {
        let Err(failure) = shipped(product, &vars, own) else {
            panic!("{product} needs nothing")
        };
        assert!(failure.message.contains(missing), "{failure}");
    }
}

#[test]
fn every_documented_value_is_needed_by_some_role() {
    let nodes = GATEWAY.split("database:").next().unwrap();
    let rich = "extra: '#'\nhttps: {proxyPort: 443}\n";
    let table: [(&str, &[Value], String); 4] = [
        (
            "wso2am",
            &[
                json!({}),
                json!({"profile": "gateway-worker"}),
                json!({"profile": "traffic-manager"}),
            ],
            format!("{ADMIN}{nodes}{rich}truststore: {{file_name: x}}\ndevportal: {{url: x}}\n"),
        ),
        (
            "wso2is",
            &[json!({})],
            format!("{ADMIN}{rich}clustering: {{domain: x}}\n"),
        ),
        ("wso2mi", &[json!({})], format!("{ADMIN}extra: '#'\n")),
        (
            "wso2si",
            &[json!({})],
            "admin: {password_base64: x}\nextra: '#'\n".to_owned(),
        ),
    ];
    for (product, roles, own) in table {
        let mut idle: Option<BTreeSet<Vec<String>>> = None;
        for vars in roles {
            let made = shipped(product, vars, &own).unwrap();
            let found = unused(
                &made.engine,
                &made.templates,
                &made.values,
                made.values.leaves_from(0),
            );
            let found: BTreeSet<_> = found.into_iter().collect();
            idle = Some(idle.map_or(found.clone(), |idle| idle.intersection(&found).cloned().collect()));
        }
        assert_eq!(idle, Some(BTreeSet::new()), "{product}");
    }
}
