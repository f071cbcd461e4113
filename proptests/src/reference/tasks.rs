//! What tasks and events do: which task waits for what, and what wakes it.

use std::time::Duration;

use super::task::{Task, Wait};
use super::{Activity, Entry, Reference, Rules};
use crate::command::{EventId, Id};
use crate::record::{End, Refusal, WaitEnd};

impl<R: Rules> Reference<R> {
    /// Spawns a task. `wakes` says whether this wakes the loop.
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

    /// Wakes a task. All wakeups before its next poll count as one.
    pub fn wake(&mut self, id: Id) {
        if self.begin_wake(id) {
            self.end_wake(id);
        }
    }

    /// The first half of a wakeup. Returns whether the second half must put the task into the queue. Other
    /// threads may act between the halves.
    pub fn begin_wake(&mut self, id: Id) -> bool {
        let counts = R::wakeups_count_in_a_poll() || self.activity != Activity::Calling(id);
        let task = self.task(id);
        let first = counts && !task.over && (!task.scheduled || !R::wakeups_are_one());
        task.scheduled |= first;
        first
    }

    /// The second half of a wakeup: puts the task into the queue.
    pub fn end_wake(&mut self, id: Id) {
        self.enqueue(Entry::Task(id));
    }

    /// Requests a task's cancellation. If this returns true, the caller must wake the task.
    pub fn cancel_task(&mut self, id: Id) -> bool {
        let task = self.task(id);
        let accepted = task.end.is_none() && !task.cancel_requested;
        task.cancel_requested |= accepted;
        accepted
    }

    /// Drops a task's handle. If the task panicked, the exception handler receives the panic in its turn.
    pub fn detach(&mut self, id: Id) {
        let task = self.task(id);
        task.detached = true;
        task.joiner = None;
        if task.end == Some(End::Panicked) {
            self.report(id);
        }
    }

    /// The task yields to the others.
    pub fn yield_now(&mut self, id: Id) {
        self.task(id).wait = Some(Wait::Over);
        self.wake(id);
    }

    /// The task sleeps until its deadline.
    pub fn sleep(&mut self, id: Id, deadline: Duration) {
        let number = self.set_alarm(id, deadline);
        self.task(id).wait = Some(Wait::Sleep(number));
    }

    /// Limits the task's wait with a deadline.
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

    /// The task waits for an event. Returns false if the event is set.
    pub fn wait_for(&mut self, id: Id, event: EventId) -> bool {
        let waits = !self.events.contains(&event);
        if waits {
            self.task(id).wait = Some(Wait::Event(event));
            self.waiters.push((event, id));
        }
        waits
    }

    /// The task awaits the end of another. Returns the end if it has come already, or if the task awaits
    /// itself.
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

    /// Ends the task's wait if it is over, and returns why.
    pub fn resume(&mut self, id: Id) -> Option<WaitEnd> {
        let task = self.task(id);
        let elapsed = task.limit.is_some() && task.elapsed;
        let wait_end = match task.wait? {
            Wait::Over => Some(WaitEnd::Arrived),
            Wait::Sleep(_) => None,
            Wait::Event(event) => {
                let released = !self.waiters.contains(&(event, id));
                let stays = R::released_stay_released() || self.events.contains(&event);
                (released && stays).then_some(WaitEnd::Arrived)
            }
            Wait::Task(other) => self.task(other).end.map(WaitEnd::TaskEnded),
        };
        let wait_end = match elapsed && (wait_end.is_none() || !R::ready_is_in_time()) {
            true => WaitEnd::TimedOut,
            false => wait_end?,
        };
        if wait_end == WaitEnd::TimedOut {
            self.forget_wait(id);
        }
        let task = self.task(id);
        task.wait = None;
        task.limit = None;
        Some(wait_end)
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

    /// The task ends.
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

    /// Ends the poll of a task.
    pub fn end_poll(&mut self, id: Id) {
        let is_main = self.main == Some(id); // `end_run` ends this one
        let task = self.task(id);
        task.over = task.end.is_some() && !is_main;
        self.activity = Activity::Iterating;
    }

    /// Sets an event. Returns the tasks that the caller must wake, in the order in which they began to wait.
    pub fn set_event(&mut self, event: EventId) -> Vec<Id> {
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
    pub fn clear_event(&mut self, event: EventId) {
        self.events.remove(&event);
    }

    /// Queues the task's panic for the exception handler.
    pub fn report(&mut self, id: Id) {
        self.enqueue(Entry::Report(id));
    }

    /// Runs a task's timer.
    pub(super) fn ring(&mut self, id: Id, number: usize) {
        let task = self.task(id);
        if task.limit == Some(number) {
            task.elapsed = true;
        } else {
            task.wait = Some(Wait::Over);
        }
        self.wake(id);
    }

    /// Queues an entry of the loop's own, unless the loop is closed.
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
