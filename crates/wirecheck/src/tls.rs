//! TLS, from the client's side: certificates to give a server, one conversation with it, and a
//! tunnel through which all checks of HTTP can be run on a server that speaks HTTPS.

use std::fs;
use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::DigitallySignedStruct;
use rustls::ProtocolVersion;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::SupportedProtocolVersion;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::crypto::verify_tls12_signature;
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;
use tempfile::TempDir;

use crate::check::Failure;

/// The name that the certificates are for.
const NAME: &str = "localhost";

/// A certificate and its key, as files, and the root that vouches for it.
pub struct Identity {
    folder: TempDir,
    root: CertificateDer<'static>,
}

impl Identity {
    /// Makes one: a root has signed for one in between, and that one for `localhost`.
    pub fn new() -> Result<Identity, Failure> {
        Identity::make().map_err(|e| Failure::new(format!("cannot make a certificate: {e}")))
    }

    fn make() -> Result<Identity, Box<dyn std::error::Error>> {
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let (root_key, between_key, key) = (
            KeyPair::generate()?,
            KeyPair::generate()?,
            KeyPair::generate()?,
        );
        let root = authority("wirecheck root");
        let root_certificate = root.self_signed(&root_key)?;
        let root = Issuer::new(root, root_key);
        let between = authority("wirecheck between");
        let between_certificate = between.signed_by(&between_key, &root)?;
        let between = Issuer::new(between, between_key);
        let names = vec![NAME.to_string(), Ipv4Addr::LOCALHOST.to_string()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &between)?;
        let folder = tempfile::tempdir()?;
        let chain = certificate.pem() + &between_certificate.pem();
        fs::write(folder.path().join("cert.pem"), chain)?;
        fs::write(folder.path().join("key.pem"), key.serialize_pem())?;
        Ok(Identity {
            folder,
            root: root_certificate.der().clone(),
        })
    }

    /// The file with the certificate, and with the one that vouches for it.
    pub fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The file with the key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// The folder in which they are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// How a client begins.
pub struct Client {
    config: ClientConfig,
    patience: Duration,
    has_little_room: bool,
}

impl Client {
    /// One that takes any certificate, and any version that there is.
    pub fn new(patience: Duration) -> Client {
        Client::with(patience, rustls::ALL_VERSIONS, None)
    }

    /// One that speaks this version only.
    pub fn of_version(patience: Duration, version: &'static SupportedProtocolVersion) -> Client {
        Client::with(patience, &[version], None)
    }

    /// One that takes only certificates that lead to this root.
    pub fn that_knows(patience: Duration, identity: &Identity) -> Client {
        Client::with(patience, rustls::ALL_VERSIONS, Some(identity))
    }

    fn with(
        patience: Duration,
        versions: &[&'static SupportedProtocolVersion],
        known: Option<&Identity>,
    ) -> Client {
        let provider = Arc::new(default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .expect("ring knows them");
        let config = match known {
            Some(identity) => {
                let mut roots = RootCertStore::empty();
                roots.add(identity.root.clone()).expect("it is a root");
                builder.with_root_certificates(roots)
            }
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        };
        Client {
            config: config.with_no_client_auth(),
            patience,
            has_little_room: false,
        }
    }

    /// The same, and what it hasn't read yet fills its buffer soon.
    pub fn with_little_room(mut self) -> Client {
        self.has_little_room = true;
        self
    }

    /// The same, and these are the protocols that it speaks, the dearest first.
    pub fn speaks(mut self, protocols: &[&str]) -> Client {
        let names = protocols.iter().map(|name| name.as_bytes().to_vec());
        self.config.alpn_protocols = names.collect();
        self
    }

    /// Shakes hands.
    pub fn open(&self, address: SocketAddr) -> io::Result<Talk> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if self.has_little_room {
            socket.set_recv_buffer_size(8 * 1024)?;
        }
        socket.connect_timeout(&address.into(), self.patience)?;
        let mut socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(self.patience))?;
        socket.set_write_timeout(Some(self.patience))?;
        let name = ServerName::try_from(NAME).expect("it is a name");
        let mut tls =
            ClientConnection::new(Arc::new(self.config.clone()), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Talk { tls, socket })
    }
}

/// A conversation over TLS.
pub struct Talk {
    tls: ClientConnection,
    socket: TcpStream,
}

/// How the server ended one.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With `close_notify`.
    Goodbye,
    /// Without: it may have been somebody on the way.
    Cut,
    /// Not at all, in the time that it had.
    Never,
    /// By a reset, or a broken record.
    Broken(String),
}

impl Talk {
    /// Sends this in one record, or in several if it's long.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        stream.write_all(bytes.as_ref())?;
        stream.flush()
    }

    /// All that comes until the end, and how that is.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let mut received = Vec::new();
        let mut block = [0; 16 * 1024];
        loop {
            match rustls::Stream::new(&mut self.tls, &mut self.socket).read(&mut block) {
                Ok(0) => return (received, End::Goodbye),
                Ok(count) => received.extend(&block[..count]),
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return (received, End::Cut),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return (received, End::Never);
                }
                Err(e) => return (received, End::Broken(e.to_string())),
            }
        }
    }

    /// The protocol that was chosen, if one was.
    pub fn protocol(&self) -> Option<String> {
        let name = self.tls.alpn_protocol()?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// The version that was chosen.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.tls.protocol_version()
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> &[u8] {
        let chain = self.tls.peer_certificates().unwrap_or_default();
        chain.first().map_or(&[], |first| first)
    }
}

