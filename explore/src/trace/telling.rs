//! A journal as steps in words.

use std::borrow::Cow;
use std::panic::Location;

use wakeproof::inbox::{Status, Step};

use super::acts::{Names, Notified};
use super::shared::{FREE, Shared};
use super::step::{Kind, LOCKS, Told, UNLOCKS};
use crate::journal::{Act, CLOCK, DEADLINE, Effect, Entry, Journal, MUTEX, Object, QUEUE, What};
use crate::story;

/// What a thread says that leaves something to a loop that sleeps.
pub(super) const WOKE_NOBODY: &str = "has woken nobody";

/// Each step in words; a notification is one with the step that caused it.
pub(super) fn tell(journal: &Journal, names: &Names<'_>) -> Vec<Told> {
    let is_lock = |entry: &Entry| match &entry.what {
        What::Act(act) => act.object.kind == "mutex" && act.at.is_none(),
        _ => false,
    };
    let has_none = |entry: &Entry| matches!(entry.what, What::Value { name: MUTEX, .. });
    let mut teller = Teller {
        has_mutex: !journal.entries.iter().any(has_none),
        journal,
        names,
        world: World::default(),
        told: Vec::new(),
        in_full: journal.entries.iter().any(is_lock)
            && !journal.entries.iter().any(|entry| match &entry.what {
                What::Act(act) => act.at.is_some(),
                _ => false,
            }),
    };
    for (index, entry) in journal.entries.iter().enumerate() {
        teller.tell(index, entry);
    }
    let mut told = teller.told;
    let knows = |value: fn(&Shared) -> &Option<String>| {
        told.iter().any(|step| value(&step.shared).is_some())
    };
    let (has_mutex, has_clock) = (knows(|shared| &shared.mutex), knows(|shared| &shared.clock));
    for Told { shared, .. } in &mut told {
        // Before somebody takes it, and before it moves.
        if has_mutex {
            shared.mutex.get_or_insert_with(|| FREE.to_owned());
        }
        if has_clock {
            shared.clock.get_or_insert_with(|| BEGINNING.to_owned());
        }
    }
    told
}

/// The time when an execution begins.
const BEGINNING: &str = "0s";

struct Teller<'a> {
    journal: &'a Journal,
    names: &'a Names<'a>,
    world: World,
    told: Vec<Told>,
    /// Whether what becomes of every mutex and condvar is in the journal.
    in_full: bool,
    /// Whether the design has a mutex.
    has_mutex: bool,
}

/// What the threads share, so far.
#[derive(Default)]
struct World {
    queue: Option<String>,
    /// What has a name and a value.
    named: Vec<(&'static str, String)>,
    mutexes: Vec<(Object, Option<usize>)>,
    /// The one mutex of a journal that tells of steps only.
    inbox: Option<Option<usize>>,
    /// Who waits, on what, and until when.
    waiting: Vec<(usize, Option<String>)>,
    /// Until when a thread's next wait lasts.
    deadline: Option<(usize, String)>,
    clock: Option<String>,
}

impl World {
    fn status(&mut self, status: Option<Status>) {
        if let Some(status) = status {
            self.queue = Some(status.queued.to_string());
            for (name, value) in [
                ("asleep", status.asleep),
                ("stopping", status.stopping),
                ("closed", status.closed),
            ] {
                self.name(name, value.to_string());
            }
        }
    }

    fn name(&mut self, name: &'static str, value: String) {
        match self.named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.named.push((name, value)),
        }
    }

    fn is_locked(&mut self, mutex: Object, holder: Option<usize>) {
        match self.mutexes.iter_mut().find(|(known, _)| *known == mutex) {
            Some((_, known)) => *known = holder,
            None => self.mutexes.push((mutex, holder)),
        }
    }

    fn waits(&mut self, thread: usize) -> Option<String> {
        for (_, holder) in &mut self.mutexes {
            if *holder == Some(thread) {
                *holder = None;
            }
        }
        if self.inbox == Some(Some(thread)) {
            self.inbox = Some(None);
        }
        let deadline = self.deadline.take().filter(|(whose, _)| *whose == thread);
        let until = deadline.map(|(_, until)| until);
        self.waiting.push((thread, until.clone()));
        until
    }

