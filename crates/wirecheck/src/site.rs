//! A folder to serve, with everything in it that may go wrong.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use tempfile::TempDir;

use crate::check::Failure;
use crate::server::Server;

/// What no request may ever get.
pub const SECRET: &str = "a secret that lies outside of the root";

/// The size of the big file: sparse, so that it takes no room on the disk.
pub const BIG: u64 = 100 << 20;

/// A server that serves the folder.
pub struct Site {
    /// The server.
    pub server: Server,
    root: PathBuf,
}

impl Site {
    /// Makes the folder and starts a server like `like` on it.
    pub fn new(like: &Server, flags: &[&str]) -> Result<Site, Failure> {
        let server = like.on_files(flags)?;
        let root = server.files.as_deref().map(Files::root).unwrap_or_default();
        Ok(Site { server, root })
    }

    /// The folder that is served.
    pub fn root(&self) -> PathBuf {
        self.root.clone()
    }
}

/// All the folders that were made.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The folder.
pub enum Files {
    /// Deleted when it is dropped.
    Own(TempDir),
    /// One that [`Files::lay_out_in`] has made, and that somebody serves.
    Told(PathBuf),
}

impl Files {
    /// Makes it.
    pub fn lay_out() -> Result<Files, Failure> {
        let cannot = |e: io::Error| Failure::new(format!("cannot make a folder to serve: {e}"));
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().map_err(cannot)?;
        fill(&folder.path().join("www")).map_err(cannot)?;
        folders.push(folder.path().to_path_buf());
        Ok(Files::Own(folder))
    }

    /// Makes it where somebody wants it, to serve it with a server that we can't start. Says
    /// what to serve.
    pub fn lay_out_in(folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir(folder)?;
        let root = folder.canonicalize()?.join("www");
        fill(&root)?;
        Ok(root)
    }

    /// That folder, as it was in the beginning; none if this is another one.
    pub fn again(root: &Path) -> Option<Files> {
        let secret = fs::read(root.with_file_name("secret.txt")).ok()?;
        let is_ours = secret == SECRET.as_bytes() && root.join("unknown.wirecheck").exists();
        if !is_ours {
            return None;
        }
        let _ = fs::remove_file(root.join("hello"));
        write_files(root).ok()?;
        Some(Files::Told(root.to_path_buf()))
    }

    /// Where it is.
    pub fn root(&self) -> PathBuf {
        match self {
            Files::Own(folder) => folder.path().join("www"),
            Files::Told(root) => root.clone(),
        }
    }
}

/// Deletes those that are left, for a program that ends without dropping anything.
pub(crate) fn remove_all() {
    let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in folders.iter() {
        let _ = fs::remove_dir_all(folder);
    }
}

/// The folder is called `www`. Beside it lie `secret.txt`, and a sibling
/// `www-private` whose name begins alike.
fn fill(root: &Path) -> io::Result<()> {
    let outside = root.with_file_name("secret.txt");
    let sibling = root.with_file_name("www-private");
    fs::create_dir_all(root.join("sub/deep"))?;
    fs::create_dir_all(root.join("no-index"))?;
    fs::create_dir_all(root.join("odd/index.html"))?;
    fs::create_dir_all(root.join(Path::new("\\odd.example")))?;
    fs::create_dir_all(root.join(".git"))?;
    fs::create_dir_all(root.join(".well-known/acme-challenge"))?;
    fs::create_dir_all(root.join(".well-known-not"))?;
    fs::create_dir_all(root.join("sub/.well-known"))?;
    fs::create_dir_all(&sibling)?;
    fs::write(&outside, SECRET)?;
    fs::write(sibling.join("secret.txt"), SECRET)?;
    write_files(root)?;
    fs::write(root.join(".hidden"), SECRET)?;
    fs::write(root.join(".git/config"), SECRET)?;
    fs::write(
        root.join(".well-known/acme-challenge/token"),
        "for everybody",
    )?;
    fs::write(root.join(".well-known/.hidden"), SECRET)?;
    fs::write(root.join(".well-known-not/token"), SECRET)?;
    fs::write(root.join("sub/.well-known/token"), SECRET)?;
    File::create(root.join("big.bin"))?.set_len(BIG)?;
    symlink("plain.txt", root.join("link-inside.txt"))?;
    symlink("sub", root.join("link-to-sub"))?;
    symlink(&outside, root.join("link-outside.txt"))?;
    symlink("../secret.txt", root.join("link-up.txt"))?;
    symlink("..", root.join("link-to-parent"))?;
    symlink("../www-private", root.join("link-to-sibling"))?;
    symlink("link-round", root.join("link-round"))?;
    symlink("nowhere", root.join("link-nowhere"))?;
    symlink("/dev/zero", root.join("link-to-zero"))?;
    let all = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, root.join("fifo"), FileType::Fifo, all, 0)?;
    std::os::unix::net::UnixListener::bind(root.join("socket"))?;
    Ok(())
}

/// Those that a check may change.
fn write_files(root: &Path) -> io::Result<()> {
    let files: [(&str, &[u8]); 17] = [
        (
            "index.html",
            b"<!DOCTYPE html>\n<title>index</title>\n<form method=\"post\"></form>\n",
        ),
        ("style.css", b"body { margin: 0 }\n"),
        ("script.js", b"'use strict';\n"),
        ("page.html", b"<p>page</p>\n"),
        // More bytes than characters: Content-Length counts bytes.
        ("plain.txt", "plain, and \u{eb}\n".as_bytes()),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0"),
        ("data.json", b"{}\n"),
        ("unknown.wirecheck", b"\0\x01\x02"),
        ("no-extension", b"none\n"),
        ("empty.txt", b""),
        ("a space.txt", b"space\n"),
        ("a+plus.txt", b"plus\n"),
        ("100%.txt", b"percent\n"),
        ("\u{eb}.txt", b"e with diaeresis\n"),
        ("no-index/file.txt", b"file\n"),
        ("sub/index.html", b"<p>sub</p>\n"),
        ("sub/file.txt", b"file in sub\n"),
    ];
    for (name, bytes) in files {
        fs::write(root.join(name), bytes)?;
    }
    Ok(())
}
