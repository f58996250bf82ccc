//! TLS: nobody on the way can read along or change anything, and the client knows whom it talks
//! to (RFC 8446).
//!
//! The library rustls speaks it: bytes go in, other bytes come out, and it touches no socket. Two
//! things are left for us: to give it a certificate, and to stand between it and the socket.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use ring::digest;
use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;

use crate::Args;
use crate::log;

/// The first byte of all that speaks TLS (RFC 8446 §5.1): 22, a handshake. No method begins so.
const HANDSHAKE: u8 = 22;

/// Our certificate, with those behind it that vouch for one another; and our key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Makes what all connections share, from the command line; or nothing, for plain HTTP. Fails with
/// words for a person.
pub fn config(args: &Args) -> Result<Option<Arc<ServerConfig>>, String> {
    let (chain, key) = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => read_identity(cert, key)?,
        _ if args.self_signed => make_identity(args.bind)?,
        _ => return Ok(None),
    };
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("cannot use this certificate with this key: {error}"))?;
    // A browser that would rather have HTTP/2 learns here that we don't speak it (RFC 7301).
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    Ok(Some(Arc::new(config)))
}

/// Reads the certificates and the key from their files.
fn read_identity(cert: &Path, key: &Path) -> Result<Identity, String> {
    let bad = |path: &Path, error| format!("cannot read {}: {error}", path.display());
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_file_iter(cert).map_err(|error| bad(cert, error))? {
        chain.push(certificate.map_err(|error| bad(cert, error))?);
    }
    if chain.is_empty() {
        return Err(format!("there is no certificate in {}", cert.display()));
    }
    match PrivateKeyDer::from_pem_file(key) {
        Ok(key) => Ok((chain, key)),
        Err(pem::Error::NoItemsFound) => Err(format!(
            "there is no key in {}, or it has a password",
            key.display()
        )),
        Err(error) => Err(bad(key, error)),
    }
}

/// Makes a key, and a certificate that nobody but ourselves has signed.
fn make_identity(ip: IpAddr) -> Result<Identity, String> {
    let names = ["localhost".to_string(), ip.to_string()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    log(&format!(
        "certificate SHA-256 {}",
        fingerprint(made.cert.der())
    ));
    Ok((vec![made.cert.into()], key))
}

/// Gives the fingerprint of a certificate, as browsers and openssl show it.
fn fingerprint(certificate: &[u8]) -> String {
    let mut pairs = Vec::new();
    for byte in digest::digest(&digest::SHA256, certificate).as_ref() {
        pairs.push(format!("{byte:02X}"));
    }
    pairs.join(":")
}

/// The way to a client and back, encrypted if the server has a certificate.
pub struct Stream {
    /// The socket
    pub socket: TcpStream,
    /// What is needed to begin, as long as the client has sent nothing
    config: Option<Arc<ServerConfig>>,
    /// What encrypts and decrypts; if there is none, all goes through as it is
    tls: Option<Box<ServerConnection>>,
}

impl Stream {
    /// Takes over a socket from which nothing has been read yet.
    pub fn new(socket: TcpStream, config: Option<Arc<ServerConfig>>) -> Stream {
        Stream {
            socket,
            config,
            tls: None,
        }
    }

    /// Whether nobody on the way can read along.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether there are encrypted bytes for which the socket had no room yet.
    pub fn is_behind(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Puts a last record behind all others that says: this is all. Otherwise the client couldn't
    /// tell our end from one that somebody on the way has made up (RFC 8446 §6.1).
    pub fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if let Some(config) = &self.config {
            let mut first = [0];
            self.socket.peek(&mut first)?;
            if first == [HANDSHAKE] {
                let tls = ServerConnection::new(Arc::clone(config));
                self.tls = Some(Box::new(tls.map_err(io::Error::other)?));
            }
            self.config = None;
        }
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.socket).read(bytes),
            None => self.socket.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.socket).write(bytes),
            // Nothing leaves us in the open before we know what the client speaks.
            None if self.config.is_some() => Err(ErrorKind::NotConnected.into()),
            None => self.socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
