//! The exercises of chapter 17.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use super::exercise;
use crate::check::Check;
use crate::check::Failure;
use crate::check::Verdict;
use crate::check::ensure;
use crate::server::Server;
use crate::server::request;

const EXERCISE: Check = exercise(17);
const HSTS: &str = "Strict-Transport-Security";

pub(super) const EXERCISES: &[Check] = &[
    Check {
        name: "17-hsts",
        rule: "RFC 6797 §7.1 and §7.2: the header goes with answers over TLS, and with no others",
        sends: "GET /hello and GET /nowhere over TLS; GET /hello in the open",
        expects: "Strict-Transport-Security: max-age=31536000 with the first two only",
        hint: "In serve, where Connection is added to every answer. Ask the connection whether it is secure.",
        run: hsts,
        ..EXERCISE
    },
    Check {
        name: "17-redirect",
        rule: "RFC 9110 §15.4.9: 308 says where it is from now on, and the method stays",
        sends: "GET /hello?name=Ada in the open, where HTTPS is spoken, for the host shop.example:8443; without a host; OPTIONS *",
        expects: "308, and Location: https://shop.example:8443/hello?name=Ada; 400 where there is no address",
        hint: "plain_page needs the request: its Host, its path, and its query if there is one.",
        run: redirect,
        ..EXERCISE
    },
];

fn hsts(server: &Server) -> Verdict {
    let own = server.secure(&[])?;
    for target in ["/hello", "/nowhere"] {
        own.get(target)?.field_is(HSTS, "max-age=31536000")?;
    }
    let open = server.get("/hello")?;
    ensure(
        open.field(HSTS).is_err(),
        "the header is there in the open, too, where anybody on the way can make it up",
    )?;
    let open = in_the_open(&own, &request("GET", "/hello"))?;
    ensure(
        !open.contains(HSTS),
        "the header goes with the answer to plain HTTP",
    )
}

fn redirect(server: &Server) -> Verdict {
    let own = server.secure(&[])?;
    for target in ["/hello?name=Ada", "/hello"] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: shop.example:8443\r\n\r\n");
        let answer = in_the_open(&own, &head)?;
        let there = format!("Location: https://shop.example:8443{target}");
        ensure(
            answer.starts_with("HTTP/1.1 308 ") && answer.lines().any(|line| line == there),
            format!(
                "GET {target} is not answered with 308 and {there}, but with\n{}",
                answer.split("\r\n\r\n").next().unwrap_or_default()
            ),
        )?;
    }
    for head in [
        "GET /hello HTTP/1.0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost:\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    ] {
        let answer = in_the_open(&own, head)?;
        let status = answer.lines().next().unwrap_or_default();
        ensure(
            status.starts_with("HTTP/1.1 400 "),
            format!("{head:?} has no address, and the answer is {status:?} instead of 400"),
        )?;
    }
    Ok(())
}

/// What comes back to plain HTTP where HTTPS is spoken.
fn in_the_open(server: &Server, request: &str) -> Result<String, Failure> {
    let ask = || -> io::Result<Vec<u8>> {
        let address = server.tunnel().map(|tunnel| tunnel.server);
        let mut client = TcpStream::connect(address.map_err(|_| io::ErrorKind::NotFound)?)?;
        client.set_read_timeout(Some(server.patience))?;
        client.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = ask().map_err(|e| Failure::new(format!("no answer to plain HTTP: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
