//! The command: runs the checks of a stage on our stage, or on your server.

use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use clap::Parser;
use wirecheck::check::Check;
use wirecheck::check::Failure;
use wirecheck::check::Kind;
use wirecheck::checks;
use wirecheck::checks::LAST_STAGE;
use wirecheck::exercises;
use wirecheck::report;
use wirecheck::report::Ended;
use wirecheck::report::Running;
use wirecheck::report::say;
use wirecheck::server;
use wirecheck::server::Origin;
use wirecheck::server::Server;
use wirecheck::stages;

/// Checks on the wire what an HTTP server of a stage must do.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Try:
  cargo run -p wirecheck -- 5                                    our own stage 5
  cargo run -p wirecheck -- 5 --addr 127.0.0.1:8080              your server, already running
  cargo run -p wirecheck -- 5 --run './my-server --port {port}'  your server, started and ended
  cargo run -p wirecheck -- 9 --run 'python3 my.py {port} {root}'  the same, on a folder of files
  cargo run -p wirecheck -- --exercise 01-whoami                 an exercise, done in our stage 1
  cargo run -p wirecheck -- --explain host-missing               what a check does, and why

Exit status: 0 all passed, 1 a check failed, 2 the checks could not run."
)]
struct Arguments {
    #[arg(help = format!(
        "The stage whose checks to run (1 to {LAST_STAGE}): its own, and what holds from earlier ones"
    ))]
    #[arg(value_parser = stage, required_unless_present_any = ["exercise", "list", "explain"])]
    stage: Option<u8>,

    /// Check the server that listens here
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "run")]
    addr: Option<String>,

    /// Check the server that this command starts, in the folder where you are; {port} becomes
    /// a free port of 127.0.0.1, {root} a folder of test files, which the checks from stage 9 on need
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,

    /// Run this check only (may be given more than once)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Run the check of this exercise of the book (the stage need not be given)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "protocol", "list"])]
    exercise: Option<String>,

    /// Run only what the protocol demands of any server, and what any server owes its users,
    /// whatever its pages; from stage 4 on
    #[arg(long)]
    protocol: bool,

    /// Show every failure in full, not only the first, and run on where each check waits long
    #[arg(long)]
    all: bool,

    /// Say what a check sends, expects, and why; runs nothing
    #[arg(long, value_name = "NAME")]
    explain: Option<String>,

    /// List the checks (of a stage, if one is given); runs nothing
    #[arg(long)]
    list: bool,

    /// How many seconds the server may take for anything
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, allow_negative_numbers = true)]
    patience: Duration,
}

/// From 0 to 1: so much alike are a name and its misspelling.
const ALIKE: f64 = 0.9;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(says) => {
            anstream::eprintln!("error: {says}");
            ExitCode::from(2)
        }
    }
}

/// Did all pass? An error means that nothing could be said.
fn run(arguments: &Arguments) -> Result<bool, String> {
    for name in &arguments.only {
        find(name, &checks::all())?;
    }
    if let Some(name) = &arguments.explain {
        let known = [checks::all(), exercises::all()].concat();
        report::describe(&find(name, &known)?);
        return Ok(true);
    }
    let checks = match &arguments.exercise {
        Some(name) => vec![find_exercise(name)?],
        None => chosen(arguments),
    };
    if arguments.list {
        checks.iter().for_each(report::listed);
        report::listed_exercises(arguments.stage);
        return Ok(true);
    }
    for name in &arguments.only {
        if let Some(stage) = arguments.stage
            && !checks.iter().any(|check| check.name == name)
        {
            return Err(left_out(&find(name, &checks::all())?, stage));
        }
    }
    if checks.is_empty() {
        return Err(
            "no check is left to run: --explain NAME tells for which stages a check holds"
                .to_string(),
        );
    }
    // Only an exercise can do without: it has a stage of its own.
    let stage = arguments.stage.unwrap_or(checks[0].since);
    if arguments.protocol && stage < 4 {
        return Err(
            "--protocol begins at stage 4: before it, a server gives no answer".to_string(),
        );
    }
    let origin = origin(arguments, stage)?;
    server::end_with_ctrl_c();
    let ended = run_all(stage, &origin, &checks, arguments)?;
    report::summary(&ended, stage, arguments.all);
    let skipped = |ended: &Ended| matches!(ended.verdict, Err(Failure::Skipped(_)));
    if ended.iter().all(skipped) {
        return Err("nothing was tested: all checks were skipped".to_string());
    }
    let failed = |ended: &Ended| matches!(ended.verdict, Err(Failure::Wrong { .. }));
    Ok(!ended.iter().any(failed))
}

