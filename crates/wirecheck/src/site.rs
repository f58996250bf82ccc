//! A folder to serve, with everything in it that may go wrong.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use tempfile::TempDir;

use crate::check::Failure;
use crate::server::Server;

/// What no request may ever get.
pub const SECRET: &str = "a secret that lies outside of the root";

/// The size of the big file: sparse, so that it takes no room on the disk.
pub const BIG: u64 = 256 << 20;

/// The folder and the server that serves it.
pub struct Site {
    /// Serves the folder.
    pub server: Server,
    /// Deleted when the check is over.
    folder: TempDir,
}

impl Site {
    /// Makes the folder and starts a server like `like` on it.
    pub fn new(like: &Server, flags: &[&str]) -> Result<Site, Failure> {
        let cannot = |e: io::Error| Failure::new(format!("cannot make a folder to serve: {e}"));
        let folder = tempfile::tempdir().map_err(cannot)?;
        let site = folder.path().join("www");
        fill(&site).map_err(cannot)?;
        let root = site.to_string_lossy().into_owned();
        let server = like.own(&[flags, &[&root]].concat())?;
        Ok(Site { server, folder })
    }

    /// The folder that is served.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("www")
    }
}

/// The folder is called `www`. Beside it lie `secret.txt`, and a sibling
/// `www-private` whose name begins alike.
fn fill(root: &Path) -> io::Result<()> {
    let outside = root.with_file_name("secret.txt");
    let sibling = root.with_file_name("www-private");
    fs::create_dir_all(root.join("sub/deep"))?;
    fs::create_dir_all(root.join("no-index"))?;
    fs::create_dir_all(root.join(".git"))?;
    fs::create_dir_all(&sibling)?;
    fs::write(&outside, SECRET)?;
    fs::write(sibling.join("secret.txt"), SECRET)?;
    let files: [(&str, &[u8]); 18] = [
        ("index.html", b"<!DOCTYPE html>\n<title>index</title>\n"),
        ("style.css", b"body { margin: 0 }\n"),
        ("script.js", b"'use strict';\n"),
        ("page.html", b"<p>page</p>\n"),
        ("plain.txt", b"plain\n"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0"),
        ("data.json", b"{}\n"),
        ("unknown.wirecheck", b"\0\x01\x02"),
        ("no-extension", b"none\n"),
        ("empty.txt", b""),
        ("a space.txt", b"space\n"),
        ("a+plus.txt", b"plus\n"),
        ("100%.txt", b"percent\n"),
        ("\u{eb}.txt", b"e with diaeresis\n"),
        ("hello", b"a file named as a route\n"),
        ("no-index/file.txt", b"file\n"),
        ("sub/index.html", b"<p>sub</p>\n"),
        ("sub/file.txt", b"file in sub\n"),
    ];
    for (name, bytes) in files {
        fs::write(root.join(name), bytes)?;
    }
    fs::write(root.join(".hidden"), SECRET)?;
    fs::write(root.join(".git/config"), SECRET)?;
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
