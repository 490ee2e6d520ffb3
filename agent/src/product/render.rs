//! Templates in a profile's texts, filled with what is known of an instance.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use tera::{Context, Tera};

use super::Profile;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Probe;
use crate::config::nearest::{did_you_mean, quoted};
use crate::config::probe::PortText;

/// Names that every template may use; a profile cannot declare them as its own.
pub const RESERVED: [&str; 3] = ["home", "name", "user"];

/// What templates may use.
#[derive(Debug, Clone, Default)]
pub struct Vars {
    /// The pack's directory.
    pub home: String,
    /// The user that the server runs as; empty if the instance does not say.
    pub user: String,
    /// The instance's name.
    pub name: String,
    /// The instance's values for variables that the profile declares.
    pub values: BTreeMap<String, serde_json::Value>,
}

/// A profile with all its templates filled in. What comes out empty is left out: environment variables, the `ca` of a
/// probe, and templates that are an argument of start or stop, a port, or what a probe asks (url, port, log), then with the
/// probe. So are hooks without a program, and rules whose `when` does not hold.
///
/// # Errors
/// `settings`: a text is not a template, or uses a variable that neither the profile nor pitstop knows, or the instance
/// gives a variable that the profile does not declare. The message names field and variable.
pub fn render(profile: &Profile, vars: &Vars) -> Result<Profile> {
    let renderer = Renderer::new(profile, vars)?;
    let mut done = profile.clone();
    renderer.texts("process.main", &mut done.process.main)?;
    renderer.texts("process.helpers", &mut done.process.helpers)?;
    renderer.texts("process.home", &mut done.process.home)?;
    let service = &mut done.service;
    renderer.command("service.start", service.start.as_mut())?;
    renderer.command("service.stop", service.stop.as_mut())?;
    renderer.command("service.foreground", service.foreground.as_mut())?;
    for (key, value) in &mut service.env {
        renderer.text(&format!("service.env.{key}"), value)?;
    }
    service.env.retain(|_, value| !value.is_empty());
    for (at, mut port) in std::mem::take(&mut service.ports).into_iter().enumerate() {
        if renderer.port(&format!("service.ports[{at}]"), &mut port)? {
            service.ports.push(port);
        }
    }
    for mut probe in std::mem::take(&mut done.probes) {
        if renderer.probe(&mut probe)? {
            done.probes.push(probe);
        }
    }
    for (at, hook) in done.hooks.iter_mut().enumerate() {
        renderer.texts(&format!("hooks[{at}].command"), &mut hook.command)?;
    }
    done.hooks
        .retain(|hook| hook.command.first().is_none_or(|program| !program.is_empty()));
    renderer.holding("ownership", &mut done.ownership, |rule| &mut rule.when)?;
    renderer.holding("service.needed_files", &mut done.service.needed_files, |rule| {
        &mut rule.when
    })?;
    renderer.holding("lint.leftovers", &mut done.lint.leftovers, |rule| &mut rule.when)?;
    renderer.holding("manual_steps", &mut done.manual_steps, |rule| &mut rule.when)?;
    Ok(done)
}

struct Renderer<'a> {
    product: &'a str,
    values: BTreeMap<&'a str, serde_json::Value>,
    /// Made at the first text that is a template: most are not, and start-up is to be quick.
    engine: OnceCell<(Tera, Context)>,
}

impl<'a> Renderer<'a> {
    fn new(profile: &'a Profile, vars: &'a Vars) -> Result<Self> {
        let mut values: BTreeMap<&str, serde_json::Value> = profile
            .vars
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        for (name, value) in &vars.values {
            let Some(known) = values.get_mut(name.as_str()) else {
                return Err(undeclared(profile, name));
            };
            *known = value.clone();
        }
        values.insert("home", vars.home.clone().into());
        values.insert("user", vars.user.clone().into());
        values.insert("name", vars.name.clone().into());
        Ok(Self {
            product: &profile.name,
            values,
            engine: OnceCell::new(),
        })
    }

    fn text(&self, field: &str, text: &mut String) -> Result<()> {
        if !is_template(text) {
            return Ok(());
        }
        let (engine, context) = self.engine.get_or_init(|| self.make_engine());
        match engine.render_str(text, context, false) {
            Ok(rendered) => *text = rendered,
            Err(error) => return Err(self.explain(field, text, error)),
        }
        Ok(())
    }

