//! Tasks and events: who waits for what, and who is woken by it.

use std::time::Duration;

use super::{Activity, Entry, Reference, Rules};
use crate::command::{Event, Id};
use crate::record::{Came, End, Refusal};

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Task {
    /// It is in the queue to be polled.
    pub scheduled: bool,
    /// It is to be dropped instead of being polled again.
    pub cancel_requested: bool,
    /// What it awaits.
    pub wait: Option<Wait>,
    /// The timer of its own that ends its wait, by its number.
    pub limit: Option<usize>,
    /// That timer has come due.
    pub elapsed: bool,
    /// How many timers of its own it has set.
    pub timers: usize,
    /// How it has ended, if it has.
    pub end: Option<End>,
    /// Its poll that has led to its end is over: wakeups mean nothing any more.
    pub over: bool,
    /// The task that awaits its end.
    pub joiner: Option<Id>,
    /// Nobody will ask for its end.
    pub detached: bool,
}

/// What a task awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Nothing any more: the next poll goes on.
    Over,
    /// A timer of its own, by its number among them.
    Sleep(usize),
    /// An event.
    Event(Event),
    /// The end of a task, whose handle it holds.
    Task(Id),
}

impl<R: Rules> Reference<R> {
    /// The two ways to spawn.
    pub fn spawn(&mut self, id: Id, wakes: bool) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        self.tasks.insert(
            id,
            Task {
                scheduled: true,
                ..Task::default()
            },
        );
        self.queue.push_back(Entry::Task(id));
        self.asleep &= !wakes;
        Ok(())
    }

    /// A waker of the task's is used. Wakeups up to the next poll are one.
    pub fn wake(&mut self, id: Id) {
        if self.begin_wake(id) {
            self.end_wake(id);
        }
    }

    /// The first half of a wakeup: whether it is to put the task in the queue. Between the two, other
    /// threads may do something.
    pub fn begin_wake(&mut self, id: Id) -> bool {
        let counts = R::wakeups_count_in_a_poll() || self.activity != Activity::Calling(id);
        let task = self.task(id);
        let first = counts && !task.over && (!task.scheduled || !R::wakeups_are_one());
        task.scheduled |= first;
        first
    }

    /// The second half of a wakeup.
    pub fn end_wake(&mut self, id: Id) {
        self.enqueue(Entry::Task(id));
    }

    /// Asks for the end of a task, and says whether it may come to that: then it is to be woken.
    pub fn cancel_task(&mut self, id: Id) -> bool {
        let task = self.task(id);
        let accepted = task.end.is_none() && !task.cancel_requested;
        task.cancel_requested |= accepted;
        accepted
    }

    /// The handle is dropped. A panic that nobody will hear of is reported, in its turn.
    pub fn detach(&mut self, id: Id) {
        let task = self.task(id);
        task.detached = true;
        task.joiner = None;
        if task.end == Some(End::Panicked) {
            self.report(id);
        }
    }

    /// The task lets the others have their turn.
    pub fn yield_now(&mut self, id: Id) {
        self.task(id).wait = Some(Wait::Over);
        self.wake(id);
    }

    /// The task sleeps until its deadline.
    pub fn sleep(&mut self, id: Id, deadline: Duration) {
        let number = self.set_alarm(id, deadline);
        self.task(id).wait = Some(Wait::Sleep(number));
    }

    /// The task, which waits, does so no longer than until its deadline.
    pub fn limit(&mut self, id: Id, deadline: Duration) {
        let number = self.set_alarm(id, deadline);
        let task = self.task(id);
        task.limit = Some(number);
        task.elapsed = false;
    }

    fn set_alarm(&mut self, id: Id, deadline: Duration) -> usize {
        let task = self.task(id);
        task.timers += 1;
        let number = task.timers;
        let alarm = Entry::Alarm(id, number);
        self.deadlines.insert(alarm, deadline);
        self.enqueue(alarm);
        number
    }

    /// The task waits for an event. False if it is set.
    pub fn wait_for(&mut self, id: Id, event: Event) -> bool {
        let waits = !self.events.contains(&event);
        if waits {
            self.task(id).wait = Some(Wait::Event(event));
            self.waiters.push((event, id));
        }
        waits
    }

    /// The task awaits another one's end, and gets it if it has come; so does one that awaits itself.
    pub fn join(&mut self, id: Id, other: Id) -> Option<End> {
        let end = match other == id {
            true => Some(End::AwaitsItself),
            false => self.task(other).end,
        };
        if end.is_none() {
            self.task(id).wait = Some(Wait::Task(other));
            self.task(other).joiner = Some(id);
        }
        end
    }

    /// Why the task waits no more, if it does not.
    pub fn goes_on(&mut self, id: Id) -> Option<Came> {
        let task = self.task(id);
        let elapsed = task.limit.is_some() && task.elapsed;
        let came = match task.wait? {
            Wait::Over => Some(Came::It),
            Wait::Sleep(_) => None,
            Wait::Event(event) => {
                let released = !self.waiters.contains(&(event, id));
                let stays = R::released_stay_released() || self.events.contains(&event);
                (released && stays).then_some(Came::It)
            }
            Wait::Task(other) => self.task(other).end.map(Came::End),
        };
        let came = match elapsed && (came.is_none() || !R::ready_is_in_time()) {
            true => Came::Elapsed,
            false => came?,
        };
        if came == Came::Elapsed {
            self.forget_wait(id);
        }
        let task = self.task(id);
        task.wait = None;
        task.limit = None;
        Some(came)
    }

    /// The task gives up what it waits for.
    pub fn forget_wait(&mut self, id: Id) {
        self.task(id).limit = None;
        match self.task(id).wait.take() {
            Some(Wait::Event(_)) => self.waiters.retain(|(_, waiter)| *waiter != id),
            Some(Wait::Task(other)) => self.detach(other),
            Some(Wait::Over | Wait::Sleep(_)) | None => {}
        }
    }

    /// The task has come to its end.
    pub fn end(&mut self, id: Id, end: End) {
        let task = self.task(id);
        task.end = Some(end);
        let detached = task.detached;
        if let Some(joiner) = task.joiner.take() {
            self.wake(joiner);
        }
        if detached && end == End::Panicked {
            self.report(id);
        }
        if self.main == Some(id) {
            self.stop();
            if !R::iterations_end() {
                self.batch.append(&mut self.queue);
                std::mem::swap(&mut self.queue, &mut self.batch);
            }
        }
    }

    /// The task's poll is over, whatever came of it.
    pub fn end_poll(&mut self, id: Id) {
        let is_main = self.main == Some(id); // which is over when the run is
        let task = self.task(id);
        task.over = task.end.is_some() && !is_main;
        self.activity = Activity::Iterating;
    }

    /// Sets an event, and gives those who are to be woken, in the order of arrival.
    pub fn set_event(&mut self, event: Event) -> Vec<Id> {
        self.events.insert(event);
        let mut released: Vec<Id> = Vec::new();
        self.waiters.retain(|(awaited, id)| {
            let stays = *awaited != event;
            if !stays {
                released.push(*id);
            }
            stays
        });
        R::order_released(&mut released);
        released
    }

    /// Resets an event.
    pub fn clear_event(&mut self, event: Event) {
        self.events.remove(&event);
    }

    /// The exception handler is to be told of the task's panic, in its turn.
    pub fn report(&mut self, id: Id) {
        self.enqueue(Entry::Report(id));
    }

    /// A task's timer comes due.
    pub(super) fn ring(&mut self, id: Id, number: usize) {
        let task = self.task(id);
        if task.limit == Some(number) {
            task.elapsed = true;
        } else {
            task.wait = Some(Wait::Over);
        }
        self.wake(id);
    }

    /// What the loop itself has to do later, unless it is closed.
    fn enqueue(&mut self, entry: Entry) {
        if !self.closed {
            self.queue.push_back(entry);
            self.asleep = false;
        }
    }

    pub(super) fn task(&mut self, id: Id) -> &mut Task {
        self.tasks.get_mut(&id).expect("the task was spawned")
    }
}
