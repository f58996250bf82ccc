//! Runs checks on a server: one after the other, and those that only wait beside them.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::check::Check;
use crate::check::Failure;
use crate::check::Harm;
use crate::check::Verdict;
use crate::checks::needs_many_at_once;
use crate::pages::Told;
use crate::report;
use crate::report::Running;
use crate::report::say;
use crate::server::Origin;
use crate::server::Server;

/// A check may take so many times the patience, and on a busy machine …
const PATIENCES: u32 = 6;
/// … at least so long.
const AT_LEAST: Duration = Duration::from_secs(30);

/// The check of whether it lives through that.
const LOOK_AROUND: &str = "survives-a-look-around";

/// What to run, and on what.
pub struct Plan {
    /// The server.
    pub origin: Origin,
    /// The stage that it is held to, if it is one of the book.
    pub stage: Option<u8>,
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// What is known of the server.
    pub told: Told,
    /// How long it may take for anything.
    pub patience: Duration,
    /// How long all checks may take together.
    pub limit: Duration,
    /// Run on where each check waits long.
    pub all: bool,
}

impl Plan {
    /// Before anything is done that a server may not survive: with a stage, what the stages do
    /// that answer nothing.
    fn comes_first(&self, check: &Check) -> bool {
        check.since < 4 && (self.stage.is_some() || check.harm == Harm::Ends)
    }
}

/// How a check ended.
pub struct Ended {
    pub check: Check,
    pub verdict: Verdict,
    /// After how long.
    pub took: Duration,
}

impl Ended {
    /// It did not do what it should.
    pub fn is_wrong(&self) -> bool {
        matches!(self.verdict, Err(Failure::Wrong { .. }))
    }
}

/// All of it.
pub struct Run {
    /// The checks that were run, in the order of the table.
    pub ended: Vec<Ended>,
    /// What became of an ordinary `GET /`, before all checks.
    pub plain: Result<u16, Failure>,
    /// Why not all were run.
    pub cut_short: Option<String>,
    /// Those that were not.
    pub not_run: Vec<Check>,
}

/// Runs them. An error means that nothing could be said.
pub fn run(plan: &Plan) -> Result<Run, String> {
    let begin = Instant::now();
    let stage = plan.stage.unwrap_or(crate::checks::LAST_STAGE);
    let ours = matches!(plan.origin, Origin::Stage(_));
    let mut server = start(plan, stage)?;
    if !ours {
        server
            .serves_at_all()
            .map_err(|failure| report::sentence(&failure))?;
    }
    // Earlier stages answer nothing.
    let plain = match stage {
        4.. if !ours => server.plain_status(),
        _ => Ok(200),
    };
    let mut state = State {
        plan,
        end: begin + plan.limit,
        at_once: false,
        ended: Vec::new(),
        heading: 0,
        cut_short: None,
    };
    if plan.stage.is_none() {
        state.looks_around(&mut server);
        introduce(&server);
        // Whatever ends it is told by the check that does the same.
        if server.has_ended().is_some() && !state.goes_on(&mut server, plan.checks.len()) {
            state.looks_around(&mut server);
        }
    }
    if let Err(failure) = &plain {
        report::plain_is_wrong(failure);
    }
    // Whether it survives a client who says nothing is the matter of the first stages' checks.
    // After them it can be tried whether it serves another one meanwhile.
    let (first, rest): (Vec<Check>, Vec<Check>) =
        plan.checks.iter().partition(|c| plan.comes_first(c));
    if state.cut_short.is_none() {
        state.run_all(&first, rest.len(), &mut server);
    }
    if state.cut_short.is_none() && !rest.is_empty() {
        state.at_once = stage >= 4 && server.serves_many_at_once().unwrap_or(false);
        if server.still_runs().is_ok() || state.goes_on(&mut server, rest.len()) {
            state.run_beside(&rest, &mut server);
        }
    }
    let mut not_run = plan.checks.clone();
    let was_run = |check: &Check| state.ended.iter().any(|one| one.check.name == check.name);
    not_run.retain(|check| !was_run(check));
    let place = |one: &Ended| plan.checks.iter().position(|c| c.name == one.check.name);
    state.ended.sort_by_key(place);
    Ok(Run {
        ended: state.ended,
        plain,
        cut_short: state.cut_short,
        not_run,
    })
}

struct State<'a> {
    plan: &'a Plan,
    end: Instant,
    at_once: bool,
    ended: Vec<Ended>,
    heading: u8,
    cut_short: Option<String>,
}

