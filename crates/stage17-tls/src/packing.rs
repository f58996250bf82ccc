//! Packing: which answers travel as gzip, and how a packed body is read (RFC 9110 §8.4).

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::connection::Refusal;
use crate::request::Request;
use crate::response::Response;

/// What is shorter is not packed, in bytes: the packet that carries it is on its way anyway.
const WORTH_IT: u64 = 1024;

/// Whether it pays to pack bytes of this type: text shrinks to a third, a picture not at all.
pub fn pays(content_type: &str, length: u64) -> bool {
    let kinds = ["text/", "json", "/xml", "+xml", "javascript"];
    length >= WORTH_IT && kinds.iter().any(|kind| content_type.contains(kind))
}

/// Whether the client takes gzip, and likes it no less than the bytes as they are. Each coding
/// may have a weight from 0, which means never, to 1: `gzip;q=0.5` (RFC 9110 §12.5.3).
pub fn accepts_gzip(request: &Request) -> bool {
    let (mut gzip, mut plain, mut others) = (None, 0.0, 0.0);
    for member in request.members("accept-encoding") {
        let member = member.to_ascii_lowercase();
        let (coding, weight) = member.split_once(';').unwrap_or((&member, "q=1"));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("0");
        let weight: f32 = weight.parse().unwrap_or(0.0);
        match coding.trim() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "identity" => plain = weight,
            "*" => others = weight,
            _ => {}
        }
    }
    let gzip = gzip.unwrap_or(others);
    // What is packed on the way travels in chunks, and HTTP/1.0 knows none.
    request.version != "HTTP/1.0" && gzip > 0.0 && gzip >= plain
}

/// Packs what a handler has made, where the client likes it and where it pays.
pub fn pack_page(response: &mut Response, accepts_gzip: bool) {
    let Some(("Content-Type", kind)) = response.fields.first() else {
        return;
    };
    if !pays(kind, response.body.len() as u64) {
        return;
    }
    // A cache must not give the packed answer to a client that cannot unpack it.
    response
        .fields
        .push(("Vary", "Accept-Encoding".to_string()));
    if accepts_gzip {
        response.pack();
    }
}

/// Unpacks the body of a request, to at most `max_body` bytes.
pub fn unpack(request: &mut Request, max_body: usize) -> Result<(), Refusal> {
    let coding = request.values("content-encoding").join(",");
    match &coding.to_ascii_lowercase()[..] {
        "" | "identity" => return Ok(()),
        // A GET, for instance, whose fields say what the client always says
        _ if request.body.is_empty() => return Ok(()),
        "gzip" | "x-gzip" => {}
        _ => {
            let status = "415 Unsupported Media Type";
            return Err(Refusal::new(status, "an unknown content coding"));
        }
    }
    let mut body = Vec::new();
    // One byte more than allowed, and no further: a megabyte may unpack to a gigabyte.
    let mut unpacked = MultiGzDecoder::new(&request.body[..]).take(max_body as u64 + 1);
    if unpacked.read_to_end(&mut body).is_err() {
        return Err("the body is not packed with gzip (RFC 9110 §8.4)".into());
    }
    if body.len() > max_body {
        return Err(Refusal::new(
            "413 Content Too Large",
            "more than --max-body",
        ));
    }
    request.body = body;
    Ok(())
}
