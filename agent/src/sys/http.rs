//! Asking servers over HTTP and HTTPS.

use std::path::Path;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::procfs;

const CA_LIMIT: u64 = 4 << 20;

/// Who asks: the server itself, no proxy and no other place that it names, for at most so long. It trusts the authorities
/// in a file only, or those of the system without one.
///
/// # Errors
/// The file holds none.
pub fn agent(ca: Option<&Path>, timeout: Duration) -> Result<ureq::Agent, String> {
    let roots = match ca {
        Some(file) => RootCerts::new_with_certs(&authorities(file)?),
        None => RootCerts::PlatformVerifier,
    };
    // A proxy of the environment would answer for a server that is down.
    Ok(ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent(concat!("pitstop/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .new_agent())
}

/// What may help with an error, as the end of a sentence.
pub fn remedy(error: &str) -> &'static str {
    match error.contains("UnknownIssuer") || error.contains("certificate") {
        true => "; give the authority's PEM file as `ca`",
        false => "",
    }
}

fn authorities(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let name = file.display();
    let pem = procfs::read(file, CA_LIMIT)
        .map_err(|error| format!("cannot read the authorities in {name}: {error}"))?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(format!("{name} holds no certificate in PEM form"));
    }
    Ok(certificates)
}
