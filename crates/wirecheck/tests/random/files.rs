//! Requests for files: with conditions (stage 12), for parts of them (13), packed (14). What must
//! come back is found out here from the bytes of the files and the words of RFC 9110, by other
//! ways than the stages go: from what was meant, not from what was sent.

use std::fs;
use std::fs::File;
use std::ops::Range;
use std::time::Duration;
use std::time::SystemTime;

use fastrand::Rng;
use tempfile::TempDir;
use wirecheck::server::Server;
use wirecheck::server::get_with;

use crate::gzip;
use crate::kept::Ask;
use crate::kept::Body;
use crate::kept::Coding;
use crate::kept::Manner;
use crate::kept::Wanted;
use crate::pages::MAX_BODY;
use crate::pick;
use crate::random_bytes;

/// What no file is tagged with.
const OTHER_TAGS: [&str; 6] = [
    "\"other\"",
    "\"\"",
    "\"x,y\"",
    "W/\"other\"",
    "\"*\"",
    "other",
];

/// What is no date.
const NO_DATES: [&str; 8] = [
    "",
    "0",
    "tomorrow",
    "2094-10-29",
    "Fri, 32 Oct 2094 19:43:31 GMT",
    "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 25:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37",
];

/// What asks for no part.
const NO_RANGES: [&str; 12] = [
    "bytes=0-1,3-4",
    "bytes=-1,0-0",
    "lines=0-4",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-2",
    "bytes=+1-5",
    "bytes=0x1-5",
    "bytes=--5",
    "bytes=1-5-9",
    "0-4",
];

/// The folder that is served, and what is known of it.
pub struct Folder {
    root: TempDir,
    files: Vec<Served>,
    /// Short bodies that unpack to more than a server takes.
    pub bombs: Vec<Vec<u8>>,
}

/// A file in it.
struct Served {
    target: &'static str,
    bytes: Vec<u8>,
    /// Seconds since 1970
    modified: u64,
    /// Text, and long enough: it may be packed.
    pays: bool,
    /// The neighbour that is packed already
    neighbour: Option<Vec<u8>>,
    /// As the server says
    tag: String,
    packed_tag: String,
}

impl Folder {
    /// Makes it; it is always the same.
    pub fn new(stage: u8) -> Folder {
        let mut rng = Rng::with_seed(11);
        let folder = tempfile::tempdir().expect("a folder to serve");
        let mut files = Vec::new();
        for (target, length, pays) in [
            ("/", 1500, true),
            ("/style.css", 20_000, true),
            ("/script.js", 5000, true),
            ("/old.js", 4000, true),
            ("/edge.txt", 1024, true),
            ("/short.txt", 1023, false),
            ("/notes/", 300, false),
            ("/kitten.svg", 700, false),
            ("/picture.png", 3000, false),
            ("/data.bin", 70_000, false),
            ("/empty.txt", 0, false),
            // More than a block of what is read at a time.
            ("/long.txt", 300_000, true),
            // More than a connection holds: the server has to wait for its client.
            ("/film.mp4", 12_000_000, false),
        ] {
            let mut bytes = random_bytes(length, &mut rng);
            if pays || target.ends_with(".txt") {
                // Text, more or less: it shrinks.
                bytes
                    .iter_mut()
                    .for_each(|byte| *byte = b"etaoin shrdlu\n"[usize::from(*byte) % 14]);
            }
            let mut name = target.trim_start_matches('/').to_string();
            if target.ends_with('/') {
                name += "index.html";
            }
            let path = folder.path().join(&name);
            fs::create_dir_all(path.parent().expect("the folder")).expect("a folder");
            fs::write(&path, &bytes).expect("a file");
            let modified = rng.u64(1_300_000_000..1_700_000_000);
            set_modified(&path, modified, rng.u32(1..1_000_000_000));
            // That of the old one has been left behind.
            let neighbours = [("/script.js", 1), ("/old.js", -1)];
            let neighbour = neighbours.iter().find(|(of, _)| *of == target);
            let neighbour = neighbour.map(|(_, days)| {
                let packed = gzip::pack(&bytes, 9);
                let path = folder.path().join(name + ".gz");
                fs::write(&path, &packed).expect("a file");
                set_modified(&path, modified.saturating_add_signed(days * 86_400), 0);
                (*days > 0).then_some(packed)
            });
            files.push(Served {
                target,
                bytes,
                modified,
                pays,
                neighbour: neighbour.flatten(),
                tag: String::new(),
                packed_tag: String::new(),
            });
        }
        let mut bombs = Vec::new();
        if stage >= 14 {
            let lengths = [MAX_BODY + 1, 2 * MAX_BODY, 64 << 20];
            bombs.extend(lengths.map(|length| gzip::pack(&vec![0; length], 9)));
        }
        Folder {
            root: folder,
            files,
            bombs,
        }
    }

