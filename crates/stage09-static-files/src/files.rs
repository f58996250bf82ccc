//! Files: which one a path leads to, and which ones no path must lead to.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;

use crate::connection::Refusal;
use crate::percent;
use crate::response::Response;
use crate::routes::internal_error;

/// A file up to this size is read at once, in bytes.
const SMALL_FILE: u64 = 64 * 1024;

/// A larger file is sent in blocks of this size, in bytes.
const BLOCK_SIZE: u64 = 256 * 1024;

/// How many writes in a row may time out. A system makes room by the megabyte, and who reads
/// slowly may need a minute for that.
const MAX_STALLS: u32 = 5;

/// Answers with the file below `root` that the path leads to, or with a redirect to the folder
/// that it names. `None` if nothing is there; an error if it cannot be read.
pub fn find(root: &Path, path: &str) -> Result<Option<Response>, Refusal> {
    let Some(name) = locate(root, path) else {
        return Ok(None);
    };
    let Ok(metadata) = fs::metadata(&name) else {
        return Ok(None);
    };
    if metadata.is_dir() && path.ends_with('/') {
        return find(root, &format!("{path}index.html"));
    }
    if metadata.is_dir() && !path.ends_with("/index.html") {
        // With the slash, relative links in the page lead where they should.
        return Ok(Some(add_slash(path)));
    }
    if !metadata.is_file() {
        // To open a FIFO would hold the thread until somebody writes into it.
        return Ok(None);
    }
    match open(&name, path, metadata.len()) {
        Ok(response) => Ok(Some(response)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(internal_error(error)),
    }
}

/// Finds what a path means below `root`: nothing outside.
fn locate(root: &Path, path: &str) -> Option<PathBuf> {
    let mut name = root.to_path_buf();
    for segment in path.split('/') {
        let segment = percent::decode(segment);
        // `.` and `..` must not climb, `.git` is nobody's business, and a slash that was
        // encoded would start a path of its own.
        if segment.starts_with(b".") || segment.contains(&b'/') {
            return None;
        }
        name.push(OsStr::from_bytes(&segment));
        if !segment.is_empty() && name.is_symlink() {
            // A link may lead anywhere. `starts_with` compares whole names, so that
            // `/srv/public-not` does not pass for a part of `/srv/public`.
            name = name.canonicalize().ok()?;
            if !name.starts_with(root) {
                return None;
            }
        }
    }
    Some(name)
}

/// Redirects from `/notes` to `/notes/`.
fn add_slash(path: &str) -> Response {
    // One slash at the start: `//notes/` or `/\notes/` would be the page `/` of the host `notes`.
    let location = format!("/{}/", path.trim_start_matches(['/', '\\']));
    let mut response = Response::refusal("301 Moved Permanently");
    response.fields.push(("Location", location));
    response
}

/// Makes an answer of a file of this length, in bytes. Its type is that of `path`: a link may
/// have led to another `name`.
fn open(name: &Path, path: &str, length: u64) -> io::Result<Response> {
    let mut response = Response::new("200 OK", &content_type(path), Vec::new());
    if length <= SMALL_FILE {
        response.body = fs::read(name)?;
    } else {
        response.file = Some(File::open(name)?);
        response.file_length = length;
    }
    Ok(response)
}

/// Guesses from the end of a path, `.css` for instance, what a file is.
fn content_type(path: &str) -> String {
    let name = percent::decode(path);
    let kind = mime_guess::from_path(OsStr::from_bytes(&name)).first_or_octet_stream();
    if kind.type_() == "text" {
        return format!("{kind}; charset=utf-8");
    }
    kind.to_string()
}

/// Sends `length` bytes of a file, block by block: a file of a gigabyte needs no gigabyte.
///
/// Fails if the client is gone or takes nothing for too long, or if the file has become shorter.
pub fn send(file: &File, length: u64, stream: &mut TcpStream) -> io::Result<()> {
    let mut block = vec![0; BLOCK_SIZE as usize];
    let mut sent = 0;
    let mut stalls = 0;
    while sent < length {
        let wanted = BLOCK_SIZE.min(length - sent) as usize;
        let count = file.read_at(&mut block[..wanted], sent)?;
        if count == 0 {
            // The file has become shorter. The client sees it by the length that it was told.
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match stream.write(&block[..count]) {
            Ok(count) => {
                sent += count as u64;
                stalls = 0;
            }
            // Stopped with Ctrl-Z.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // No room within the timeout.
            Err(error) if error.kind() == ErrorKind::WouldBlock && stalls < MAX_STALLS => {
                stalls += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