impl State<'_> {
    /// Finds its pages, whatever ends it meanwhile: that is told by a check of its own.
    fn looks_around(&mut self, server: &mut Server) {
        let _running = Running::show("looking around");
        for _ in 0..5 {
            let found = server.pages().map(|_| ());
            if !found.is_err_and(|failure| failure.ended_it()) {
                return;
            }
            let checks = self.plan.checks.len();
            if !self.goes_on(server, checks) {
                let told = self.plan.checks.iter().find(|c| c.name == LOOK_AROUND);
                if let Some(check) = told {
                    let ended = run_one(check, server, self.plan.patience);
                    self.end_one(ended);
                }
                return;
            }
        }
    }

    /// Those that wait beside the others, if the server serves many at once.
    fn run_beside(&mut self, checks: &[Check], server: &mut Server) {
        let at_once = self.at_once;
        let (waiting, checks): (Vec<Check>, Vec<Check>) =
            checks.iter().partition(|check| at_once && check.waits);
        let time = self.end.saturating_duration_since(Instant::now());
        let beside = server.for_one_check(time);
        let mut waited = Vec::new();
        thread::scope(|scope| {
            let waiting = waiting.iter().map(|check| {
                let beside = &beside;
                scope.spawn(move || run_one(check, beside, time))
            });
            let waiting: Vec<_> = waiting.collect();
            self.run_all(&checks, 0, server);
            waited.extend(waiting.into_iter().flat_map(thread::ScopedJoinHandle::join));
        });
        // Who waited for a server that was ended meanwhile waits again.
        let again = beside.still_runs().is_err() && self.cut_short.is_none();
        let mut again_for = Vec::new();
        for one in waited {
            match again && one.is_wrong() {
                true => again_for.push(one.check),
                false => self.end_one(one),
            }
        }
        self.run_all(&again_for, 0, server);
    }

    /// One after the other; what a failure leaves behind shall not be blamed on the next.
    /// Others come later.
    fn run_all(&mut self, checks: &[Check], later: usize, server: &mut Server) {
        let total = self.plan.checks.len();
        for (i, check) in checks.iter().enumerate() {
            let left = checks.len() - i - 1 + later;
            if !self.was_survived(server, left + 1) {
                return;
            }
            let time = self.end.saturating_duration_since(Instant::now());
            if time.is_zero() {
                let limit = self.plan.limit.as_secs();
                self.cut_short = Some(format!(
                    "After {limit} s {} checks were left: --limit SECONDS gives them more time.",
                    left + 1
                ));
                return;
            }
            if self.plan.stage.is_some() && check.since != self.heading {
                self.heading = check.since;
                report::heading(check.since);
            }
            let ended = {
                let _running =
                    Running::show(&format!("{}/{total} {}", self.ended.len() + 1, check.name));
                let mut one = server.for_one_check(Duration::ZERO);
                if !self.at_once && server.stage >= 4 && needs_many_at_once(check.name) {
                    // What comes of it is known.
                    one.patience = one.patience.min(Duration::from_secs(1));
                }
                let deadline = self.plan.told.deadline.filter(|_| check.waits);
                let bound = (PATIENCES * self.plan.patience).max(AT_LEAST);
                let bound = bound
                    .max(deadline.unwrap_or_default() + self.plan.patience)
                    .min(time);
                run_one(check, &one, bound)
            };
            let failed = ended.is_wrong();
            self.end_one(ended);
            if failed && left > 0 && !self.goes_on(server, left) {
                return;
            }
        }
    }

    /// A program may end a moment after the check that ended it.
    fn was_survived(&mut self, server: &mut Server, left: usize) -> bool {
        let Err(mut failure) = server.still_runs() else {
            return true;
        };
        if let Some(before) = self.ended.last_mut()
            && before.verdict.is_ok()
        {
            if let Failure::Wrong { exchange, .. } = &mut failure {
                exchange.note("soon after this check the server has ended");
                exchange.is_the_last();
            }
            before.verdict = Err(failure);
        }
        self.goes_on(server, left)
    }

    fn end_one(&mut self, ended: Ended) {
        if self.plan.stage.is_some() {
            report::line(&ended);
        }
        self.ended.push(ended);
    }

    /// After a failure: is there a server to go on with?
    fn goes_on(&mut self, server: &mut Server, left: usize) -> bool {
        if !self.plan.all && is_stuck(&self.ended, self.plan.patience) {
            self.cut_short = Some(format!(
                "Three long waits ended in the same way: {left} checks were not run. --all runs them."
            ));
            return false;
        }
        let quick = self
            .ended
            .last()
            .is_none_or(|one| one.took < self.plan.patience);
        if let Origin::Address(_) = self.plan.origin {
            if server.responds() {
                return true;
            }
            self.cut_short = Some(format!(
                "The server has ended, or does not answer any more: {left} checks were not run.\n\
                 Start it again after you have mended this, or let --run start it for you."
            ));
            return false;
        }
        // One that waits for somebody may wait longer than we do.
        if quick && server.still_runs().is_ok() && server.responds() {
            return true;
        }
        // The old one ends before the new one begins.
        server.ends();
        match start(self.plan, server.stage) {
            Ok(fresh) => *server = fresh.like(server),
            Err(says) => {
                self.cut_short = Some(format!("{says}\n{left} checks were not run."));
                return false;
            }
        }
        true
    }
}

fn run_one(check: &Check, server: &Server, bound: Duration) -> Ended {
    let mut server = server.for_one_check(bound);
    // What was set for this check alone.
    server.patience = server.patience.min(bound);
    let begin = Instant::now();
    Ended {
        check: *check,
        verdict: check.run_on(&server),
        took: begin.elapsed(),
    }
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

fn start(plan: &Plan, stage: u8) -> Result<Server, String> {
    let _running = Running::show("starting the server");
    let started = Server::start(stage, &plan.origin);
    let mut server = started.map_err(|failure| report::sentence(&failure))?;
    server.patience = plan.patience;
    server.told = plan.told.clone();
    Ok(server)
}

/// What was found out before the first check.
fn introduce(server: &Server) {
    let running = Running::show("looking around");
    let Ok(pages) = server.pages() else {
        return;
    };
    let keeps = server.keeps_connections();
    drop(running);
    let mut asked = pages.get.join(" ");
    for page in &pages.post {
        asked += &format!(", POST {}", page.target);
    }
    let kept = match keeps {
        Ok(true) => "it keeps connections",
        Ok(false) => "it closes after each answer",
        Err(_) => "GET / is not answered rightly",
    };
    say(format!("{}: {kept}", server.url()));
    say(format!(
        "asked for: {asked}, and what is not there (--path and --post name more)"
    ));
}