    fn texts<'t>(&self, field: &str, texts: impl IntoIterator<Item = &'t mut String>) -> Result<()> {
        for (at, text) in texts.into_iter().enumerate() {
            self.text(&format!("{field}[{at}]"), text)?;
        }
        Ok(())
    }

    fn command(&self, field: &str, command: Option<&mut Vec<String>>) -> Result<()> {
        let Some(command) = command else { return Ok(()) };
        for (at, mut text) in std::mem::take(command).into_iter().enumerate() {
            if self.optional(&format!("{field}[{at}]"), &mut text)? {
                command.push(text);
            }
        }
        Ok(())
    }

    /// Fills in a text; whether it is more than a template that came out empty.
    fn optional(&self, field: &str, text: &mut String) -> Result<bool> {
        let was_template = is_template(text);
        self.text(field, text)?;
        Ok(!(was_template && text.is_empty()))
    }

    /// Leaves out the rules whose condition comes out empty or as `false`.
    fn holding<R>(
        &self,
        field: &str,
        rules: &mut Vec<R>,
        condition: impl Fn(&mut R) -> &mut Option<String>,
    ) -> Result<()> {
        for (at, mut rule) in std::mem::take(rules).into_iter().enumerate() {
            let mut holds = true;
            if let Some(mut text) = condition(&mut rule).take() {
                self.text(&format!("{field}[{at}].when"), &mut text)?;
                holds = !matches!(text.as_str(), "" | "false");
            }
            if holds {
                rules.push(rule);
            }
        }
        Ok(())
    }

    /// Whether there is a port.
    fn port(&self, field: &str, port: &mut PortText) -> Result<bool> {
        match port {
            PortText::Number(_) => Ok(true),
            PortText::Text(text) => self.optional(field, text),
        }
    }

    /// Whether the probe has something to ask. Patterns are left alone: a home rendered into a regular expression would
    /// not mean itself.
    fn probe(&self, probe: &mut Probe) -> Result<bool> {
        let field = |name: &str| format!("probes.{}.{name}", probe.name);
        let mut asks = true;
        if let Some(http) = &mut probe.http {
            asks &= self.optional(&field("http.url"), &mut http.url)?;
            if let Some(ca) = http.ca.take() {
                let mut text = ca.to_string_lossy().into_owned();
                self.text(&field("http.ca"), &mut text)?;
                http.ca = Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
            }
        }
        if let Some(tcp) = &mut probe.tcp {
            self.text(&field("tcp.host"), &mut tcp.host)?;
            asks &= self.port(&field("tcp.port"), &mut tcp.port)?;
        }
        if let Some(log) = &mut probe.log {
            asks &= self.optional(&field("log.file"), &mut log.file)?;
        }
        self.texts(&field("command"), probe.command.iter_mut().flatten())?;
        Ok(asks)
    }

    fn make_engine(&self) -> (Tera, Context) {
        let mut context = Context::new();
        for (name, value) in &self.values {
            context.insert((*name).to_owned(), value);
        }
        (Tera::default(), context)
    }

    /// The engine's own message shows the source with arrows over several lines; ours is one line.
    fn explain(&self, field: &str, text: &str, error: tera::Error) -> Failure {
        let place = format!("{field} of the profile {}", self.product);
        let known = || self.values.keys().copied();
        let message = match self.unknown_variable(text) {
            Some(variable) => {
                let suggestion = did_you_mean(&variable, known());
                format!("{place}: unknown variable `{variable}` in `{text}`{suggestion}")
            }
            None => format!("{place}: `{text}` is not a template that can be filled in"),
        };
        Failure::new(ErrorKind::Settings, message)
            .hint(format!("known variables: {}", quoted(known())))
            .because(error)
    }

    fn unknown_variable(&self, text: &str) -> Option<String> {
        let mut engine = Tera::default();
        engine.add_raw_template("text", text).ok()?;
        let used = engine.get_template_variables("text").ok()?;
        let unknown = used.into_iter().filter(|name| !self.values.contains_key(name));
        unknown.min().map(str::to_owned)
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn undeclared(profile: &Profile, name: &str) -> Failure {
    let known = || profile.vars.keys().map(String::as_str);
    let suggestion = did_you_mean(name, known());
    let failure = Failure::new(
        ErrorKind::Settings,
        format!(
            "vars: the profile {} has no variable `{name}`{suggestion}",
            profile.name
        ),
    );
    match profile.vars.is_empty() {
        true => failure.hint("this profile has no variables"),
        false => failure.hint(format!("known variables: {}", quoted(known()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(rest: &str) -> Profile {
        let head = "name: acme\ntitle: Acme\ndetect: []\nlevel: {parts: []}\nownership: []\n\
                    vars: {port: 8081, java_home: ''}\n";
        serde_yaml::from_str(&format!("{head}{rest}")).unwrap()
    }

    fn vars(values: &[(&str, serde_json::Value)]) -> Vars {
        Vars {
            home: "/opt/a & b".to_owned(),
            user: String::new(),
            name: "acme-1".to_owned(),
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    #[test]
    fn every_templated_field_is_filled_and_patterns_are_left_alone() {
        let text = "
process: {main: ['{{ home }}/x'], helpers: ['{{ name }}'], home: ['-D{{ name }}=']}
service:
  start: ['{{ home }}/bin/start', '{% if user %}-u{{ user }}{% else %}none{% endif %}', '{plain}']
  stop: ['{{ home }}/bin/stop', '{{ java_home }}', '']
  env: {JAVA_HOME: '{{ java_home }}', PID: '{{ home }}/log'}
  ports: ['{{ port }}', 9]
probes:
  - {name: a, http: {url: 'http://h:{{ port }}/', ca: '{{ home }}/ca.pem', body: '{{ port }}'}}
  - {name: b, tcp: {host: '{{ name }}', port: '{{ port + 1 }}'}}
  - {name: c, log: {file: '{{ name }}.log', pattern: '{{ home }}'}}
  - {name: d, command: [test, '{{ port }}']}
hooks: [{when: after-commit, command: ['{{ home }}/hook']}]
";
        let done = render(&profile(text), &vars(&[("port", 9999.into())])).unwrap();
        assert_eq!(done.process.main, ["/opt/a & b/x"], "nothing is escaped");
        assert_eq!(done.process.helpers, ["acme-1"]);
        assert_eq!(done.process.home, ["-Dacme-1="]);
        assert_eq!(
            done.service.start.unwrap(),
            ["/opt/a & b/bin/start", "none", "{plain}"]
        );
        assert_eq!(done.service.stop.unwrap(), ["/opt/a & b/bin/stop", ""]);
        let env: Vec<_> = done.service.env.into_iter().collect();
        assert_eq!(
            env,
            [("PID".to_owned(), "/opt/a & b/log".to_owned())],
            "empty ones are left out"
        );
        let ports: Vec<_> = done.service.ports.iter().filter_map(PortText::number).collect();
        assert_eq!(ports, [9999, 9]);
        let http = done.probes[0].http.as_ref().unwrap();
        assert_eq!(http.url, "http://h:9999/");
        assert_eq!(
            http.ca.as_deref(),
            Some(std::path::Path::new("/opt/a & b/ca.pem"))
        );
        assert_eq!(http.body.as_deref(), Some("{{ port }}"));
        let tcp = done.probes[1].tcp.as_ref().unwrap();
        assert_eq!((tcp.host.as_str(), tcp.port.number()), ("acme-1", Some(10000)));
        let log = done.probes[2].log.as_ref().unwrap();
        assert_eq!(
            (log.file.as_str(), log.pattern.as_str()),
            ("acme-1.log", "{{ home }}")
        );
        assert_eq!(done.probes[3].command.as_deref().unwrap(), ["test", "9999"]);
        assert_eq!(done.hooks[0].command, ["/opt/a & b/hook"]);
    }

    #[test]
    fn a_probe_and_a_port_whose_template_comes_out_empty_are_left_out() {
        let text = "
service: {ports: ['{% if java_home %}1{% endif %}', 2]}
probes:
  - {name: a, http: {url: '{% if java_home %}http://h/{% endif %}'}}
  - {name: b, tcp: {port: '{{ java_home }}'}}
  - {name: c, tcp: {port: '{{ port }}'}}
";
        let left = |values: &[(&str, serde_json::Value)]| {
            let done = render(&profile(text), &vars(values)).unwrap();
            let names: Vec<_> = done.probes.into_iter().map(|probe| probe.name).collect();
            (names.join(" "), done.service.ports.len())
        };
        assert_eq!(left(&[]), ("c".to_owned(), 1));
        assert_eq!(left(&[("java_home", "7".into())]), ("a b c".to_owned(), 2));
    }

    #[test]
    fn what_does_not_hold_is_left_out() {
        let text = "
hooks: [{when: after-commit, command: ['{{ java_home }}', x]}]
lint: {leftovers: [{paths: [a], message: A, when: '{{ java_home }}'}, {paths: [b], message: B}]}
manual_steps: [{name: a, text: A, changed: [a], when: '{{ not java_home }}'}]
";
        let left = |values: &[(&str, serde_json::Value)]| {
            let done = render(&profile(text), &vars(values)).unwrap();
            (
                done.hooks.len(),
                done.lint.leftovers.len(),
                done.manual_steps.len(),
            )
        };
        assert_eq!(left(&[]), (0, 1, 1));
        assert_eq!(left(&[("java_home", "/jdk".into())]), (1, 2, 0));
    }

    #[test]
    fn an_unknown_variable_names_field_and_variable_and_what_is_known() {
        let broken = profile("probes: [{name: up, http: {url: 'http://h:{{ prot }}/'}}]");
        let failure = render(&broken, &vars(&[])).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        for part in [
            "probes.up.http.url",
            "profile acme",
            "unknown variable `prot`",
            "did you mean `port`?",
        ] {
            assert!(failure.message.contains(part), "{part} in {}", failure.message);
        }
        let hint = failure.hint.unwrap();
        assert_eq!(
            hint,
            "known variables: `home`, `java_home`, `name`, `port`, `user`"
        );
    }

    #[test]
    fn what_is_no_template_is_named() {
        let failure = render(&profile("process: {main: ['{{ home']}"), &vars(&[])).unwrap_err();
        assert!(
            failure
                .message
                .starts_with("process.main[0] of the profile acme: "),
            "{failure}"
        );
    }

    #[test]
    fn an_instance_cannot_give_a_variable_that_the_profile_does_not_declare() {
        for (name, expected) in [
            ("prt", "did you mean `port`?"),
            ("home", "has no variable `home`"),
        ] {
            let failure = render(&profile(""), &vars(&[(name, 1.into())])).unwrap_err();
            assert!(failure.message.contains(expected), "{failure}");
        }
    }
}
