//! What is known of a server's pages: what we were told, what its first page links to, and
//! the paths that tutorials use. Each is found out once.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use crate::answer::Answer;
use crate::check::Failure;
use crate::server::Server;
use crate::server::request;

/// What whoever runs the checks says about the server.
#[derive(Clone, Default, Debug)]
pub struct Told {
    /// Paths to ask for, beside `/`.
    pub paths: Vec<String>,
    /// Paths that take a POST.
    pub posts: Vec<String>,
    /// The folder that is served.
    pub root: Option<PathBuf>,
    /// How long to wait for a server to send idle clients away.
    pub deadline: Option<Duration>,
}

/// The pages that are asked for.
#[derive(Debug)]
pub struct Pages {
    /// By GET; the first is `/`.
    pub get: Vec<String>,
    /// By POST.
    pub post: Vec<Posts>,
    /// The names of the parameters that its forms and links use.
    pub parameters: Vec<String>,
}

/// A page that takes a POST.
#[derive(Debug)]
pub struct Posts {
    pub target: String,
    /// The answer holds what was posted.
    pub shows_body: bool,
}

/// A path that nobody has.
pub const MISSING: &str = "/no/such/page-4711";

/// Where tutorials put things, and the checks of this one.
const USUAL: &[&str] = &["/hello", "/echo", "/index.html", "/files/", "/static/"];

/// So many pages are asked: the questions are many.
const MOST: usize = 10;

/// A page beyond this is not asked all questions.
const LARGE: usize = 1 << 20;

/// For a page that nobody has told us of, longer is not waited.
const PATIENCE_FOR_LEARNING: Duration = Duration::from_secs(2);

/// What was found out, once for all checks.
#[derive(Default, Debug)]
pub struct Learned {
    pages: OnceLock<Pages>,
    keeps: OnceLock<bool>,
    at_once: OnceLock<bool>,
    survey: OnceLock<Vec<Asked>>,
    /// What ended the server while it was looked at, each with how.
    lethal: Mutex<Vec<(String, Failure)>>,
}

/// A request as an ordinary client sends it, and what came back.
#[derive(Debug)]
pub struct Asked {
    /// `GET /hello`, or what is wrong with the request.
    pub what: String,
    /// It is right to refuse this request.
    pub is_wrong: bool,
    /// The answer, if one came that can be read.
    pub answer: Option<Answer>,
    /// Why it cannot.
    pub failure: Option<Failure>,
    /// What became of the connection.
    pub then: Then,
}

/// What became of a connection after an answer.
#[derive(Debug)]
pub enum Then {
    /// The next request was answered.
    Kept,
    /// The answer said that it would be closed.
    SaidClose,
    /// The answer did not say so, and the next request got none.
    ClosedUnsaid,
    /// There was no answer.
    Nothing,
}

impl Server {
    /// Its pages.
    pub fn pages(&self) -> Result<&Pages, Failure> {
        if self.learned.pages.get().is_none() {
            let pages = learn(self)?;
            let _ = self.learned.pages.set(pages);
        }
        Ok(self.learned.pages.get().expect("it has just been set"))
    }

    /// What has ended it while its pages were looked for, if anything has.
    pub fn lethal(&self) -> Vec<Failure> {
        let lethal = self.learned.lethal.lock();
        let lethal = lethal.unwrap_or_else(PoisonError::into_inner);
        lethal.iter().map(|(_, failure)| failure.clone()).collect()
    }

    /// Asks for a page that may be there; what has ended the server is not asked again.
    fn looks_for(&self, what: &str, bytes: impl AsRef<[u8]>) -> Result<Option<Answer>, Failure> {
        let lethal = self.learned.lethal.lock();
        let mut lethal = lethal.unwrap_or_else(PoisonError::into_inner);
        if lethal.iter().any(|(known, _)| known == what) {
            return Ok(None);
        }
        let failure = match self.ask(bytes) {
            Ok(answer) => return Ok(Some(answer)),
            Err(failure @ Failure::Skipped(_)) => return Err(failure),
            Err(failure) => failure,
        };
        if let Some(ended) = self.has_ended() {
            let failure = ended.after(self.last()).asked(what);
            lethal.push((what.to_string(), failure.clone()));
            return Err(failure);
        }
        let was_cut = failure.first_line().starts_with("the server closed");
        // A page that never ends may be a stream of events, and is asked nothing more.
        if was_cut { Err(failure) } else { Ok(None) }
    }

