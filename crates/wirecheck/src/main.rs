//! The command: runs checks on any server, on your stage, or on ours.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::check::Level;
use wirecheck::checks;
use wirecheck::checks::LAST_STAGE;
use wirecheck::exercises;
use wirecheck::known;
use wirecheck::machines;
use wirecheck::pages::Told;
use wirecheck::report;
use wirecheck::report::Outcome;
use wirecheck::report::outcome;
use wirecheck::report::say;
use wirecheck::run::Plan;
use wirecheck::run::Run;
use wirecheck::run::run as run_all;
use wirecheck::server;
use wirecheck::server::Origin;
use wirecheck::site::Files;
use wirecheck::stages;

/// Finds out what an HTTP/1.1 server does wrong on the wire
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Try:
  wirecheck http://127.0.0.1:8080/                 your server, already running
  wirecheck --run 'node server.js {port}'          your server, started and ended
  wirecheck 127.0.0.1:8080 --path /hello --post /echo
  wirecheck https://127.0.0.1:8443/                the same, over TLS
  wirecheck --explain host-missing                 what a check does, and why
With the book, in its folder:
  wirecheck 5                                      our own stage 5
  wirecheck 5 --addr 127.0.0.1:8080                yours, held to stage 5
  wirecheck 9 --run './my-server {port} {root}'    yours, on a folder of test files
  wirecheck --exercise 01-whoami                   an exercise, done in our stage 1

A check takes at most 30 seconds, or six times --patience if that is more. Nothing that --run starts outlives the run.
Exit status: 0 nothing failed (warnings may be there), 1 a check failed, 2 the checks could
not run, or not all of them."
)]
struct Arguments {
    #[arg(help = format!(
        "A server (http://HOST:PORT/, https://HOST:PORT/ or HOST:PORT), or a stage of the book (1 to {LAST_STAGE})"
    ))]
    #[arg(value_name = "SERVER or STAGE")]
    target: Option<String>,

    /// With a stage: check the server that listens here
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "run")]
    addr: Option<String>,

    /// Check the server that this command starts, in the folder where you are; {port} becomes
    /// a free port of 127.0.0.1, {root} a folder of test files, {cert} and {key} files with a
    /// certificate and its key for a server that speaks HTTPS
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,

    /// Ask for this page, too (may be given more than once)
    #[arg(long, value_name = "/PATH", value_parser = path)]
    path: Vec<String>,

    /// Send bodies here, too (may be given more than once)
    #[arg(long, value_name = "/PATH", value_parser = path)]
    post: Vec<String>,

    /// The folder that the server serves: its files are asked for. While it is looked for ways
    /// out, a folder with a secret stands beside it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Make the folder DIR with test files, to be served by a server that --run can't start:
    /// serve DIR/www, and say --root DIR/www. Runs nothing
    #[arg(long, value_name = "DIR")]
    lay_out: Option<PathBuf>,

    /// Run this check only (may be given more than once)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Leave this check out (may be given more than once)
    #[arg(long, value_name = "NAME")]
    skip: Vec<String>,

    /// Run the check of this exercise of the book (the stage need not be given)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "protocol", "list"])]
    exercise: Option<String>,

    /// With a stage: leave out what only our own pages can pass
    #[arg(long)]
    protocol: bool,

    /// A warning is a failure, and so is a known failure that is none any more
    #[arg(long)]
    strict: bool,

    /// Show every failure in full, not only the worst, and run on where each check waits long
    #[arg(long)]
    all: bool,

    /// The failures that are known: a file with the name of a check on each line
    #[arg(long, value_name = "FILE", conflicts_with = "write_expect")]
    expect: Option<PathBuf>,

    /// Write that file: what fails now is known from now on
    #[arg(long, value_name = "FILE")]
    write_expect: Option<PathBuf>,

    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the results as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Say what a check sends, expects, and why; runs nothing
    #[arg(long, value_name = "NAME")]
    explain: Option<String>,

    /// List the checks (of a stage, if one is given); runs nothing
    #[arg(long)]
    list: bool,

    /// How many seconds the server may take for anything
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, allow_negative_numbers = true)]
    patience: Duration,

    /// How many seconds all checks may take together [default: 60, with a stage 300]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    limit: Option<Duration>,

    /// Wait so many seconds for your server to send a silent client away; without it, nobody
    /// waits, for a server may take a minute
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    deadline: Option<Duration>,
}

