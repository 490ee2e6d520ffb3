//! Asking servers over HTTP and HTTPS.

use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::WithoutBody;
use ureq::{ProxyProtocol, RequestBuilder};

use super::clock::Deadline;
use super::{interrupt, procfs};

const CA_LIMIT: u64 = 4 << 20;
/// How many pieces of an answer may come before they are looked at.
const AHEAD: usize = 16;
const PIECE_BYTES: usize = 64 << 10;
/// How often whoever waits looks whether somebody asks for a stop.
const BEAT: Duration = Duration::from_millis(50);

/// Who asks: the server itself, or over the proxy that is given, and no other place that it names, for at most so long. It trusts
/// the authorities in a file only, or those of the system without one.
///
/// # Errors
/// The file holds none.
pub fn agent(
    ca: Option<&Path>,
    timeout: Duration,
    proxy: Option<ureq::Proxy>,
) -> Result<ureq::Agent, String> {
    let roots = match ca {
        Some(file) => RootCerts::new_with_certs(&authorities(file)?),
        None => RootCerts::PlatformVerifier,
    };
    // A proxy of the environment would answer for a server that is down.
    Ok(ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(proxy)
        .user_agent(concat!("pitstop/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .new_agent())
}

/// A proxy at an address, which may hold a user and a password; the error does not show it.
///
/// # Errors
/// It is none that can be asked over.
pub fn proxy(address: &str) -> Result<ureq::Proxy, &'static str> {
    match ureq::Proxy::new(address) {
        Ok(proxy) if matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => Ok(proxy),
        _ => Err("it is no `http://HOST:PORT` or `https://HOST:PORT`"),
    }
}

/// What comes of a request.
#[derive(Debug)]
pub enum Piece {
    /// The status, before anything else.
    Status(u16),
    /// The next bytes of the body.
    Bytes(Vec<u8>),
    /// Nothing more comes, and why.
    Broke(String),
}

/// An answer as it comes. A thread of its own waits for the server: a read goes on when a signal interrupts it, and a short limit on
/// each would be one on the wait for the first byte as well.
pub struct Answer {
    pieces: Receiver<Piece>,
    silence: Duration,
}

impl Answer {
    /// Asks. So long may the server be silent at a time.
    pub fn to(request: RequestBuilder<WithoutBody>, silence: Duration) -> Self {
        let (tell, pieces) = sync_channel(AHEAD);
        thread::spawn(move || {
            if let Err(error) = pour(request, &tell) {
                // Whoever asked may have given up.
                let _ = tell.send(Piece::Broke(error.to_string()));
            }
        });
        Self { pieces, silence }
    }

    /// What comes next; `None` after the body's end.
    ///
    /// # Errors
    /// `cancelled`: somebody asks for a stop.
    pub fn piece(&self) -> crate::api::Result<Option<Piece>> {
        let deadline = Deadline::after(self.silence);
        loop {
            interrupt::go_on()?;
            match self.pieces.recv_timeout(BEAT) {
                Ok(piece) => return Ok(Some(piece)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if deadline.passed() => {
                    let why = format!("nothing came for {} s", self.silence.as_secs());
                    return Ok(Some(Piece::Broke(why)));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Sends what comes to whoever waits, as long as somebody does.
fn pour(request: RequestBuilder<WithoutBody>, tell: &SyncSender<Piece>) -> Result<(), ureq::Error> {
    let mut response = request.call()?;
    let mut wanted = tell.send(Piece::Status(response.status().as_u16())).is_ok();
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; PIECE_BYTES];
    while wanted {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => wanted = tell.send(Piece::Bytes(buffer[..n].to_vec())).is_ok(),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
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
