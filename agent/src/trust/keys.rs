//! Ed25519 keys, as PEM files that openssl makes and reads too.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{SecretKey, Signature, Signer as _, SigningKey, VerifyingKey};

use crate::api::{ErrorKind, Failure, Result};
use crate::model::Digest;
use crate::source::secret;
use crate::sys::{fs, random};

/// Names a public key: the SHA-256 of its SPKI in DER form.
pub type KeyId = Digest;

/// The length of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// A key file is small.
const LIMIT: u64 = 16 << 10;

/// A key that signatures are verified with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    key: VerifyingKey,
}

impl PublicKey {
    fn new(key: VerifyingKey) -> Result<Self> {
        let der = key.to_public_key_der().map_err(unusable)?;
        match key.is_weak() {
            // Such a key verifies signatures that nobody made.
            true => Err(unusable("it is weak")),
            false => Ok(Self {
                id: Digest::of(der.as_bytes()),
                key,
            }),
        }
    }

    /// The key in a text: PEM (`-----BEGIN PUBLIC KEY-----`), or OpenSSH's line (`ssh-ed25519 AAAA…`).
    ///
    /// # Errors
    /// `trust`: it holds no usable Ed25519 key.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let key = match text.strip_prefix("ssh-ed25519 ") {
            Some(rest) => openssh(rest).ok_or_else(|| unusable("what follows `ssh-ed25519` is damaged"))?,
            None => VerifyingKey::from_public_key_pem(text).map_err(unusable)?,
        };
        Self::new(key)
    }

    /// The key in a file.
    ///
    /// # Errors
    /// It cannot be read, or as [`PublicKey::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path, LIMIT).map_err(|error| Failure::io("read the key", path, error))?;
        Self::parse(&String::from_utf8_lossy(&bytes)).map_err(|mut failure| {
            failure.message = format!("{}: {}", path.display(), failure.message);
            failure.at(path)
        })
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes of the key itself.
    pub fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// As PEM.
    ///
    /// # Errors
    /// `internal`.
    pub fn to_pem(&self) -> Result<String> {
        let pem = self.key.to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down a public key").because(error)
        })
    }

    /// Whether the key's owner signed exactly these bytes.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id.short())
    }
}

/// The key in what `ssh_agent` calls a blob: two strings, the kind and the key, each with its length before it.
fn openssh(text: &str) -> Option<VerifyingKey> {
    const HEAD: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
    let blob = STANDARD.decode(text.split_whitespace().next()?).ok()?;
    let key = blob.strip_prefix(HEAD)?.try_into().ok()?;
    VerifyingKey::from_bytes(key).ok()
}

fn unusable(why: impl fmt::Display) -> Failure {
    Failure::new(
        ErrorKind::Trust,
        format!("this is no usable Ed25519 public key: {why}"),
    )
    .hint("`openssl pkey -in KEY.pem -pubout` prints the public key of an Ed25519 key")
}

/// A key that signs. It is never printed.
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

impl PrivateKey {
    fn new(key: SigningKey) -> Result<Self> {
        let public = PublicKey::new(key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn generate() -> Result<Self> {
        let seed: SecretKey = random::bytes().map_err(|error| {
            let message = "the system gives no random numbers to make a key of";
            Failure::new(ErrorKind::Io, message).because(error)
        })?;
        Self::new(SigningKey::from_bytes(&seed))
    }

    /// The key in a PEM file (PKCS#8, not encrypted) that others may not read.
    ///
    /// # Errors
    /// `settings` if others may read it; `trust` if it holds no Ed25519 key; or it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = secret::read(path)?;
        let key = SigningKey::from_pkcs8_pem(String::from_utf8_lossy(&bytes).trim());
        let key = key.map_err(|error| {
            let message = format!("{} holds no Ed25519 private key as PKCS#8 in PEM form", path.display());
            let hint = "make one with `pitstop trust keygen` or `openssl genpkey -algorithm ed25519`; one with a password is \
                        used through --signer";
            Failure::new(ErrorKind::Trust, message).at(path).hint(hint).because(anyhow::anyhow!("{error}"))
        })?;
        Self::new(key)
    }

    /// As PEM. Whoever gets it can sign.
    ///
    /// # Errors
    /// `internal`.
    pub fn to_pem(&self) -> Result<String> {
        // Without the public key in it, as openssl reads it; the newer form with it is unknown to openssl 3.0.
        let pair = KeypairBytes {
            secret_key: self.key.to_bytes(),
            public_key: None,
        };
        let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(|error| {
            Failure::new(ErrorKind::Internal, "cannot write down a key").because(anyhow::anyhow!("{error}"))
        })?;
        Ok(pem.to_string())
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public.id.short())
    }
}

