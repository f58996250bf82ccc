//! What a check is, and how it ends.

use std::time::Duration;

use crate::exchange::Exchange;
use crate::rows::Rows;
use crate::server::Server;
use crate::server::wait_until;

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Check {
    /// Kebab-case, unique, telling.
    pub name: &'static str,
    /// The first stage that must pass.
    pub since: u8,
    /// The last stage that must pass, where a later stage does otherwise.
    pub until: Option<u8>,
    /// Where the demand comes from.
    pub rule: &'static str,
    /// What the client does, where `rows` does not say it.
    pub sends: &'static str,
    /// What a right server does.
    pub expects: &'static str,
    /// For someone whose server fails.
    pub hint: &'static str,
    /// How strongly it is demanded.
    pub level: Level,
    /// What it costs when it is missing: the worst is shown first.
    pub harm: Harm,
    /// It waits for seconds and does little: it runs beside the others where it can.
    pub waits: bool,
    /// It is a list of requests with one kind of answer, and nothing else.
    pub rows: Option<Rows>,
    /// Does it, where it is more than that.
    pub run: fn(&Server) -> Verdict,
}

/// What stage 05 still does with a request that later ones answer with 400.
const STILL: &str = " (in stage 05 still: closed without an answer)";

/// How strongly a check is demanded, and by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// A MUST of the RFCs, or what any server owes its users: it survives, and keeps secrets.
    Must,
    /// A SHOULD: a server that does otherwise needs a reason. A warning, no failure.
    Should,
    /// Only this tutorial asks it: routes, texts, flags, and choices that the RFCs leave open.
    Ours,
    /// An exercise of the book, for a stage in which somebody has done it.
    Exercise,
}

impl Level {
    /// The word for it, in lists and in what machines read.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::Ours => "ours",
            Level::Exercise => "exercise",
        }
    }
}

/// What a fault costs, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Harm {
    /// A stranger reads files.
    GivesAway,
    /// The process ends, or its memory, threads or descriptors do.
    Ends,
    /// A stranger runs scripts in a visitor's browser, or smuggles requests.
    LetsIn,
    /// Somebody waits in vain, or loses what was sent.
    Loses,
    /// A client misreads an answer, or may.
    Misleads,
}

/// How a check ends.
pub type Verdict = Result<(), Failure>;

/// Why a check did not pass.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server did something else than it should.
    Wrong {
        /// A sentence for people.
        says: String,
        /// The bytes, where there are any.
        exchange: Exchange,
    },
    /// The check could not be tried on this server; the reason.
    Skipped(String),
}

impl Failure {
    /// A failure without bytes to show.
    pub fn new(says: impl Into<String>) -> Failure {
        Failure::Wrong {
            says: says.into(),
            exchange: Exchange::default(),
        }
    }

    /// Has the server ended over it?
    pub fn ended_it(&self) -> bool {
        matches!(self, Failure::Wrong { exchange, .. } if exchange.was_the_last())
    }

    /// Its first line: what went wrong, in a sentence.
    pub fn first_line(&self) -> &str {
        match self {
            Failure::Wrong { says, .. } => first_line(says),
            Failure::Skipped(reason) => first_line(reason),
        }
    }

    /// The same, after a line that says which part of the check it comes from.
    pub fn titled(mut self, title: &str) -> Failure {
        if let Failure::Wrong { exchange, .. } = &mut self {
            exchange.put_before(title);
        }
        self
    }

    /// The same, and the first thing to know is what was asked.
    pub fn asked(mut self, what: &str) -> Failure {
        if let Failure::Wrong { says, .. } = &mut self {
            *says = format!("{what}: {says}");
        }
        self
    }

    /// The same, and the first thing to know is what went on meanwhile.
    pub fn while_others(mut self, meanwhile: &str) -> Failure {
        if let Failure::Wrong { says, .. } = &mut self {
            *says = format!("while {meanwhile}, {}", first_line(says));
        }
        self
    }

    /// The same, after what went over the connection before.
    pub fn after(mut self, last: Exchange) -> Failure {
        if let Failure::Wrong { exchange, .. } = &mut self {
            exchange.put_exchange_before(last);
        }
        self
    }
}

impl Check {
    /// What the client does, for people.
    pub fn what_it_sends(&self) -> String {
        self.rows
            .map_or(self.sends.to_string(), |rows| rows.sends())
    }

    /// Does it hold for this stage?
    pub fn holds_for(&self, stage: u8) -> bool {
        self.since <= stage && self.until.is_none_or(|last| stage <= last)
    }

    /// What a server of this stage does. Stage 05 has no answer yet for what it refuses,
    /// and in the table a row says so after this.
    pub fn expects_in(&self, stage: u8) -> String {
        match stage {
            5 => self.expects.to_string(),
            _ => self.expects.replace(STILL, ""),
        }
    }

    /// Runs it, and looks whether the server outlived it.
    pub fn run_on(&self, server: &Server) -> Verdict {
        let before = server.complained();
        let mut verdict = match self.rows {
            Some(rows) => rows.try_on(server),
            None => (self.run)(server),
        };
        let failed = matches!(verdict, Err(Failure::Wrong { .. }));
        if let (Some(words), Err(Failure::Wrong { says, exchange })) =
            (server.end_those_beside(failed), &mut verdict)
        {
            exchange.note(format!("what the client saw: {}", first_line(says)));
            *says = words;
        }
        let is_told = matches!(&verdict, Err(failure) if failure.ended_it());
        if is_told || matches!(verdict, Err(Failure::Skipped(_))) {
            return verdict;
        }
        if verdict.is_err() && server.pid().is_some() {
            // A refused connection is seen a moment before the end of the process,
            // which explains more.
            wait_until(Duration::from_millis(200), || server.still_runs().is_err());
        }
        let Err(ended) = server.still_runs() else {
            if let Err(Failure::Wrong { exchange, .. }) = &mut verdict {
                for line in server.complaints_since(before) {
                    exchange.note(format!("on stderr: {line}"));
                }
            }
            return verdict;
        };
        // What ended it is shown: what the failure holds, or what went last.
        let (seen, mut exchange) = match verdict {
            Err(Failure::Wrong { says, exchange }) => (says, exchange),
            _ => Default::default(),
        };
        if exchange.is_empty() {
            exchange = server.last();
        }
        if !seen.is_empty() {
            exchange.note(format!("what the client saw: {}", first_line(&seen)));
        }
        exchange.note("by now the server has ended");
        exchange.is_the_last();
        Err(ended.after(exchange))
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// `Ok` if it holds, else a failure that says so.
pub fn ensure(holds: bool, says: impl Into<String>) -> Verdict {
    if holds {
        return Ok(());
    }
    Err(Failure::new(says))
}