    pub fn path(&self) -> String {
        self.root.path().to_string_lossy().into_owned()
    }

    /// Asks the server for the tags of its files: which ones, that is its business, as long as
    /// they are strong, and each is another.
    pub fn learn(&mut self, server: &Server) {
        let ask = |target: &str, line: &str| {
            let answer = server.ask(get_with(target, line)).expect("an answer");
            answer.field("ETag").expect("a tag")
        };
        let mut all = Vec::new();
        for file in &mut self.files {
            if server.stage >= 12 {
                file.tag = ask(file.target, "");
                all.push(file.tag.clone());
            }
            if server.stage >= 14 && file.pays {
                file.packed_tag = ask(file.target, "Accept-Encoding: gzip\r\n");
                all.push(file.packed_tag.clone());
            }
        }
        assert!(all.iter().all(|tag| tag.starts_with('"')), "{all:?}");
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "the same tag twice: {all:?}");
    }
}

fn set_modified(path: &std::path::Path, seconds: u64, nanos: u32) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    let file = File::options().write(true).open(path).expect("the file");
    file.set_modified(time).expect("a time");
}

/// A request for a file.
pub fn file(stage: u8, folder: &Folder, rng: &mut Rng) -> Ask {
    let manner = Manner::new(rng);
    let mut served = &folder.files[rng.usize(..folder.files.len())];
    let rare = match served.bytes.len() {
        1_000_000.. => 32,
        50_000.. => 8,
        _ => 1,
    };
    if rng.u8(..rare) > 0 {
        served = &folder.files[1];
    }
    let length = served.bytes.len();
    let method = pick(&["GET", "GET", "GET", "GET", "GET", "HEAD"], rng);
    let codings = Codings::new(rng);
    let conditions = Conditions::new(folder, served, rng);
    let part = Part::new(served, rng);
    let if_range = IfRange::new(served, rng);
    let lines = [
        codings.lines.clone(),
        conditions.lines(rng),
        part.lines(),
        if_range.lines(rng),
    ]
    .concat();
    // RFC 9110 §13.2.1: where there is nothing, there are no conditions either.
    let target = match rng.u8(..32) {
        0 => "/nowhere",
        _ => served.target,
    };
    if target == "/nowhere" {
        return Ask::new(
            (method, target),
            manner,
            lines,
            None,
            Wanted::new(404, Body::Any),
            rng,
        );
    }
    if rng.u8(..32) == 0 && target != "/" {
        let wanted = Wanted::new(405, Body::Any).field("Allow", "GET, HEAD");
        return Ask::new(("POST", target), manner, lines, Some(b"x"), wanted, rng);
    }
    let packs = stage >= 14 && served.pays && codings.wants_gzip(&manner);
    let tag = if packs {
        &served.packed_tag
    } else {
        &served.tag
    };
    let judged = match stage {
        12.. => conditions.judge(tag, served.modified),
        _ => None,
    };
    let mut range = None;
    if stage >= 13 && method == "GET" && !packs && if_range.holds(&served.tag, served.modified) {
        range = part.of(served.bytes.len() as u64);
    }
    let mut wanted = match (judged, range) {
        (Some(412), _) => Wanted::new(412, Body::Any),
        (Some(status), _) => Wanted::new(status, Body::Is(Vec::new())).field("ETag", tag),
        (None, Some(range)) if range.is_empty() => {
            Wanted::new(416, Body::Any).field("Content-Range", format!("bytes */{length}"))
        }
        (None, Some(range)) => {
            let bytes = served.bytes[range.clone()].to_vec();
            let (first, last) = (range.start, range.end - 1);
            Wanted::new(206, Body::Is(bytes))
                .field("Content-Range", format!("bytes {first}-{last}/{length}"))
        }
        (None, None) => Wanted::new(200, Body::Is(served.bytes.clone())),
    };
    let is_sent = matches!(wanted.status, 200 | 206);
    if is_sent && stage >= 12 {
        let date = httpdate::fmt_http_date(when(served.modified));
        wanted = wanted.field("ETag", tag).field("Last-Modified", date);
    }
    match (packs, &served.neighbour) {
        _ if !is_sent => {}
        (true, None) => wanted = wanted.field("Transfer-Encoding", "chunked"),
        (true, Some(packed)) => wanted = wanted.field("Content-Length", packed.len().to_string()),
        (false, _) if wanted.status == 200 => {
            wanted = wanted.field("Content-Length", length.to_string());
        }
        _ => {}
    }
    if is_sent && packs {
        wanted.coding = Coding::Packed;
        wanted.lacks.push("Accept-Ranges");
    } else if is_sent && stage >= 13 {
        wanted = wanted.field("Accept-Ranges", "bytes");
    }
    if !matches!(wanted.status, 206 | 416) {
        wanted.lacks.push("Content-Range");
    }
    if stage >= 14 && served.pays && (is_sent || wanted.status == 304) {
        wanted = wanted.field("Vary", "Accept-Encoding");
    } else {
        wanted.lacks.push("Vary");
    }
    Ask::new((method, target), manner, lines, None, wanted, rng)
}