/// Is somebody there who speaks TLS?
pub(crate) fn knock(address: SocketAddr, request: &str, patience: Duration) -> io::Result<()> {
    let mut talk = Client::new(patience).open(address)?;
    talk.send(request)?;
    talk.rest();
    Ok(())
}

/// Takes any certificate: whom it names is not what is checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A door that leads to a server: what goes in is plain, and what comes out at the other end is
/// encrypted.
pub struct Tunnel {
    /// Where it begins.
    pub entrance: SocketAddr,
    /// The server to which it leads.
    pub server: SocketAddr,
    /// What the server was given, if we gave it something.
    pub identity: Option<Identity>,
    closed: Arc<AtomicBool>,
}

impl Tunnel {
    /// Opens one.
    pub fn open(
        server: SocketAddr,
        identity: Option<Identity>,
        patience: Duration,
    ) -> io::Result<Tunnel> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let entrance = listener.local_addr()?;
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        thread::spawn(move || {
            for plain in listener.incoming().map_while(Result::ok) {
                if is_closed.load(SeqCst) {
                    return;
                }
                thread::spawn(move || match Client::new(patience).open(server) {
                    Ok(talk) => pump(talk.tls.into(), &talk.socket, &plain, true),
                    Err(_) => reset(&plain),
                });
            }
        });
        Ok(Tunnel {
            entrance,
            server,
            identity,
            closed,
        })
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.closed.store(true, SeqCst);
        let _ = TcpStream::connect(self.entrance);
    }
}

/// Carries bytes both ways between a TLS connection and a plain one, until both have ended or one
/// is broken. With `goodbye`, the end of the plain side becomes `close_notify`.
pub fn pump(mut tls: rustls::Connection, wire: &TcpStream, plain: &TcpStream, goodbye: bool) {
    let broken = carry(&mut tls, wire, plain, goodbye).is_err();
    if broken {
        reset(wire);
        reset(plain);
    }
}

/// Lets a connection end with a reset.
fn reset(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// How long nothing may happen. Reached only when something is wrong.
const IDLE: Duration = Duration::from_secs(300);

fn carry(
    tls: &mut rustls::Connection,
    mut wire: &TcpStream,
    mut plain: &TcpStream,
    goodbye: bool,
) -> io::Result<()> {
    for socket in [wire, plain] {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
    }
    // It's never given more before that is sent.
    tls.set_buffer_limit(None);
    let mut block = vec![0; 64 * 1024];
    // Decrypted, and not yet written
    let mut waiting = Vec::new();
    let (mut wire_ended, mut plain_ended, mut said_goodbye) = (false, false, false);
    let mut last = Instant::now();
    loop {
        let mut moved = false;
        if !plain_ended && !tls.wants_write() && !tls.is_handshaking() {
            match ready(plain.read(&mut block))? {
                Some(0) => plain_ended = true,
                Some(count) => {
                    tls.writer().write_all(&block[..count])?;
                    moved = true;
                }
                None => {}
            }
        }
        if plain_ended && !said_goodbye {
            said_goodbye = true;
            moved = true;
            if goodbye {
                tls.send_close_notify();
            }
        }
        while tls.wants_write() && ready(tls.write_tls(&mut wire))?.is_some() {
            moved = true;
        }
        if said_goodbye && !tls.wants_write() && !wire_ended {
            // Both halves: what still comes is read.
            let _ = wire.shutdown(Shutdown::Write);
        }
        if waiting.is_empty() && !wire_ended {
            match ready(tls.read_tls(&mut wire))? {
                Some(0) => wire_ended = true,
                Some(_) => moved = true,
                None => {}
            }
            let state = tls.process_new_packets();
            if state.is_err() {
                // The alert that says why.
                let _ = tls.write_tls(&mut wire);
            }
            let state = state.map_err(io::Error::other)?;
            wire_ended |= state.peer_has_closed();
            waiting.resize(state.plaintext_bytes_to_read(), 0);
            let got = ready(tls.reader().read(&mut waiting))?;
            waiting.truncate(got.unwrap_or(0));
        }
        while !waiting.is_empty() {
            let Some(count) = ready(plain.write(&waiting))? else {
                break;
            };
            waiting.drain(..count);
            moved = true;
        }
        if wire_ended && waiting.is_empty() {
            let _ = plain.shutdown(Shutdown::Write);
            if said_goodbye && !tls.wants_write() {
                return Ok(());
            }
        }
        if moved {
            last = Instant::now();
            continue;
        }
        if last.elapsed() > IDLE {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut on_wire = PollFlags::empty();
        on_wire.set(PollFlags::IN, waiting.is_empty() && !wire_ended);
        on_wire.set(PollFlags::OUT, tls.wants_write());
        let mut on_plain = PollFlags::empty();
        on_plain.set(PollFlags::IN, !plain_ended && !tls.wants_write());
        on_plain.set(PollFlags::OUT, !waiting.is_empty());
        let mut sockets = [PollFd::new(&wire, on_wire), PollFd::new(&plain, on_plain)];
        let second = rustix::event::Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        rustix::event::poll(&mut sockets, Some(&second))?;
        let gone = PollFlags::ERR | PollFlags::NVAL;
        if sockets
            .iter()
            .any(|socket| socket.revents().intersects(gone))
        {
            return Err(ErrorKind::ConnectionReset.into());
        }
    }
}

/// What came of it, or nothing if it would have had to wait.
fn ready(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(e) if e.kind() == ErrorKind::Interrupted => Ok(None),
        Err(e) => Err(e),
    }
}