    /// Does it keep a connection for the next request?
    pub fn keeps_connections(&self) -> Result<bool, Failure> {
        if let Some(keeps) = self.learned.keeps.get() {
            return Ok(*keeps);
        }
        let asked = ask(self, "GET /", get("/"), false, self.patience)?;
        let keeps = matches!(asked.then, Then::Kept);
        Ok(*self.learned.keeps.get_or_init(|| keeps))
    }

    /// Does it serve a client while another one is connected and silent?
    pub fn serves_many_at_once(&self) -> Result<bool, Failure> {
        if let Some(at_once) = self.learned.at_once.get() {
            return Ok(*at_once);
        }
        let _silent = self.connect()?;
        let mut client = self.connect()?;
        client.wait_at_most(Duration::from_secs(1).min(self.patience));
        client.send(request("GET", "/"));
        let at_once = client.read_more().is_ok();
        Ok(*self.learned.at_once.get_or_init(|| at_once))
    }

    /// Every page that is known, one that is missing, and requests that are refused: each is
    /// asked once, as ordinary clients do, without `Connection: close`.
    pub fn survey(&self) -> Result<&[Asked], Failure> {
        if self.learned.survey.get().is_none() {
            let asked = survey(self)?;
            let _ = self.learned.survey.set(asked);
        }
        let asked = self.learned.survey.get().expect("it has just been set");
        Ok(asked)
    }
}