/// What a client says of codings, with weights in thousandths.
pub struct Codings {
    weights: Vec<(&'static str, u32)>,
    pub lines: Vec<String>,
}

impl Codings {
    pub fn new(rng: &mut Rng) -> Codings {
        let mut weights = Vec::new();
        let mut lines = Vec::new();
        if rng.bool() {
            return Codings { weights, lines };
        }
        let mut members = Vec::new();
        for coding in ["gzip", "identity", "*", "br"] {
            if rng.u8(..if coding == "gzip" { 4 } else { 2 }) == 0 {
                continue;
            }
            let weight = pick(&[0, 1, 300, 500, 999, 1000, 1000], rng);
            let value = match weight {
                0 => pick(&["0", "0.0", "0.000", "0."], rng).to_string(),
                1000 => pick(&["1", "1.0", "1.000"], rng).to_string(),
                _ => format!("0.{weight:03}").trim_end_matches('0').to_string(),
            };
            let parameter = match (weight, rng.u8(..4)) {
                (1000, 0) => String::new(),
                (_, 1) => format!(" ;\tQ={value}"),
                _ => format!(";q={value}"),
            };
            weights.push((coding, weight));
            let name = match coding {
                "gzip" => pick(&["gzip", "gzip", "GZip", "x-gzip"], rng),
                other => other,
            };
            members.push(name.to_string() + &parameter);
        }
        rng.shuffle(&mut members);
        // A list may come in two lines (RFC 9110 §5.3), and have holes (§5.6.1).
        for part in members.chunks(rng.usize(1..4)) {
            let comma = pick(&[",", ", ", " ,\t", ", ,"], rng);
            lines.push(format!("Accept-Encoding: {}", part.join(comma)));
        }
        Codings { weights, lines }
    }

    /// RFC 9110 §12.5.3: a coding has its own weight, or that of the star, or none; a weight of
    /// 0 means never. That gzip wins where both weigh the same, and over an identity that isn't
    /// named, is our own rule. HTTP/1.0 knows no chunks.
    pub fn wants_gzip(&self, manner: &Manner) -> bool {
        let weight = |name| {
            let found = self.weights.iter().find(|(coding, _)| *coding == name);
            found.map(|(_, weight)| *weight)
        };
        let gzip = weight("gzip").or(weight("*")).unwrap_or(0);
        let identity = weight("identity").unwrap_or(0);
        manner.version == "HTTP/1.1" && gzip != 0 && gzip >= identity
    }
}

/// What a client wants to be so, or not so.
struct Conditions {
    matches: Option<Tags>,
    unmodified_since: Option<Date>,
    none_matches: Option<Tags>,
    modified_since: Option<Date>,
}

enum Tags {
    Any,
    /// Whether it is a weak one, and the tag
    Some(Vec<(bool, String)>),
}

impl Conditions {
    fn new(folder: &Folder, served: &Served, rng: &mut Rng) -> Conditions {
        let mut conditions = Conditions {
            matches: None,
            unmodified_since: None,
            none_matches: None,
            modified_since: None,
        };
        if rng.u8(..4) == 0 {
            conditions.matches = Some(Tags::new(folder, served, rng));
        }
        if rng.u8(..4) == 0 {
            conditions.unmodified_since = Some(Date::new(served, rng));
        }
        if rng.u8(..3) == 0 {
            conditions.none_matches = Some(Tags::new(folder, served, rng));
        }
        if rng.u8(..3) == 0 {
            conditions.modified_since = Some(Date::new(served, rng));
        }
        conditions
    }

