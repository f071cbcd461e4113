//! The tasks of a loop, on its thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use crate::event_loop::Shared;
use crate::platform::Platform;
use crate::task::waker::{TaskId, TaskWaker};

/// A supervised future.
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// So many ended tasks leave their memory to new ones; of more, it is freed.
const SPARES: usize = 1_024;

pub(crate) struct Tasks<P: Platform> {
    slots: RefCell<Slab<Slot<P>>>,
    spares: RefCell<Vec<Spare<P>>>,
}

struct Slot<P: Platform> {
    /// Taken out while it is polled.
    future: Option<TaskFuture>,
    waker: Arc<TaskWaker<P>>,
    /// The cell of a local task, which may serve another one.
    join: Option<Rc<dyn Any>>,
    spawned_at: &'static Location<'static>,
}

/// What a task leaves behind when it ends.
struct Spare<P: Platform> {
    waker: Arc<TaskWaker<P>>,
    join: Option<Rc<dyn Any>>,
}

/// A task that is out of its slot to be polled.
pub(crate) struct Polled {
    pub(crate) future: TaskFuture,
    pub(crate) waker: Waker,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl<P: Platform> Tasks<P> {
    pub(crate) fn new() -> Self {
        Tasks {
            slots: RefCell::default(),
            spares: RefCell::default(),
        }
    }

    /// Takes a task in, under the number that it got when it was spawned. `make` gives its future and,
    /// if it has one of its own, its cell; it is handed the task's waker, and a cell that an earlier
    /// task has left.
    pub(crate) fn insert(
        &self,
        shared: &Arc<Shared<P>>,
        number: u64,
        spawned_at: &'static Location<'static>,
        make: impl FnOnce(&Arc<TaskWaker<P>>, Option<Rc<dyn Any>>) -> (TaskFuture, Option<Rc<dyn Any>>),
    ) -> TaskId {
        let (waker, join) = match self.spares.borrow_mut().pop() {
            Some(Spare { waker, join }) => (Some(waker), join),
            None => (None, None),
        };
        let mut slots = self.slots.borrow_mut();
        let slot = slots.vacant_entry();
        let place = slot.key();
        let id = TaskId { place, number };
        let waker = TaskWaker::new(waker, shared, id);
        let (future, join) = make(&waker, join);
        slot.insert(Slot {
            future: Some(future),
            waker,
            join,
            spawned_at,
        });
        id
    }

    /// Takes a task's future out to poll it, unless the task is gone.
    pub(crate) fn begin_poll(&self, id: TaskId) -> Option<Polled> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(id.place)?;
        if slot.waker.id() != id {
            return None;
        }
        let future = slot.future.take()?;
        slot.waker.begin_poll();
        Some(Polled {
            future,
            waker: Waker::from(slot.waker.clone()),
            spawned_at: slot.spawned_at,
        })
    }

    /// Puts the future back until the next poll.
    pub(crate) fn end_poll(&self, id: TaskId, future: TaskFuture) {
        self.slots.borrow_mut()[id.place].future = Some(future);
    }

    /// Forgets a task that is over.
    pub(crate) fn remove(&self, id: TaskId) {
        let slot = self.slots.borrow_mut().remove(id.place);
        slot.waker.finish();
        let mut spares = self.spares.borrow_mut();
        if spares.len() < SPARES {
            let Slot { waker, join, .. } = slot;
            spares.push(Spare { waker, join });
        }
    }

    /// Hands out all tasks, for the loop to drop, in the order in which they were spawned.
    pub(crate) fn drain(&self) -> Vec<Polled> {
        self.spares.take();
        let slots = self.slots.take().into_iter();
        let tasks = slots.filter_map(|(_, slot)| {
            slot.waker.finish();
            let task = Polled {
                future: slot.future?,
                waker: Waker::from(slot.waker.clone()),
                spawned_at: slot.spawned_at,
            };
            Some((slot.waker.id().number, task))
        });
        by_number(tasks.collect())
    }
}

/// Not part of the generic function, so that sorting is compiled once.
fn by_number(mut tasks: Vec<(u64, Polled)>) -> Vec<Polled> {
    tasks.sort_unstable_by_key(|(number, _)| *number);
    tasks.into_iter().map(|(_, task)| task).collect()
}
