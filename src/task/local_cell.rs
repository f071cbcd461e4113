//! The cell of a task that stays on its loop's thread.

use std::any::Any;
use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;

use crate::platform::Platform;
use crate::report::Work;
use crate::shared::Shared;
use crate::task::result_cell::{ResultCell, ResultState};

/// The cell of a [`Task`](crate::Task).
pub(crate) struct LocalCell<P: Platform, T> {
    state: RefCell<ResultState<T>>,
    shared: Arc<Shared<P>>,
    spawned_at: &'static Location<'static>,
}

impl<P: Platform, T> LocalCell<P, T> {
    pub(crate) fn new(shared: &Arc<Shared<P>>, spawned_at: &'static Location<'static>) -> Self {
        LocalCell {
            state: RefCell::new(ResultState::new()),
            shared: shared.clone(),
            spawned_at,
        }
    }

    /// As [`new`](Self::new), in the place of a cell of the same loop.
    pub(crate) fn renew(&mut self, spawned_at: &'static Location<'static>) {
        self.state = RefCell::new(ResultState::new());
        self.spawned_at = spawned_at;
    }
}

impl<P: Platform, T> ResultCell for LocalCell<P, T> {
    type Output = T;

    fn update<R>(&self, change: impl FnOnce(&mut ResultState<T>) -> R) -> R {
        change(&mut self.state.borrow_mut())
    }

    fn report(&self, payload: Box<dyn Any + Send>) {
        let origin = Work::Task.scheduled_at(self.spawned_at);
        self.shared.report(origin, payload);
    }
}