    /// RFC 9110 §13.2.2, step by step, for GET and HEAD.
    fn judge(&self, tag: &str, modified: u64) -> Option<u16> {
        // 1 and 2: the second only where there is no first.
        match (&self.matches, &self.unmodified_since) {
            (Some(tags), _) if !tags.have_strong(tag) => return Some(412),
            (None, Some(Date::At(seconds))) if *seconds < modified => return Some(412),
            _ => {}
        }
        // 3 and 4: the same.
        match (&self.none_matches, &self.modified_since) {
            (Some(tags), _) if tags.have_weak(tag) => Some(304),
            (None, Some(Date::At(seconds))) if *seconds >= modified => Some(304),
            _ => None,
        }
    }

    fn lines(&self, rng: &mut Rng) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(tags) = &self.matches {
            lines.extend(tags.lines("If-Match", rng));
        }
        if let Some(date) = &self.unmodified_since {
            lines.push(format!("If-Unmodified-Since: {}", date.text(rng)));
        }
        if let Some(tags) = &self.none_matches {
            lines.extend(tags.lines("if-none-match", rng));
        }
        if let Some(date) = &self.modified_since {
            lines.push(format!("If-Modified-Since:{}", date.text(rng)));
        }
        lines
    }
}

impl Tags {
    fn new(folder: &Folder, served: &Served, rng: &mut Rng) -> Tags {
        if rng.u8(..8) == 0 {
            return Tags::Any;
        }
        let mut tags = Vec::new();
        for _ in 0..pick(&[1, 1, 1, 2, 5], rng) {
            let other = &folder.files[rng.usize(..folder.files.len())];
            let tag = match rng.u8(..6) {
                0 | 1 => &served.tag,
                2 => &served.packed_tag,
                3 => &other.tag,
                _ => pick(&OTHER_TAGS, rng),
            };
            // Before stage 14 nothing has a packed one.
            let tag = if tag.is_empty() { "\"none\"" } else { tag };
            tags.push((rng.u8(..4) == 0 && tag.starts_with('"'), tag.to_string()));
        }
        Tags::Some(tags)
    }

    /// RFC 9110 §8.8.3.2: strong comparison, both are strong and the same.
    fn have_strong(&self, tag: &str) -> bool {
        match self {
            Tags::Any => true,
            Tags::Some(tags) => tags.iter().any(|(is_weak, one)| !is_weak && one == tag),
        }
    }

    /// Weak comparison: one of them may be weak, or both.
    fn have_weak(&self, tag: &str) -> bool {
        match self {
            Tags::Any => true,
            Tags::Some(tags) => tags.iter().any(|(_, one)| one == tag),
        }
    }

    fn lines(&self, name: &str, rng: &mut Rng) -> Vec<String> {
        let Tags::Some(tags) = self else {
            return vec![format!("{name}: *")];
        };
        let mut lines = Vec::new();
        for part in tags.chunks(rng.usize(1..6)) {
            let part: Vec<String> = part
                .iter()
                .map(|(is_weak, tag)| format!("{}{tag}", if *is_weak { "W/" } else { "" }))
                .collect();
            lines.push(format!(
                "{name}: {}",
                part.join(pick(&[",", ", ", " ,\t", ",,"], rng))
            ));
        }
        lines
    }
}

/// A date in a field.
enum Date {
    /// Seconds since 1970
    At(u64),
    /// What is none
    None(&'static str),
}

impl Date {
    fn new(served: &Served, rng: &mut Rng) -> Date {
        let far = rng.u64(2..400_000_000);
        let near = rng.u64(0..100_000);
        match rng.u8(..8) {
            0 => Date::None(pick(&NO_DATES, rng)),
            1 => Date::At(served.modified - 1),
            2 => Date::At(served.modified + 1),
            3 => Date::At(served.modified - far),
            4 => Date::At(served.modified + far),
            5 => Date::At(served.modified - near),
            _ => Date::At(served.modified),
        }
    }