/// Makes a pair of keys: `path` for its owner only, and `path` with `.pub` at the end. What exists is not replaced.
///
/// # Errors
/// `usage` if one of them exists; or writing failed.
pub fn keygen(path: &Path) -> Result<PublicKey> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    for file in [path, Path::new(&public)] {
        if fs::symlink_metadata(file).is_ok() {
            let message = format!("{} is there already, and a key is not replaced", file.display());
            return Err(Failure::new(ErrorKind::Usage, message)
                .at(file)
                .hint("name another file"));
        }
    }
    let key = PrivateKey::generate()?;
    let write = |file: &Path, written: std::io::Result<()>| {
        written.map_err(|error| Failure::io("write the key", file, error))
    };
    write(path, fs::write_atomic(path, key.to_pem()?.as_bytes()))?;
    let public = Path::new(&public);
    write(public, fs::write_page(public, key.public.to_pem()?.as_bytes()))?;
    Ok(key.public)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn pair(dir: &Path) -> PrivateKey {
        let path = dir.join("k.pem");
        keygen(&path).unwrap();
        PrivateKey::read(&path).unwrap()
    }

    #[test]
    fn a_pair_is_written_once_and_the_private_key_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k.pem");
        let public = keygen(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(PublicKey::read(&dir.path().join("k.pem.pub")).unwrap(), public);
        assert_eq!(PrivateKey::read(&path).unwrap().public(), &public);
        assert_eq!(keygen(&path).unwrap_err().kind, ErrorKind::Usage);
        let other = dir.path().join("x");
        fs::write_page(&dir.path().join("x.pub"), b"").unwrap();
        assert_eq!(keygen(&other).unwrap_err().kind, ErrorKind::Usage);
        assert!(!other.exists());
    }

    #[test]
    fn a_private_key_that_others_may_read_is_refused_with_what_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let key = pair(dir.path());
        let path = dir.path().join("open.pem");
        fs::write_public(&path, key.to_pem().unwrap().as_bytes()).unwrap();
        let failure = PrivateKey::read(&path).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert_eq!(
            failure.hint.unwrap(),
            format!("run `chmod 600 {}`", path.display())
        );
    }

    #[test]
    fn a_signature_is_of_one_key_over_one_message() {
        let dir = tempfile::tempdir().unwrap();
        let key = pair(dir.path());
        let signature = key.sign(b"message");
        assert!(key.public().verifies(b"message", &signature));
        assert!(!key.public().verifies(b"massage", &signature));
        assert!(!key.public().verifies(b"message", &signature[1..]));
        assert!(
            !PrivateKey::generate()
                .unwrap()
                .public()
                .verifies(b"message", &signature)
        );
    }

    #[test]
    fn what_is_no_usable_key_is_refused() {
        let pem = |body: &str| format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        let refused = [
            String::new(),
            // The neutral element: it verifies signatures over anything.
            pem("MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            // X25519 has the same length.
            pem("MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="),
            pem("MCowBQYDK2Vw"),
            "ssh-ed25519 AAAA".to_owned(),
            "ssh-rsa AAAAB3NzaC1yc2E=".to_owned(),
        ];
        for text in refused {
            assert_eq!(
                PublicKey::parse(&text).unwrap_err().kind,
                ErrorKind::Trust,
                "{text}"
            );
        }
    }

    /// The test key of RFC 8410, §10.
    #[test]
    fn the_published_key_has_the_id_that_openssl_and_sha256sum_give_it() {
        let text = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let key = PublicKey::parse(text).unwrap();
        assert_eq!(key.to_pem().unwrap(), text);
        assert_eq!(
            key.id().to_string(),
            "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f"
        );
    }
}