    fn wakes(&mut self, thread: usize) {
        self.waiting.retain(|(waiting, _)| *waiting != thread);
    }
}

impl Teller<'_> {
    fn shared(&self) -> Shared {
        let world = &self.world;
        let threads = &self.journal.threads;
        let flags = world
            .named
            .iter()
            .filter_map(|(name, value)| match &**value {
                "true" => Some((*name).to_owned()),
                "false" => None,
                value => Some(format!("{name} {value}")),
            });
        let until = world.waiting.iter().filter_map(|(thread, until)| {
            let until = until.as_ref()?;
            Some(format!("{} until {until}", threads[*thread]))
        });
        let holder = |holder: &Option<usize>| {
            holder.map_or_else(|| FREE.to_owned(), |thread| threads[thread].clone())
        };
        let mutex = match (&*world.mutexes, &world.inbox) {
            _ if !self.has_mutex => None,
            ([], inbox) => inbox.as_ref().map(holder),
            ([(_, only)], _) => Some(holder(only)),
            (several, _) => {
                let held = several.iter().filter_map(|(mutex, holder)| {
                    let holder = &threads[(*holder)?];
                    Some(format!("{}: {holder}", self.names.name(*mutex)))
                });
                let held: Vec<String> = held.collect();
                Some(if held.is_empty() {
                    FREE.to_owned()
                } else {
                    held.join(", ")
                })
            }
        };
        Shared {
            queue: world.queue.clone(),
            flags: flags.chain(until).collect(),
            mutex,
            waiting: world.waiting.iter().map(|(thread, _)| *thread).collect(),
            clock: world.clock.clone(),
        }
    }

    fn say(&mut self, entry: &Entry, kind: Kind, what: impl Into<String>) -> &mut Told {
        let shared = self.shared();
        let of_the_act = match &entry.what {
            What::Act(act) => act.at,
            _ => None,
        };
        self.told.push(Told {
            thread: Some(entry.thread),
            action: None,
            at: entry.at.or(of_the_act).map(line),
            what: what.into(),
            kind,
            notifies: None,
            shared,
        });
        self.told.last_mut().expect("it was pushed above")
    }

    fn tell(&mut self, index: usize, entry: &Entry) {
        match &entry.what {
            What::End => {}
            What::Act(act) => self.act(index, entry, act),
            What::Note(note) => {
                // The act that follows says more.
                let what = if self.in_full {
                    note.trim_end_matches(", is about to sleep")
                } else {
                    note
                };
                let kind = if !self.in_full && note.ends_with(ABOUT_TO_SLEEP) {
                    Kind::Waits
                } else {
                    Kind::Other
                };
                self.say(entry, kind, what);
            }
            What::Action { name, what } => {
                let told = self.say(entry, Kind::Other, &**what);
                told.action = Some((*name).to_owned());
            }
            What::Value { name, value } => self.value(entry, name, value),
            What::Notified { somebody } => {
                let notifies = if *somebody {
                    woken(self.journal, index)
                } else {
                    Notified::Nobody
                };
                self.notifies(entry, notifies);
            }
            What::Step(step, status) => self.step(index, entry, *step, *status),
        }
    }

    fn notifies(&mut self, entry: &Entry, notifies: Notified) {
        let what = match notifies {
            Notified::Nobody => "notifies: nobody is waiting".to_owned(),
            Notified::Thread(woken) => {
                let notifies = if self.has_mutex { "notifies: " } else { "" };
                format!("{notifies}wakes {}", self.journal.threads[woken])
            }
            Notified::Somebody => "notifies: wakes one of the waiters".to_owned(),
        };
        self.say(entry, Kind::Other, what).notifies = Some(notifies);
    }

    fn value(&mut self, entry: &Entry, name: &'static str, value: &str) {
        match name {
            QUEUE => self.world.queue = Some(value.to_owned()),
            DEADLINE => self.world.deadline = Some((entry.thread, value.to_owned())),
            CLOCK => {
                let before = self.world.clock.replace(value.to_owned());
                let before = before.unwrap_or_else(|| BEGINNING.to_owned());
                let what = format!("time passes: {before} → {value}");
                self.say(entry, Kind::Other, what).thread = None;
            }
            MUTEX => {}
            _ => self.world.name(name, value.to_owned()),
        }
    }

    /// What the thread does next.
    fn next(&self, index: usize, thread: usize) -> Option<&What> {
        let later = self.journal.entries[index + 1..].iter();
        let mut own = later.filter(|entry| entry.thread == thread);
        own.find(|entry| !matches!(entry.what, What::Value { .. }))
            .map(|entry| &entry.what)
    }

    /// What the thread has done last.
    fn before(&self, index: usize, thread: usize) -> Option<&What> {
        let earlier = self.journal.entries[..index].iter().rev();
        let mut own = earlier.filter(|entry| entry.thread == thread);
        own.find(|entry| !matches!(entry.what, What::Value { .. }))
            .map(|entry| &entry.what)
    }

    fn act(&mut self, index: usize, entry: &Entry, act: &Act) {
        let thread = entry.thread;
        let is_mutex = act.object.kind == "mutex";
        let kind = match act.effect {
            Effect::Nothing if is_mutex && act.what == "locks {}" => Kind::Locks,
            Effect::Nothing if is_mutex && act.what == story::UNLOCKS => Kind::Unlocks,
            Effect::Nothing if act.object.kind == "condvar" => Kind::Wakes,
            Effect::Sleeps if act.object.kind == "condvar" => Kind::Waits,
            _ => Kind::Other,
        };
        let mut until = None;
        match kind {
            Kind::Locks => self.world.is_locked(act.object, Some(thread)),
            Kind::Unlocks => self.world.is_locked(act.object, None),
            Kind::Waits => until = self.world.waits(thread),
            Kind::Wakes => self.world.wakes(thread),
            Kind::Other => {}
        }
        if act.at.is_some() || !self.in_full {
            if let Some((what, notifies)) = self.names.tell(index, act) {
                self.say(entry, kind, what).notifies = notifies;
            }
            return;
        }
        match kind {
            Kind::Locks | Kind::Unlocks if !self.has_mutex => {}
            // The loop's own step tells of it.
            Kind::Locks
                if matches!(
                    self.next(index, thread),
                    Some(What::Step(Step::Lock | Step::Wake, _))
                ) => {}
            Kind::Unlocks
                if matches!(
                    self.before(index, thread),
                    Some(What::Step(Step::Unlock, _))
                ) || matches!(
                    self.next(index, thread),
                    Some(What::Act(next)) if next.effect == Effect::Sleeps
                ) => {}
            Kind::Locks => drop(self.say(entry, kind, LOCKS)),
            Kind::Unlocks => drop(self.say(entry, kind, UNLOCKS)),
            Kind::Waits => {
                let unlocks = if self.has_mutex { "unlocks and " } else { "" };
                let until = until.map_or_else(String::new, |until| format!(" until {until}"));
                let what = format!("{unlocks}waits{until}");
                self.say(entry, kind, what);
            }
            Kind::Wakes => {
                let what = match &*act.what {
                    story::TIME_IS_UP => Cow::Borrowed("its wait is over: the time is up"),
                    "is woken" => Cow::Borrowed("is woken"),
                    other => Cow::Owned(other.replace(" on {}", "")),
                };
                self.say(entry, kind, what);
            }
            Kind::Other => match act.effect {
                Effect::Wakes(0) if !self.has_mutex => {}
                Effect::Wakes(_) => {
                    let notifies = match (act.effect, act.woken.as_slice()) {
                        (Effect::Wakes(0), _) => Notified::Nobody,
                        (_, [one]) => Notified::Thread(*one),
                        _ => Notified::Somebody,
                    };
                    self.notifies(entry, notifies);
                }
                _ => {
                    if let Some((what, notifies)) = self.names.tell(index, act) {
                        self.say(entry, kind, what).notifies = notifies;
                    }
                }
            },
        }
    }

    fn step(&mut self, index: usize, entry: &Entry, step: Step, status: Option<Status>) {
        let thread = entry.thread;
        let before = self.world.queue.clone().unwrap_or_else(|| "0".to_owned());
        let was_asleep = self.world.named.contains(&("asleep", true.to_string()));
        self.world.status(status);
        let queued = status.map_or(0, |status| status.queued);
        let has_work = status.is_some_and(|status| status.queued > 0 || status.stopping);
        if !self.in_full {
            match step {
                Step::Lock | Step::Wake => self.world.inbox = Some(Some(thread)),
                Step::Unlock => self.world.inbox = Some(None),
                Step::Sleep => drop(self.world.waits(thread)),
                _ => {}
            }
            if step == Step::Wake {
                self.world.wakes(thread);
            }
        } else if step == Step::Unlock {
            for (_, holder) in &mut self.world.mutexes {
                if *holder == Some(thread) {
                    *holder = None;
                }
            }
        }
        let kind = match step {
            Step::Lock | Step::Wake => Kind::Locks,
            Step::Unlock => Kind::Unlocks,
            Step::Sleep if !self.in_full => Kind::Waits,
            _ => Kind::Other,
        };
        let waits = if self.in_full {
            ""
        } else {
            ", unlocks and waits"
        };
        let what: Cow<'_, str> = match step {
            Step::Lock => LOCKS.into(),
            Step::Enqueue => format!("enqueues: queue {before} → {queued}").into(),
            Step::Refuse => "is refused: the loop is closed".into(),
            Step::Notify => "finds the loop asleep".into(),
            Step::Stop => "asks the loop to stop".into(),
            Step::Stopped => "stops, as it was asked to".into(),
            Step::Sleep if has_work => {
                format!("does not look again, sets asleep{waits} beside a queue of {queued}").into()
            }
            Step::Sleep => format!("finds nothing to do, sets asleep{waits}").into(),
            Step::Wake if self.in_full && was_asleep => "clears asleep".into(),
            Step::Wake if self.in_full => LOCKS.into(),
            Step::Wake => "wakes and locks".into(),
            Step::Take => format!("takes the whole queue: {before} → {queued}").into(),
            Step::Close => "closes: accepts nothing any more".into(),
            Step::Unlock if wakes_nobody(self.journal, index) => {
                format!("unlocks, and {WOKE_NOBODY}").into()
            }
            Step::Unlock => UNLOCKS.into(),
            Step::Run => "runs a callback".into(),
            other => format!("{other:?}").into(),
        };
        self.say(entry, kind, what).action = Some(format!("{step:?}"));
    }
}