    /// In one of the three forms (RFC 9110 §5.6.7).
    fn text(&self, rng: &mut Rng) -> String {
        let Date::At(seconds) = self else {
            let Date::None(text) = self else {
                return String::new();
            };
            return text.to_string();
        };
        // "Sun, 06 Nov 1994 08:49:37 GMT"
        let date = httpdate::fmt_http_date(when(*seconds));
        let (short, day, month, year, time) = (
            &date[..3],
            &date[5..7],
            &date[8..11],
            &date[12..16],
            &date[17..25],
        );
        match rng.u8(..4) {
            // Sunday, 06-Nov-94 08:49:37 GMT
            0 => {
                let long = match short {
                    "Tue" => "Tuesday",
                    "Wed" => "Wednesday",
                    "Thu" => "Thursday",
                    "Sat" => "Saturday",
                    _ => &format!("{short}day"),
                };
                format!("{long}, {day}-{month}-{} {time} GMT", &year[2..])
            }
            // Sun Nov  6 08:49:37 1994
            1 => format!(
                "{short} {month} {:>2} {time} {year}",
                day.trim_start_matches('0')
            ),
            _ => date,
        }
    }
}

fn when(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// What a client wants of a file.
enum Part {
    Whole,
    /// What is no range
    Nonsense(&'static str),
    FromTo(u128, u128),
    From(u128),
    Last(u128),
}

impl Part {
    fn new(served: &Served, rng: &mut Rng) -> Part {
        let length = served.bytes.len() as u128;
        let number = |rng: &mut Rng| match rng.u8(..8) {
            0 => 0,
            1 => length.saturating_sub(1),
            2 => length,
            3 => length + 1,
            4 => pick(
                &[u128::from(u64::MAX), u128::from(u64::MAX) + 1, u128::MAX],
                rng,
            ),
            _ => rng.u128(..=length),
        };
        let (a, b) = (number(rng), number(rng));
        match rng.u8(..12) {
            0 => Part::Nonsense(pick(&NO_RANGES, rng)),
            1..4 => Part::FromTo(a.min(b), a.max(b)),
            // Only one of them is beyond 64 bits: which of two is more, nobody needs to know.
            4 => Part::FromTo(a, b.min(length + 1)),
            5 => Part::From(a),
            // Of nothing, the last bytes are nothing: nobody says what that gets.
            6 | 7 if length > 0 => Part::Last(a),
            _ => Part::Whole,
        }
    }

    /// RFC 9110 §14.1.2 and §14.2: which bytes that is; an empty range if there are none of them.
    fn of(&self, length: u64) -> Option<Range<usize>> {
        let length = u128::from(length);
        let (first, end) = match self {
            Part::Whole | Part::Nonsense(_) => return None,
            Part::FromTo(first, last) if first > last => return None,
            Part::FromTo(first, last) => (*first, last.saturating_add(1).min(length)),
            Part::From(first) => (*first, length),
            Part::Last(count) => (length - count.min(&length), length),
        };
        if first >= length {
            return Some(0..0);
        }
        Some(first as usize..end as usize)
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Part::Whole => Vec::new(),
            Part::Nonsense(text) => vec![format!("Range: {text}")],
            Part::FromTo(first, last) => vec![format!("Range: bytes={first}-{last}")],
            Part::From(first) => vec![format!("Range: Bytes={first}-")],
            Part::Last(count) => vec![format!("range: bytes=-{count}")],
        }
    }
}

/// What must be so for a part to be sent.
enum IfRange {
    Nothing,
    Tag(bool, String),
    At(Date),
}

impl IfRange {
    fn new(served: &Served, rng: &mut Rng) -> IfRange {
        match rng.u8(..16) {
            0..3 => IfRange::Tag(rng.u8(..4) == 0, served.tag.clone()),
            3 => IfRange::Tag(false, served.packed_tag.clone()),
            4 => IfRange::Tag(false, pick(&OTHER_TAGS, rng).to_string()),
            5..7 => IfRange::At(Date::new(served, rng)),
            _ => IfRange::Nothing,
        }
    }

    /// RFC 9110 §13.1.5: the tag is strong and the same, or the date is the same.
    fn holds(&self, tag: &str, modified: u64) -> bool {
        match self {
            IfRange::Nothing => true,
            IfRange::Tag(is_weak, one) => !is_weak && one == tag,
            IfRange::At(Date::At(seconds)) => *seconds == modified,
            IfRange::At(Date::None(_)) => false,
        }
    }

    fn lines(&self, rng: &mut Rng) -> Vec<String> {
        match self {
            IfRange::Nothing => Vec::new(),
            IfRange::Tag(true, tag) => vec![format!("If-Range: W/{tag}")],
            IfRange::Tag(false, tag) => vec![format!("If-Range: {tag}")],
            IfRange::At(date) => vec![format!("If-Range: {}", date.text(rng))],
        }
    }
}