/// From 0 to 1: so much alike are a name and its misspelling.
const ALIKE: f64 = 0.9;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(status) => ExitCode::from(status),
        Err(says) => {
            anstream::eprintln!("error: {says}");
            ExitCode::from(2)
        }
    }
}

/// The exit status. An error means that nothing could be said.
fn run(arguments: &Arguments) -> Result<u8, String> {
    for name in arguments.only.iter().chain(&arguments.skip) {
        find(name, &checks::all())?;
    }
    if let Some(name) = &arguments.explain {
        let known = [checks::all(), exercises::all()].concat();
        report::describe(&find(name, &known)?);
        return Ok(0);
    }
    if let Some(folder) = &arguments.lay_out {
        let root = Files::lay_out_in(folder)
            .map_err(|e| format!("--lay-out {}: {e}", folder.display()))?;
        let root = root.display();
        say(format!(
            "Serve {root}, and then: wirecheck 9 --addr HOST:PORT --root {root}"
        ));
        return Ok(0);
    }
    let target = target(arguments)?;
    let checks = match &arguments.exercise {
        Some(name) => vec![find_exercise(name)?],
        None => chosen(arguments, target.stage),
    };
    if arguments.list {
        checks.iter().for_each(report::listed);
        report::listed_exercises(target.stage);
        return Ok(0);
    }
    for name in &arguments.only {
        if !checks.iter().any(|check| check.name == name) {
            return Err(left_out(&find(name, &checks::all())?, target.stage));
        }
    }
    if checks.is_empty() {
        return Err(
            "no check is left to run: --explain NAME tells for which stages a check holds"
                .to_string(),
        );
    }
    let known = match &arguments.expect {
        Some(path) => known::read(path)?,
        None => BTreeSet::new(),
    };
    for name in &known {
        find(name, &[checks::all(), exercises::all()].concat())?;
    }
    let stage = match arguments.exercise {
        // Only an exercise can do without: it has a stage of its own.
        Some(_) => target.stage.or(Some(checks[0].since)),
        None => target.stage,
    };
    if arguments.protocol && stage.is_some_and(|stage| stage < 4) {
        return Err(
            "--protocol begins at stage 4: before it, a server gives no answer".to_string(),
        );
    }
    let plan = Plan {
        origin: origin(arguments, &target, stage)?,
        stage,
        checks,
        told: told(arguments, &target)?,
        patience: arguments.patience,
        limit: limit(arguments, stage),
        all: arguments.all,
    };
    server::end_with_ctrl_c();
    let run = run_all(&plan)?;
    tell(arguments, &plan, &run, &known)
}

/// A minute for any server, and longer where it was asked to wait.
fn limit(arguments: &Arguments, stage: Option<u8>) -> Duration {
    let usual = Duration::from_secs(if stage.is_some() { 300 } else { 60 });
    let waits = arguments.deadline.unwrap_or_default() + 2 * arguments.patience;
    arguments.limit.unwrap_or(usual.max(waits))
}

/// Says it to people and to machines.
fn tell(
    arguments: &Arguments,
    plan: &Plan,
    run: &Run,
    known: &BTreeSet<String>,
) -> Result<u8, String> {
    let is_known = |name: &str| known.contains(name);
    report::summary(run, plan.stage, arguments.all, &is_known);
    if let Some(path) = &arguments.json {
        machines::write(path, &machines::json(run, &is_known))?;
    }
    if let Some(path) = &arguments.junit {
        machines::write(path, &machines::junit(run, &is_known)?)?;
    }
    if let Ok(status @ 300..) = run.plain {
        report::proves_little(status);
    }
    if let Some(path) = &arguments.write_expect {
        let count = known::write(path, &run.ended)?;
        say(format!(
            "{count} known failures are in {}: --expect reads them.",
            path.display()
        ));
        return Ok(0);
    }
    let passes = |name: &&String| {
        let same = |one: &&wirecheck::run::Ended| one.check.name == name.as_str();
        let ended = run.ended.iter().find(same);
        ended.is_some_and(|one| one.verdict.is_ok())
    };
    let mended: Vec<_> = known.iter().filter(passes).map(String::as_str).collect();
    if let (Some(path), [_, ..]) = (&arguments.expect, mended.as_slice()) {
        say(format!(
            "Mended: {}. Take them out of {}.",
            mended.join(", "),
            path.display()
        ));
    }
    let count = |wanted: Outcome| {
        let same = |one: &&wirecheck::run::Ended| outcome(one, &is_known) == wanted;
        run.ended.iter().filter(same).count()
    };
    let limits = |one: &&wirecheck::run::Ended| {
        let limits = wirecheck::answer::LIMITS;
        matches!(&one.verdict, Err(Failure::Skipped(reason)) if reason == limits)
    };
    let limited = run.ended.iter().filter(limits).count();
    if limited * 2 > run.ended.len() {
        return Err(format!(
            "the server answers 429 or 503 to {limited} of {} checks, so most of them say nothing: \
             let it serve this machine without a limit",
            run.ended.len()
        ));
    }
    let skipped = count(Outcome::Skipped);
    if skipped == run.ended.len() {
        return Err("nothing was tested: all checks were skipped".to_string());
    }
    let strict = arguments.strict && (count(Outcome::Warned) > 0 || !mended.is_empty());
    if count(Outcome::Failed) > 0 || strict {
        return Ok(1);
    }
    Ok(if run.cut_short.is_some() { 2 } else { 0 })
}

