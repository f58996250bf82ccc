//! Files: which one a path leads to, and which ones no path must lead to.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use crate::percent;
use crate::request::Request;
use crate::response::Response;

/// Answers with the file below `root` that the path leads to, or with a redirect to the folder
/// that it names. `None` if nothing is there; an error if it cannot be read.
pub fn find(root: &Path, request: &Request) -> io::Result<Option<Response>> {
    let mut path = request.path.clone();
    if path.ends_with('/') {
        path += "index.html";
    }
    let Some((file, metadata)) = locate(root, &path) else {
        return Ok(None);
    };
    if metadata.is_dir() && !request.path.ends_with('/') {
        return Ok(Some(add_slash(request)));
    }
    if !metadata.is_file() {
        // To open a FIFO would hold the thread until somebody writes into it.
        return Ok(None);
    }
    let file = match File::open(&file) {
        Ok(file) => file,
        // Somebody has removed it meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // A file that we may not read does not exist for our clients either.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut response = Response::new("200 OK", &content_type(&path), Vec::new());
    response.file = Some(file);
    response.file_length = metadata.len();
    Ok(Some(response))
}

/// Finds what a path means below `root`: nothing outside.
fn locate(root: &Path, path: &str) -> Option<(PathBuf, Metadata)> {
    let mut file = root.to_path_buf();
    let mut metadata = None;
    // What stands before the first slash is empty.
    for segment in path.split('/').skip(1) {
        let segment = percent::decode(segment);
        // `..` must not climb, and `.git` is nobody's business; only /.well-known/ is, where
        // certificate authorities look (RFC 8615).
        let hidden = segment.starts_with(b".") && (file != root || segment != b".well-known");
        // A slash that was encoded would start a path of its own.
        if hidden || segment.contains(&b'/') {
            return None;
        }
        file.push(OsStr::from_bytes(&segment));
        metadata = file.symlink_metadata().ok();
        if metadata.as_ref()?.is_symlink() {
            // A link may lead anywhere. `starts_with` compares whole names, so that
            // `/srv/public-not` does not pass for a part of `/srv/public`.
            file = file.canonicalize().ok()?;
            if !file.starts_with(root) {
                return None;
            }
            metadata = file.metadata().ok();
        }
    }
    Some((file, metadata?))
}

/// Redirects from `/notes?page=2` to `/notes/?page=2`: there, relative links in the page lead
/// where they should.
fn add_slash(request: &Request) -> Response {
    // One slash at the start: `//notes/` or `/\notes/` would be the page `/` of the host `notes`.
    let path = request.path.trim_start_matches(['/', '\\']);
    let mut location = format!("/{path}/");
    if !request.query.is_empty() {
        location += &format!("?{}", request.query);
    }
    let mut response = Response::status_page("301 Moved Permanently");
    response.fields.push(("Location", location));
    response
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

/// Finds a folder that comes with this stage. Whoever moves a checkout takes it along, so what
/// counts is where we are now: `cargo run` says where the crate is; or the current folder is
/// the checkout. The last resort is where the program was built.
pub fn that_comes_along(name: &str) -> PathBuf {
    let crate_now = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for folder in [&crate_now, concat!("crates/", env!("CARGO_PKG_NAME"))] {
        let path = Path::new(folder).join(name);
        // Without cargo `folder` is empty, and a `public` where we happen to be is not ours.
        if !folder.is_empty() && path.exists() {
            return path;
        }
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
