//! The tasks of a loop, on its thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use crate::entry::{NewTask, TaskFuture, TaskId};
use crate::platform::Platform;
use crate::shared::Shared;
use crate::task::local_cell::LocalCell;
use crate::task::spares::Spares;
use crate::task::waker::TaskWaker;

/// The tasks of a loop.
pub(crate) struct Tasks<P: Platform> {
    slots: RefCell<Slab<Slot<P>>>,
    spares: RefCell<Spares<P>>,
}

struct Slot<P: Platform> {
    /// Taken out while it is polled.
    future: Option<TaskFuture>,
    waker: Arc<TaskWaker<P>>,
    spawned_at: &'static Location<'static>,
    /// The task's cell, if it can become a spare.
    cell: Option<Rc<dyn Any>>,
}

impl<P: Platform> Slot<P> {
    fn take_out(&mut self) -> Option<Polled> {
        Some(Polled {
            future: self.future.take()?,
            waker: Waker::from(self.waker.clone()),
            spawned_at: self.spawned_at,
        })
    }
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
            spares: RefCell::new(Spares::new()),
        }
    }

    /// A cell for the result of a task of this thread.
    pub(crate) fn cell<T: 'static>(
        &self,
        shared: &Arc<Shared<P>>,
        spawned_at: &'static Location<'static>,
    ) -> Rc<LocalCell<P, T>> {
        self.spares.borrow_mut().cell(shared, spawned_at)
    }

    /// Takes a task in. `cell` is its cell, if it came from [`cell`](Self::cell).
    pub(crate) fn insert(
        &self,
        shared: &Arc<Shared<P>>,
        task: NewTask,
        cell: Option<Rc<dyn Any>>,
    ) -> TaskId {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.vacant_entry();
        let id = TaskId {
            place: slot.key(),
            number: task.number,
        };
        slot.insert(Slot {
            future: Some(task.future),
            waker: self.spares.borrow_mut().waker(shared, id),
            spawned_at: task.spawned_at,
            cell,
        });
        id
    }

    /// Takes a task's future out to poll it, unless the task is gone.
    pub(crate) fn begin_poll(&self, id: TaskId) -> Option<Polled> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(id.place)?;
        let task = (slot.waker.id() == id).then(|| slot.take_out())??;
        slot.waker.begin_poll();
        Some(task)
    }

    /// Puts the future back until the next poll.
    pub(crate) fn end_poll(&self, id: TaskId, future: TaskFuture) {
        self.slots.borrow_mut()[id.place].future = Some(future);
    }

    /// Forgets a task that is over.
    pub(crate) fn remove(&self, id: TaskId) {
        let Slot { waker, cell, .. } = self.slots.borrow_mut().remove(id.place);
        waker.finish();
        self.spares.borrow_mut().keep(waker, cell);
    }

    /// Hands out all tasks, for the loop to drop, in the order in which they were spawned.
    pub(crate) fn drain(&self) -> Vec<Polled> {
        self.spares.replace(Spares::new());
        let slots = self.slots.take().into_iter();
        let tasks = slots.filter_map(|(_, mut slot)| {
            slot.waker.finish();
            Some((slot.waker.id().number, slot.take_out()?))
        });
        by_number(tasks.collect())
    }
}

/// Not part of the generic function, so that sorting is compiled once.
fn by_number(mut tasks: Vec<(u64, Polled)>) -> Vec<Polled> {
    tasks.sort_unstable_by_key(|(number, _)| *number);
    tasks.into_iter().map(|(_, task)| task).collect()
}