fn stage(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(stage @ 1..=LAST_STAGE) => Ok(stage),
        _ => Err(format!("a stage is a number from 1 to {LAST_STAGE}")),
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
fn left_out(check: &Check, stage: u8) -> String {
    let (name, since) = (check.name, check.since);
    match check.until {
        _ if stage < since => format!("{name} begins at stage {since}"),
        Some(last) if stage > last => format!("{name} holds up to stage {last}"),
        _ => format!("{name} is of our own stages: --protocol leaves it out"),
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

fn chosen(arguments: &Arguments) -> Vec<Check> {
    let mut checks = checks::all();
    checks.retain(|check| {
        arguments.stage.is_none_or(|stage| check.holds_for(stage))
            && (!arguments.protocol || check.kind == Kind::Protocol)
            && (arguments.only.is_empty() || arguments.only.iter().any(|name| name == check.name))
    });
    checks
}

fn origin(arguments: &Arguments, stage: u8) -> Result<Origin, String> {
    if let Some(line) = &arguments.run {
        if !line.contains("{port}") {
            return Err(
                "--run needs {port} somewhere in the command: --run './my-server --port {port}'"
                    .to_string(),
            );
        }
        return Ok(Origin::Command(line.clone()));
    }
    if let Some(text) = &arguments.addr {
        return Ok(Origin::Address(resolve(text)?));
    }
    let mut own = stages::all();
    own.retain(|known| known.number == stage);
    let Some(found) = own.first() else {
        return Err(match stages::checkout() {
            Some(_) => format!("there is no stage {stage:02} yet; --addr or --run check your own server"),
            None => "which server? --addr or --run name yours; ours are only in a checkout of the tutorial".to_string(),
        });
    };
    stages::build(&own)?;
    Ok(Origin::Stage(found.program()))
}

fn resolve(text: &str) -> Result<SocketAddr, String> {
    if text.starts_with("https://") {
        return Err(format!(
            "--addr {text}: the checks speak plain HTTP, and no https"
        ));
    }
    // As the ready line of a server has it, or a browser, or a port alone.
    let host = text.trim_start_matches("http://");
    let host = host.split('/').next().unwrap_or_default();
    let port = host.strip_prefix(':').unwrap_or(host);
    let host = match port.parse::<u16>() {
        Ok(port) => format!("localhost:{port}"),
        Err(_) => host.to_string(),
    };
    let found = host.to_socket_addrs().map_err(|e| {
        format!("--addr {text}: {e}; it should look like 127.0.0.1:8080 or localhost:8080")
    })?;
    let found: Vec<_> = found.collect();
    server::first_that_answers(&found).ok_or_else(|| {
        let tried: Vec<_> = found.iter().map(SocketAddr::to_string).collect();
        format!(
            "nobody listens on {}: is your server running, and on this port?",
            tried.join(" or ")
        )
    })
}

fn run_all(
    stage: u8,
    origin: &Origin,
    checks: &[Check],
    arguments: &Arguments,
) -> Result<Vec<Ended>, String> {
    let patience = arguments.patience;
    let mut server = start(stage, origin, patience)?;
    if !matches!(origin, Origin::Stage(_)) {
        server
            .serves_at_all()
            .map_err(|failure| report::sentence(&failure))?;
    }
    let mut plain = 200;
    // Earlier stages answer nothing.
    if stage >= 4 && !matches!(origin, Origin::Stage(_)) {
        match server.plain_status() {
            Ok(status) => plain = status,
            Err(failure) => report::plain_is_wrong(&failure),
        }
    }
    let mut ended = Vec::new();
    let mut heading = 0;
    for (i, check) in checks.iter().enumerate() {
        if check.since != heading {
            heading = check.since;
            report::heading(heading);
        }
        let one = run_one(check, &server);
        let failed = matches!(one.verdict, Err(Failure::Wrong { .. }));
        report::line(&one);
        ended.push(one);
        if !failed {
            continue;
        }
        let left = checks.len() - i - 1;
        if !arguments.all && left > 0 && is_stuck(&ended, patience) {
            say(format!(
                "Three long waits ended in the same way: {left} checks were not run. --all runs them."
            ));
            break;
        }
        // What a failure leaves behind shall not be blamed on the next check.
        if !matches!(origin, Origin::Address(_)) {
            drop(server);
            server = match start(stage, origin, patience) {
                Ok(server) => server,
                Err(says) => {
                    say(format!("{says}\n{left} checks were not run."));
                    break;
                }
            };
        } else if left > 0 && !server.responds() {
            say(format!(
                "The server has ended, or does not answer any more: {left} checks were not run.\n\
                 Start it again after you have mended this, or let --run start it for you."
            ));
            break;
        }
    }
    if plain >= 300 {
        report::proves_little(plain);
    }
    Ok(ended)
}

/// The last failure is the third of its kind that took longer than the patience: an answer
/// that trickles does so in every check, for half a minute each.
fn is_stuck(ended: &[Ended], patience: Duration) -> bool {
    let mut waits = Vec::new();
    for one in ended {
        if let Err(failure @ Failure::Wrong { .. }) = &one.verdict
            && one.took > 2 * patience
        {
            waits.push(report::sentence(failure));
        }
    }
    let same = |wait: &&String| Some(*wait) == waits.last();
    waits.iter().filter(same).count() >= 3
}

fn run_one(check: &Check, server: &Server) -> Ended {
    let _running = Running::show(check.name);
    let begin = Instant::now();
    let verdict = check.run_on(server);
    Ended {
        check: *check,
        verdict,
        took: begin.elapsed(),
    }
}

fn start(stage: u8, origin: &Origin, patience: Duration) -> Result<Server, String> {
    let _running = Running::show("starting the server");
    let mut server = Server::start(stage, origin).map_err(|failure| report::sentence(&failure))?;
    server.patience = patience;
    Ok(server)
}
