//! Who checks the checkers? Small programs, each with the verdict that theory demands under each of
//! them.
//!
//! Litmus tests for the orderings of atomics and for fences; every kind of wait, with and without the
//! fault; deadlines that are met, equal, and missed; every misuse; every limit. `wakeproof checkers`
//! runs them all and prints the table that is in
//! [CHECKERS.md](https://github.com/wakeproof/wakeproof/blob/main/explore/CHECKERS.md).

use std::time::Duration;

use serde::Serialize;

use crate::platform::Environment;
use crate::search::{Limits, Search};
use crate::verdict::{Checker, Exploration, Verdict};
use crate::{loom, shuttle, threads};

mod dropin;
mod limits;
mod litmus;
mod misuse;
mod time;
mod waits;

/// A verdict, without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// [`Verdict::Proved`].
    Proved,
    /// [`Verdict::Found`].
    Found,
    /// [`Verdict::NotProved`].
    NotProved,
    /// [`Verdict::CannotJudge`].
    CannotJudge,
}

impl Expected {
    /// In words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Expected::Proved => "proved",
            Expected::Found => "found",
            Expected::NotProved => "not proved",
            Expected::CannotJudge => "cannot judge",
        }
    }

    /// Which one a search came to.
    #[must_use]
    pub fn of(exploration: &Exploration) -> Self {
        match exploration.verdict {
            Verdict::Proved(_) => Expected::Proved,
            Verdict::Found(_) => Expected::Found,
            Verdict::NotProved(_) => Expected::NotProved,
            Verdict::CannotJudge(_) => Expected::CannotJudge,
        }
    }
}

/// A small program, and what has to come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// What it is about.
    pub group: &'static str,
    /// What its environment may do.
    pub environment: Environment,
    /// What loom has to say.
    pub loom: Expected,
    /// What shuttle has to say, depth first.
    pub shuttle: Expected,
    /// What real threads have to say, if that does not depend on timing.
    pub threads: Option<Expected>,
    /// Words that the answer must have in it, if it is not a proof.
    pub says: &'static str,
    under_loom: fn(),
    under_shuttle: fn(),
    on_threads: fn(),
}

impl Case {
    /// Who has a verdict on it.
    #[must_use]
    pub fn checkers(&self) -> Vec<(Checker, Expected)> {
        let mut checkers = vec![(Checker::Loom, self.loom), (Checker::Shuttle, self.shuttle)];
        checkers.extend(self.threads.map(|expected| (Checker::Threads, expected)));
        checkers
    }

    /// Has the checker search it.
    #[must_use]
    pub fn explore(&self, checker: Checker, limits: &Limits) -> Exploration {
        match checker {
            Checker::Loom => loom(self.environment, &in_silence(limits), self.under_loom),
            Checker::Shuttle => self.explore_by(Search::Exhaustive, limits),
            Checker::Threads => {
                let limits = Limits {
                    executions: Some(10),
                    ..in_silence(limits)
                };
                threads(Duration::from_secs(20), &limits, self.on_threads)
            }
        }
    }

    /// Has shuttle search it in the given way.
    #[must_use]
    pub fn explore_by(&self, search: Search, limits: &Limits) -> Exploration {
        let limits = in_silence(limits);
        shuttle(self.environment, search, &limits, self.under_shuttle)
    }

    /// Whether a search of it came to what it had to, and says why.
    #[must_use]
    pub fn is_as_expected(&self, expected: Expected, exploration: &Exploration) -> bool {
        let says = expected == Expected::Proved || exploration.to_string().contains(self.says);
        Expected::of(exploration) == expected && says
    }
}

/// Small programs take their steps soon.
fn in_silence(limits: &Limits) -> Limits {
    Limits {
        silence: Some(Duration::from_secs(2)),
        ..limits.clone()
    }
}