/// A line of the source, with its file.
fn line(at: &Location<'_>) -> String {
    format!("{}:{}", at.file().replace('\\', "/"), at.line())
}

/// Whether the thread that unlocks here leaves work, or a request to stop, to a loop that sleeps.
fn wakes_nobody(journal: &Journal, unlock: usize) -> bool {
    let thread = journal.entries[unlock].thread;
    let its_section = journal.entries[..unlock]
        .iter()
        .rev()
        .filter(|entry| entry.thread == thread)
        .take_while(|entry| !matches!(entry.what, What::Step(Step::Lock, _)));
    let mut leaves_something = false;
    for entry in its_section {
        match &entry.what {
            What::Step(Step::Enqueue | Step::Stop, _) => leaves_something = true,
            What::Notified { .. } | What::Step(Step::Sleep | Step::Wake, _) => return false,
            What::Act(act) if matches!(act.effect, Effect::Wakes(_)) => return false,
            _ => {}
        }
    }
    let is_asleep = matches!(
        journal.entries[unlock].what,
        What::Step(_, Some(status)) if status.asleep
    );
    leaves_something && is_asleep
}

/// Whom a notification wakes: the one thread that sleeps, if it is one.
fn woken(journal: &Journal, notified: usize) -> Notified {
    let mut sleepers = (0..journal.threads.len()).filter(|thread| {
        let last = journal.entries[..notified]
            .iter()
            .rev()
            .find(|entry| entry.thread == *thread);
        last.is_some_and(is_going_to_sleep)
    });
    match (sleepers.next(), sleepers.next()) {
        (Some(sleeper), None) => Notified::Thread(sleeper),
        _ => Notified::Somebody,
    }
}

const ABOUT_TO_SLEEP: &str = "is about to sleep";

/// Whether a thread sleeps if this is the last that it has done.
pub(super) fn is_going_to_sleep(entry: &Entry) -> bool {
    match &entry.what {
        What::Step(Step::Sleep, _) => true,
        What::Note(note) => note.ends_with(ABOUT_TO_SLEEP),
        What::Act(act) => act.effect == Effect::Sleeps,
        _ => false,
    }
}
