//! Files: which one a path leads to, and which ones no path must lead to.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::ErrorKind;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use crate::Args;
use crate::conditions;
use crate::percent;
use crate::ranges;
use crate::request::Request;
use crate::response::Response;

/// Answers with the file below the root that the path leads to, or with a redirect to the folder
/// that it names. `None` if nothing is there; an error if it cannot be read.
pub fn find(args: &Args, request: &Request) -> io::Result<Option<Response>> {
    let mut path = request.path.clone();
    if path.ends_with('/') {
        path += "index.html";
    }
    let Some((file, metadata)) = locate(&args.root, &path) else {
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
    let (modified, etag) = validators(&metadata);
    match conditions::judge(request, modified, &etag) {
        Some("304 Not Modified") => response = Response::empty("304 Not Modified"),
        Some(status) => return Ok(Some(Response::status_page(status))),
        None => {
            let date = httpdate::fmt_http_date(modified);
            response.fields.push(("Last-Modified", date));
            response.fields.push(("Accept-Ranges", "bytes".to_string()));
        }
    }
    response.fields.push(("ETag", etag.clone()));
    if let Some(seconds) = args.max_age {
        let lifetime = format!("max-age={seconds}");
        response.fields.push(("Cache-Control", lifetime));
    }
    if conditions::allow_range(request, modified, &etag) {
        response = cut(request, response)?;
    }
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

/// Leaves of a file only the part that the request asks for, if it does (RFC 9110 §14).
fn cut(request: &Request, mut response: Response) -> io::Result<Response> {
    let length = response.file_length;
    let (Some(range), Some(file)) = (ranges::wanted(request, length), &mut response.file) else {
        return Ok(response);
    };
    if range.is_empty() {
        response = Response::status_page("416 Range Not Satisfiable");
        let content_range = format!("bytes */{length}");
        response.fields.push(("Content-Range", content_range));
        return Ok(response);
    }
    file.seek(SeekFrom::Start(range.start))?;
    response.file_length = range.end - range.start;
    response.status = "206 Partial Content";
    let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    response.fields.push(("Content-Range", content_range));
    Ok(response)
}

/// When a file was modified, to the second, and its tag: another one whenever it was written.
fn validators(metadata: &Metadata) -> (SystemTime, String) {
    let seconds = Duration::from_secs(metadata.mtime().max(0).cast_unsigned());
    // A clock that was wrong may have written any date; we send none of tomorrow
    // (RFC 9110 §8.8.2.1).
    let modified = (SystemTime::UNIX_EPOCH + seconds).min(SystemTime::now());
    let (length, nanos) = (metadata.len(), metadata.mtime_nsec());
    let etag = format!("\"{length:x}-{:x}-{nanos:x}\"", metadata.mtime());
    (modified, etag)
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