/// A case under loom and under shuttle, in that order; what else it has is set afterwards.
macro_rules! case {
    ($name:literal, $loom:ident, $shuttle:ident, $body:ident $(::<$option:literal>)?) => {
        $crate::suite::Case {
            name: $name,
            group: "",
            environment: $crate::platform::Environment::HOSTILE,
            loom: $crate::suite::Expected::$loom,
            shuttle: $crate::suite::Expected::$shuttle,
            threads: None,
            says: "",
            under_loom: $body::<$crate::platform::Loom $(, $option)?>,
            under_shuttle: $body::<$crate::platform::Shuttle $(, $option)?>,
            on_threads: $body::<$crate::platform::RealThreads $(, $option)?>,
        }
    };
}
use case;

impl Case {
    fn within(self, environment: Environment) -> Self {
        Case {
            environment,
            ..self
        }
    }

    fn quiet(self) -> Self {
        self.within(Environment::QUIET)
    }

    fn on_threads(self, expected: Expected) -> Self {
        Case {
            threads: Some(expected),
            ..self
        }
    }

    fn says(self, says: &'static str) -> Self {
        Case { says, ..self }
    }
}

/// All of them.
#[must_use]
pub fn cases() -> Vec<Case> {
    let groups = [
        ("memory", litmus::cases()),
        ("waiting", waits::cases()),
        ("time", time::cases()),
        ("misuse", misuse::cases()),
        ("limits", limits::cases()),
        ("the drop-in", dropin::cases()),
    ];
    let named = |(group, cases): (&'static str, Vec<Case>)| {
        cases.into_iter().map(move |case| Case { group, ..case })
    };
    groups.into_iter().flat_map(named).collect()
}

/// What the checkers have to say of a case, from a run made now.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The program.
    pub case: Case,
    /// What came of each search, and what had to.
    pub answers: Vec<(Checker, Expected, Exploration)>,
}

impl Answers {
    /// Has every checker search the case that has a verdict on it.
    #[must_use]
    pub fn of(case: Case, limits: &Limits) -> Self {
        let search = |(checker, expected)| (checker, expected, case.explore(checker, limits));
        Answers {
            answers: case.checkers().into_iter().map(search).collect(),
            case,
        }
    }

    /// Whether each answer is what theory demands.
    #[must_use]
    pub fn are_as_expected(&self) -> bool {
        let is_right = |(_, expected, explored): &(Checker, Expected, Exploration)| {
            self.case.is_as_expected(*expected, explored)
        };
        self.answers.iter().all(is_right)
    }

    /// The answer of one checker, in a word or two.
    #[must_use]
    pub fn word(&self, checker: Checker) -> &'static str {
        let answer = self.answers.iter().find(|(who, ..)| *who == checker);
        answer.map_or("–", |(_, _, explored)| Expected::of(explored).in_words())
    }

    /// What the environment was allowed to do, in a few words.
    #[must_use]
    pub fn world(&self) -> String {
        let environment = self.case.environment;
        if environment == Environment::QUIET {
            return "quiet".into();
        }
        if environment == Environment::HOSTILE {
            return "hostile".into();
        }
        let mut events = Vec::new();
        for (number, what) in [
            (environment.spurious_wakeups, "spurious"),
            (environment.timeouts, "timeouts"),
            (environment.overtakings, "overtakings"),
        ] {
            if number > 0 {
                events.push(format!("{what} {number}"));
            }
        }
        if environment.punctual {
            events.push("no thread late".into());
        }
        events.join(", ")
    }
}

/// The table, for a page of the documentation.
#[must_use]
pub fn to_markdown(answers: &[Answers]) -> String {
    let mut page = String::new();
    let mut group = "";
    for answer in answers {
        let case = &answer.case;
        if case.group != group {
            group = case.group;
            page += &format!(
                "\n## {group}\n\n| program | world | loom | shuttle | real threads |\n|---|---|---|---|---|\n"
            );
        }
        page += &format!(
            "| {} | {} | {} | {} | {} |\n",
            case.name,
            answer.world(),
            answer.word(Checker::Loom),
            answer.word(Checker::Shuttle),
            answer.word(Checker::Threads),
        );
    }
    page
}
