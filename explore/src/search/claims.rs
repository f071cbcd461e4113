//! Which thread explores which part of a search.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::shard::Shard;

/// The parts of a search, numbered in the order in which one thread alone would explore them. Each is explored by
/// the thread that comes to it first, and only if it belongs to the shard.
///
/// The search ends at its first event, such as an execution that fails, and that is the event of the part with the
/// lowest number. So a part with a lower number is still explored, and one with a higher number is not.
#[derive(Debug)]
pub(super) struct Claims {
    /// Of no shard, the parts are only counted.
    shard: Option<Shard>,
    /// Whether the search goes on after an event.
    goes_on: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many executions there were in each part; none if nobody has claimed it.
    parts: Vec<Option<u64>>,
    first_event: Option<usize>,
    seen: Option<(usize, u64)>,
    /// What a search has learned, and has to begin again for.
    news: Option<News>,
}

/// The deadlines that a search knows, and whether to unlock is a step.
pub(super) type Known = (Vec<Duration>, bool);

#[derive(Debug, Clone)]
struct News {
    part: usize,
    known: Known,
}

impl Claims {
    pub(super) fn new(shard: Shard, goes_on: bool) -> Self {
        Claims {
            shard: Some(shard),
            goes_on,
            state: Mutex::default(),
        }
    }

    /// Nobody explores anything.
    pub(super) fn of_nobody() -> Self {
        Claims {
            shard: None,
            goes_on: false,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller is to explore the part.
    pub(super) fn claim(&self, part: usize) -> bool {
        let mut state = self.state();
        if state.parts.len() <= part {
            state.parts.resize(part + 1, None);
        }
        let is_free = state.parts[part].is_none();
        let is_ours = self.shard.is_some_and(|shard| shard.has(part));
        let claims = is_free && is_ours && !state.is_superfluous(part);
        if claims {
            state.parts[part] = Some(0);
        }
        claims
    }

    /// Whether the search ends before that part.
    pub(super) fn is_superfluous(&self, part: usize) -> bool {
        self.state().is_superfluous(part)
    }

    /// One more execution of the part. Returns how many that is.
    pub(super) fn count(&self, part: usize) -> u64 {
        let mut state = self.state();
        let executions = state.parts[part].get_or_insert(0);
        *executions += 1;
        *executions
    }

    /// An execution of the part fails.
    pub(super) fn fails(&self, part: usize) {
        if !self.goes_on {
            self.state().happens(part);
        }
    }

    /// The part has shown what the search has to begin again for.
    pub(super) fn learns(&self, part: usize, known: Known) {
        let mut state = self.state();
        state.happens(part);
        if state.first_event == Some(part) {
            state.news = Some(News { part, known });
        }
    }

    /// What the search has to begin again for, if that comes first.
    pub(super) fn news(&self) -> Option<(usize, Known)> {
        let state = self.state();
        let news = state.news.clone();
        let news = news.filter(|news| state.first_event == Some(news.part));
        news.map(|news| (news.part, news.known))
    }

    /// Somebody has seen all parts: how many there are, and a number that tells them from those of another program.
    pub(super) fn seen(&self, parts: usize, fingerprint: u64) {
        self.state().seen = Some((parts, fingerprint));
    }

    pub(super) fn all_parts(&self) -> Option<(usize, u64)> {
        self.state().seen
    }

    /// How many executions there were in each of our parts.
    pub(super) fn executions(&self) -> Vec<(usize, u64)> {
        let state = self.state();
        let parts = state.parts.iter().enumerate();
        parts
            .filter_map(|(part, executions)| Some((part, (*executions)?)))
            .collect()
    }

    /// How many executions there were up to that one of the part.
    pub(super) fn up_to(&self, part: usize, execution: u64) -> u64 {
        let parts = self.executions().into_iter();
        let before = parts.filter(|(other, _)| *other < part);
        before.map(|(_, executions)| executions).sum::<u64>() + execution
    }
}

impl State {
    fn is_superfluous(&self, part: usize) -> bool {
        self.first_event.is_some_and(|first| part > first)
    }

    fn happens(&mut self, part: usize) {
        let first = self.first_event.get_or_insert(part);
        *first = part.min(*first);
    }
}
