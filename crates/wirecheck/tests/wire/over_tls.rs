//! A wrong server that speaks TLS, made of a right one that speaks plain HTTP: the handshake and
//! all that belongs to it is done here, and goes wrong in one way.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS12;
use rustls::version::TLS13;
use wirecheck::tls;

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but what goes without saying: it doesn't know plain HTTP when it sees some, and
    /// waits for ever for the end of a handshake.
    Plain,
    /// Speaks TLS 1.2 and nothing else.
    Only12,
    /// Speaks TLS 1.3 and nothing else.
    Only13,
    /// Goes along when a client knows nothing above TLS 1.1.
    Old,
    /// Would rather have HTTP/2.
    PrefersH2,
    /// Has never heard of ALPN.
    NoAlpn,
    /// Sends the first certificate of the file, and no other.
    LeafOnly,
    /// Closes without `close_notify`.
    NoGoodbye,
    /// Ends as a program when a handshake fails.
    DiesOfGarbage,
    /// Shakes one hand after the other.
    OneAtATime,
    /// Takes the first record for the whole request.
    FirstRecord,
    /// Forgets what comes after so many bytes of an answer.
    Forgets(usize),
}

/// What stands in front of the stage.
pub struct Front {
    config: Arc<ServerConfig>,
    fault: Fault,
}

/// How a client was served.
pub enum Served {
    Yes,
    /// The program ends.
    Dies,
}

impl Front {
    /// Takes the flags that are about TLS away from the stage behind.
    pub fn new(flags: &mut Vec<String>, fault: Fault) -> Option<Front> {
        let mut take = |name: &str| {
            let at = flags.iter().position(|flag| flag == name)?;
            flags.drain(at..at + 2).next_back()
        };
        let (cert, key) = (take("--cert")?, take("--key")?);
        let mut chain = Vec::new();
        for certificate in CertificateDer::pem_file_iter(cert).ok()? {
            chain.push(certificate.ok()?);
        }
        if fault == Fault::LeafOnly {
            chain.truncate(1);
        }
        let versions = match fault {
            Fault::Only12 => vec![&TLS12],
            Fault::Only13 => vec![&TLS13],
            _ => vec![&TLS12, &TLS13],
        };
        let mut config = ServerConfig::builder_with_protocol_versions(&versions)
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(key).ok()?)
            .ok()?;
        config.alpn_protocols = match fault {
            Fault::NoAlpn => Vec::new(),
            Fault::PrefersH2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            _ => vec![b"http/1.1".to_vec()],
        };
        let config = Arc::new(config);
        Some(Front { config, fault })
    }

    /// One client, from its first byte to its last.
    pub fn serve(
        &self,
        client: &TcpStream,
        connect: impl Fn() -> io::Result<TcpStream>,
    ) -> io::Result<Served> {
        static HAND: Mutex<()> = Mutex::new(());
        let hand = (self.fault == Fault::OneAtATime)
            .then(|| HAND.lock().unwrap_or_else(PoisonError::into_inner));
        let mut wire = client;
        if self.fault == Fault::Old && is_old(client)? {
            // A ServerHello, or what looks like one.
            wire.write_all(&[22, 3, 2, 0, 4, 2, 0, 0, 0])?;
            return Ok(Served::Yes);
        }
        let mut tls = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            if let Err(error) = tls.complete_io(&mut wire) {
                return match self.fault {
                    Fault::DiesOfGarbage => Ok(Served::Dies),
                    _ => Err(error),
                };
            }
        }
        drop(hand);
        let stage = connect()?;
        match self.fault {
            Fault::FirstRecord => {
                let mut stream = rustls::Stream::new(&mut tls, &mut wire);
                let mut first = [0; 16 * 1024];
                let count = stream.read(&mut first)?;
                (&stage).write_all(&first[..count])?;
                stage.shutdown(Shutdown::Write)?;
                let mut answer = Vec::new();
                (&stage).read_to_end(&mut answer)?;
                stream.write_all(&answer)?;
                stream.conn.send_close_notify();
                stream.flush()?;
            }
            Fault::Forgets(count) => tls::pump(tls.into(), client, &up_to(stage, count)?, true),
            _ => tls::pump(tls.into(), client, &stage, self.fault != Fault::NoGoodbye),
        }
        Ok(Served::Yes)
    }
}

/// Whether the version in a ClientHello is TLS 1.1.
fn is_old(client: &TcpStream) -> io::Result<bool> {
    let mut start = [0; 11];
    while client.peek(&mut start)? < start.len() {
        thread::yield_now();
    }
    Ok(start[9..] == [3, 2])
}

/// A connection on which no more than so many bytes come from the stage.
fn up_to(stage: TcpStream, count: usize) -> io::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    let (there, back) = (far.try_clone()?, stage.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut &there, &mut &stage).and_then(|_| stage.shutdown(Shutdown::Write))
    });
    thread::spawn(move || {
        io::copy(&mut (&back).take(count as u64), &mut &far)
            .and_then(|_| far.shutdown(Shutdown::Write))
    });
    Ok(near)
}