/// What the one word without dashes says.
struct Target {
    stage: Option<u8>,
    /// `127.0.0.1:8080`, with or without `http://`.
    server: Option<String>,
    /// `/hello` of `http://127.0.0.1:8080/hello`.
    path: Option<String>,
}

fn target(arguments: &Arguments) -> Result<Target, String> {
    let mut target = Target {
        stage: None,
        server: arguments.addr.clone(),
        path: None,
    };
    let needs_none = arguments.exercise.is_some() || arguments.list;
    let Some(text) = &arguments.target else {
        if arguments.addr.is_none() && arguments.run.is_none() && !needs_none {
            return Err(
                "which server? Try wirecheck http://127.0.0.1:8080/, or --help".to_string(),
            );
        }
        return Ok(target);
    };
    // Two digits are a stage, and more are a port.
    if text.len() <= 2 || !text.contains(['.', ':', '/']) && text.parse::<u16>().is_err() {
        target.stage = Some(stage(text)?);
        return Ok(target);
    }
    if arguments.addr.is_some() || arguments.run.is_some() {
        return Err(format!(
            "{text} names a server, and so does --addr or --run: which one is it?"
        ));
    }
    let host = text
        .split_once("://")
        .map_or(text.as_str(), |(_, host)| host);
    if let Some(at) = host.find('/')
        && host.len() > at + 1
    {
        target.path = Some(host[at..].to_string());
    }
    target.server = Some(text.clone());
    Ok(target)
}

fn told(arguments: &Arguments, target: &Target) -> Result<Told, String> {
    let root = match &arguments.root {
        None => None,
        Some(root) => Some(
            root.canonicalize()
                .ok()
                .filter(|root| root.is_dir())
                .ok_or(format!(
                    "--root {}: there is no such folder",
                    root.display()
                ))?,
        ),
    };
    let paths = target.path.iter().chain(&arguments.path);
    Ok(Told {
        paths: paths.cloned().collect(),
        posts: arguments.post.clone(),
        root,
        deadline: arguments.deadline,
    })
}

/// A path as it is sent.
fn path(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_ascii_whitespace() || c.is_ascii_control();
    if !text.starts_with('/') || text.contains(odd) {
        return Err("it should be a path as it is sent, like /hello or /a%20b".to_string());
    }
    Ok(text.to_string())
}

fn stage(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(stage @ 1..=LAST_STAGE) => Ok(stage),
        _ => Err(format!(
            "a stage is a number from 1 to {LAST_STAGE}, and a server is like http://127.0.0.1:8080/; \
             {text:?} is neither"
        )),
    }
}

/// A time, from a number of seconds: `5`, or `0.5`. Some checks wait for several times as
/// long, and no clock can be set beyond its end.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(time)) if !time.is_zero() && time.as_secs() < 3600 => Ok(time),
        _ => Err("it should be a number of seconds below 3600, like 5 or 0.5".to_string()),
    }
}

