//! A thread that parks, and another that unparks it: the smallest protocol whose predicate is not under the
//! mutex.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Model;
use wakeproof_explore::journal::{note, value};
use wakeproof_explore::platform::{Flag, ModelPlatform};

/// Blocks a thread until it is given a token. The token is an atomic flag. The mutex holds nothing, and
/// exists only for the condvar.
pub struct Parker<P: ModelPlatform> {
    token: P::Flag,
    mutex: P::Mutex<()>,
    condvar: P::Condvar,
}

/// The step of a [`Parker`] that can go wrong.
pub trait Unpark: Debug + 'static {
    /// Gives the token, and wakes the thread that waits for it.
    fn unpark<P: ModelPlatform>(parker: &Parker<P>) {
        parker.unpark();
    }
}

impl<P: ModelPlatform> Parker<P> {
    /// A parker without a token.
    pub(crate) fn new() -> Self {
        Parker {
            token: P::Flag::new(),
            mutex: P::mutex(()),
            condvar: P::condvar(),
        }
    }

    /// Blocks until there is a token.
    pub(crate) fn park(&self) {
        let mut guard = P::lock(&self.mutex);
        while !self.token.load(Ordering::SeqCst) {
            note::<P>("finds no token, is about to sleep");
            guard = P::wait(&self.condvar, guard);
            note::<P>("wakes");
        }
        note::<P>("sees the token");
    }

    /// Gives the token, and wakes the thread that waits for it.
    ///
    /// Takes the mutex for a moment in between. The parking thread holds it from its last look at the
    /// token until it waits, and a notification in that window would be lost.
    pub(crate) fn unpark(&self) {
        self.give_token();
        drop(P::lock(&self.mutex));
        self.notify();
    }

    /// The first step of unparking.
    pub(crate) fn give_token(&self) {
        self.token.store(true, Ordering::SeqCst);
        value::<P>("token", true);
        note::<P>("gives the token");
    }

    /// The last step of unparking.
    pub(crate) fn notify(&self) {
        P::notify_one(&self.condvar);
    }
}

/// One thread unparks the other, once.
#[derive(Debug)]
pub struct ParkOnce<U>(PhantomData<U>);

impl<U: Unpark> Model for ParkOnce<U> {
    const THREADS: usize = 1;

    fn run<P: ModelPlatform>() {
        let parker = Arc::new(Parker::<P>::new());
        let other = parker.clone();
        let thread = P::spawn("thread 1", move || U::unpark(&other));
        parker.park();
        P::join(thread);
    }
}

impl<P: ModelPlatform> Debug for Parker<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parker")
            .field("token", &self.token)
            .finish()
    }
}