/// A GET that leaves the connection to the server.
pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A POST that leaves the connection to the server.
pub fn post(target: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn survey(server: &Server) -> Result<Vec<Asked>, Failure> {
    let pages = server.pages()?;
    let mut asked = Vec::new();
    for target in pages.get.iter().map(String::as_str).chain([MISSING]) {
        let what = format!("GET {target}");
        asked.push(ask(server, &what, get(target), false, server.patience)?);
    }
    for page in &pages.post {
        let what = format!("POST {}", page.target);
        let bytes = post(&page.target, "wirecheck=4711");
        asked.push(ask(server, &what, bytes, false, server.patience)?);
    }
    let long = "a".repeat(100_000);
    for (what, bytes) in [
        ("a first line that is none", "nonsense\r\n\r\n".to_string()),
        ("GET / without Host", "GET / HTTP/1.1\r\n\r\n".to_string()),
        ("DELETE /", get("/").replace("GET", "DELETE")),
        ("BREW /", get("/").replace("GET", "BREW")),
        ("GET / HTTP/9.9", get("/").replace("1.1", "9.9")),
        (
            "POST / that declares 1 TiB",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1099511627776\r\n\r\nx"
                .to_string(),
        ),
        (
            "POST / in a coding that nobody knows",
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: wirecheck\r\n\r\nx"
                .to_string(),
        ),
        ("GET for a path of 100 kB", get(&format!("/{long}"))),
        (
            "GET / with a field of 100 kB",
            get("/").replace("\r\n\r\n", &format!("\r\nX-Long: {long}\r\n\r\n")),
        ),
    ] {
        // Not to answer these is a fault that has checks of its own, or none.
        let patience = Duration::from_millis(500).min(server.patience);
        let one = ask(server, what, bytes, true, patience)?;
        let ends = matches!(one.then, Then::ClosedUnsaid | Then::Nothing);
        asked.push(one);
        // Before the next one is told to have ended it.
        if ends && let Some(ended) = server.has_ended() {
            return Err(ended.after(server.last()).asked(what));
        }
    }
    Ok(asked)
}

/// Asks, reads the answer as far as its own framing goes, and then sends another request.
fn ask(
    server: &Server,
    what: &str,
    bytes: String,
    is_wrong: bool,
    patience: Duration,
) -> Result<Asked, Failure> {
    let mut asked = Asked {
        what: what.to_string(),
        is_wrong,
        answer: None,
        failure: None,
        then: Then::Nothing,
    };
    let mut client = server.connect()?;
    client.wait_at_most(patience);
    client.send(bytes);
    let head = match Answer::read_final_head(&mut client) {
        Ok(head) => head,
        Err(failure @ Failure::Skipped(_)) => return Err(failure),
        Err(failure) => {
            // What is wrong may be refused by a close, or not at all.
            // The answer of HTTP/0.9, to what is no request, is not judged as one of 1.1.
            let no_status = failure.first_line() == "the answer does not begin with HTTP/";
            let came = client.exchange.has_received() && !client.was_reset && !no_status;
            if !is_wrong || came {
                asked.failure = Some(failure);
            }
            return Ok(asked);
        }
    };
    let mut answer = head;
    let begin = Instant::now();
    let read = answer.read_body(&mut client);
    let unframed = !(answer.is_framed() || answer.says_close());
    // A close that comes much later was not meant as the end of this answer.
    let stays = read.is_err() || begin.elapsed() > Duration::from_millis(400);
    if unframed && stays && !(is_wrong && client.was_reset) {
        asked.failure = Some(client.wrong(
            "the answer has no Content-Length, and the connection stays open: the client waits for more",
        ));
        return Ok(asked);
    }
    if let Err(failure) = read {
        // RFC 9112 §9.6: of what is too large a server may be rid by a reset.
        if is_wrong && client.was_reset {
            return Ok(asked);
        }
        asked.failure = Some(failure);
        return Ok(asked);
    }
    asked.then = then(&answer, &mut client, is_wrong);
    // The bytes that were shown are those of this answer, and of what became of the next.
    answer.shows(&client);
    asked.answer = Some(answer);
    Ok(asked)
}

fn then(answer: &Answer, client: &mut crate::client::Connection, is_wrong: bool) -> Then {
    if answer.says_close() {
        return Then::SaidClose;
    }
    if answer.closed {
        return Then::ClosedUnsaid;
    }
    client.send(request("GET", "/"));
    match Answer::read_next(client, false) {
        Ok(_) => Then::Kept,
        // Whatever it is: something came, and its own checks say what is wrong with it.
        Err(_) if client.in_answer => Then::Kept,
        // It may have answered early, and read on: what follows belongs to the first request.
        Err(_) if is_wrong && client.is_quiet() => Then::Kept,
        Err(_) => Then::ClosedUnsaid,
    }
}

fn learn(server: &Server) -> Result<Pages, Failure> {
    let mut patient = server.for_one_check(server.patience * 6);
    patient.until = server.until;
    // An answer, none, or one that cannot be read; and no more of it if the server has ended.
    let known = |server: &Server, what: &str, bytes: Vec<u8>| match server.looks_for(what, bytes) {
        Err(failure) if failure.ended_it() || matches!(failure, Failure::Skipped(_)) => {
            Err(failure)
        }
        found => Ok(found),
    };
    let asks = |server: &Server, target: &str| {
        let bytes = request("GET", target).into_bytes();
        known(server, &format!("GET {target}"), bytes)
    };
    let text = match asks(&patient, "/")? {
        Ok(Some(first)) => first.text(),
        _ => String::new(),
    };
    let mut pages = Pages {
        get: vec!["/".to_string()],
        post: Vec::new(),
        parameters: Vec::new(),
    };
    for path in &server.told.paths {
        add(&mut pages.get, path);
    }
    patient.patience = PATIENCE_FOR_LEARNING.min(server.patience);
    let missing = asks(&patient, MISSING)?.ok().flatten();
    let found = links(&text);
    let usual = USUAL.iter().copied();
    for target in found.iter().map(String::as_str).chain(usual) {
        if let Some((_, query)) = target.split_once('?') {
            let names = query.split('&').filter_map(|pair| pair.split('=').next());
            names.for_each(|name| add(&mut pages.parameters, name));
        }
        if pages.get.len() >= MOST || pages.get.iter().any(|known| known == target) {
            continue;
        }
        let is_there = match asks(&patient, target)? {
            Ok(Some(answer)) => is_page(&answer, missing.as_ref()),
            Ok(None) => false,
            // One that is linked and cannot be read is a page as well.
            Err(_) => found.iter().any(|link| link == target),
        };
        if is_there {
            add(&mut pages.get, target);
        }
    }
    for name in names(&text) {
        add(&mut pages.parameters, &name);
    }
    let mut candidates: Vec<String> = server.told.posts.clone();
    let forms = forms(&text);
    for target in forms.iter().map(String::as_str).chain(["/echo", "/"]) {
        add(&mut candidates, target);
    }
    for target in candidates {
        let is_told = server.told.posts.contains(&target);
        let bytes = crate::server::post(&target, "wirecheck=4711");
        let answer = known(&patient, &format!("POST {target}"), bytes)?;
        let answer = answer.ok().flatten();
        let takes = answer.as_ref().is_some_and(|answer| answer.status < 400);
        if takes || is_told {
            let shows = |a: &Answer| a.status < 300 && a.text().contains("4711");
            let shows_body = answer.as_ref().is_some_and(shows);
            pages.post.push(Posts { target, shows_body });
        }
    }
    Ok(pages)
}

/// A page, and not the one for what is missing.
fn is_page(answer: &Answer, missing: Option<&Answer>) -> bool {
    let same = missing.is_some_and(|m| m.status == answer.status && m.body == answer.body);
    answer.status < 400 && !same && answer.body.len() < LARGE
}

fn add(list: &mut Vec<String>, new: &str) {
    if !new.is_empty() && !list.iter().any(|known| known == new) {
        list.push(new.to_string());
    }
}

/// Where its links lead on this server.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    for name in ["href", "src"] {
        for value in values(page, name) {
            if let Some(target) = here(&value) {
                add(&mut links, &target);
            }
        }
    }
    links
}