fn find(name: &str, known: &[Check]) -> Result<Check, String> {
    if let Some(found) = known.iter().find(|check| check.name == name) {
        return Ok(*found);
    }
    let alike = |check: &&Check| strsim::jaro_winkler(check.name, name) > ALIKE;
    let near: Vec<_> = known.iter().filter(alike).map(|check| check.name).collect();
    if near.is_empty() {
        return Err(format!("there is no check {name:?}; --list shows them all"));
    }
    Err(format!(
        "there is no check {name:?}; do you mean {}? --list shows them all",
        near.join(" or ")
    ))
}

/// Why a check that was asked for is not run.
fn left_out(check: &Check, stage: Option<u8>) -> String {
    let (name, since) = (check.name, check.since);
    match (stage, check.until) {
        (None, _) => format!("{name} is of our own stages: give the number of a stage"),
        (Some(stage), _) if stage < since => format!("{name} begins at stage {since}"),
        (Some(stage), Some(last)) if stage > last => format!("{name} holds up to stage {last}"),
        _ => format!(
            "{name} is left out: --protocol leaves out what is of our own stages, and --skip what it names"
        ),
    }
}

fn find_exercise(name: &str) -> Result<Check, String> {
    let known = exercises::all();
    find(name, &known).map_err(|_| {
        let names: Vec<_> = known.iter().map(|exercise| exercise.name).collect();
        format!(
            "there is no exercise {name:?}; there are {}",
            names.join(", ")
        )
    })
}

fn chosen(arguments: &Arguments, stage: Option<u8>) -> Vec<Check> {
    let named = |names: &[String], check: &Check| names.iter().any(|name| name == check.name);
    let listed = arguments.list && stage.is_none();
    let mut checks = checks::all();
    checks.retain(|check| {
        let holds = match stage {
            Some(stage) => check.holds_for(stage),
            None => check.until.is_none(),
        };
        let is_asked = check.level != Level::Ours || (stage.is_some() && !arguments.protocol);
        listed
            || (holds
                && is_asked
                && (arguments.only.is_empty() || named(&arguments.only, check))
                && !named(&arguments.skip, check))
    });
    checks
}

fn origin(arguments: &Arguments, target: &Target, stage: Option<u8>) -> Result<Origin, String> {
    if let Some(line) = &arguments.run {
        if !line.contains("{port}") {
            return Err(
                "--run needs {port} somewhere in the command: --run './my-server --port {port}'"
                    .to_string(),
            );
        }
        return Ok(Origin::Command(line.clone()));
    }
    if let Some(text) = &target.server {
        return resolve(text);
    }
    let stage = stage.unwrap_or(LAST_STAGE);
    let mut own = stages::all();
    own.retain(|known| known.number == stage);
    let Some(found) = own.first() else {
        return Err(match stages::checkout() {
            Some(_) => format!("there is no stage {stage:02} yet; --addr or --run check your own server"),
            None => "which server? wirecheck http://127.0.0.1:8080/ checks yours; our stages are only in a checkout of the tutorial".to_string(),
        });
    };
    stages::build(&own)?;
    Ok(Origin::Stage(found.program()))
}

fn resolve(text: &str) -> Result<Origin, String> {
    // As the ready line of a server has it, or a browser, or a port alone.
    let (scheme, host) = text.split_once("://").unwrap_or(("http", text));
    if !["http", "https"].contains(&scheme) {
        return Err(format!("{text}: it should begin with http:// or https://"));
    }
    let host = host.split('/').next().unwrap_or_default();
    let port = host.strip_prefix(':').unwrap_or(host);
    let host = match port.parse::<u16>() {
        Ok(port) => format!("localhost:{port}"),
        Err(_) if scheme == "https" && !host.contains(':') => format!("{host}:443"),
        Err(_) => host.to_string(),
    };
    let found = host.to_socket_addrs().map_err(|e| {
        format!("{text}: {e}; it should look like 127.0.0.1:8080 or localhost:8080")
    })?;
    let found: Vec<_> = found.collect();
    let answers = match scheme {
        "https" => server::first_that_answers_securely(&found).map(Origin::Secure),
        _ => server::first_that_answers(&found).map(Origin::Address),
    };
    answers.ok_or_else(|| {
        let tried: Vec<_> = found.iter().map(SocketAddr::to_string).collect();
        let listens = match scheme {
            "https" => "speaks HTTPS",
            _ => "listens",
        };
        format!(
            "nobody {listens} on {}: is your server running, and on this port?",
            tried.join(" or ")
        )
    })
}