/// Where its forms are sent by POST.
fn forms(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let lower = page.to_ascii_lowercase();
    for (at, _) in lower.match_indices("<form") {
        let form = page[at..].split('>').next().unwrap_or_default();
        let method = values(form, "method").concat().to_ascii_lowercase();
        if method == "post" {
            let action = values(form, "action").concat();
            add(&mut targets, &here(&action).unwrap_or("/".to_string()));
        }
    }
    targets
}

/// The names of its fields.
fn names(page: &str) -> Vec<String> {
    let fields = page.split('<').filter(|tag| {
        let tag = tag.to_ascii_lowercase();
        tag.starts_with("input") || tag.starts_with("textarea") || tag.starts_with("select")
    });
    fields.flat_map(|tag| values(tag, "name")).collect()
}

/// The values of an attribute, wherever it stands.
fn values(html: &str, name: &str) -> Vec<String> {
    let lower = html.to_ascii_lowercase();
    let mut values = Vec::new();
    for (at, _) in lower.match_indices(&format!("{name}=")) {
        let before = lower[..at].chars().next_back();
        if !before.is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '"' | '\'')) {
            continue;
        }
        let rest = &html[at + name.len() + 1..];
        let value = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next(),
            _ => rest
                .split(|c: char| c.is_ascii_whitespace() || c == '>')
                .next(),
        };
        values.push(value.unwrap_or_default().replace("&amp;", "&"));
    }
    values
}

/// A reference of the page `/` as a target on this server.
fn here(reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let odd = |c: char| c.is_ascii_whitespace() || c.is_ascii_control() || !c.is_ascii();
    let elsewhere = reference.starts_with("//") || reference.contains(':');
    if reference.is_empty() || elsewhere || reference.contains(odd) {
        return None;
    }
    let path = reference.trim_start_matches("./").trim_start_matches('/');
    Some(format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_says_of_others() {
        let page = "<a href='/a?x=1&amp;y=2'>a</a> <img src=b.png> <a href=\"//else/where\">\
            <a HREF=\"http://else/\"> <a href='#top'> <FORM action=/send method=POST>\
            <input name=\"text\"></form><form><form method='post'>";
        assert_eq!(links(page), ["/a?x=1&y=2", "/b.png"]);
        assert_eq!(forms(page), ["/send", "/"]);
        assert_eq!(names(page), ["text"]);
    }
}
