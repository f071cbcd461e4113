//! What happens to a thread between two of its steps: a signal is handled, or it is suspended.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;

use super::execution::{next, this_thread};
use crate::search::failure;
use crate::story;

/// What a thread does before each of its steps.
#[derive(Clone)]
struct Hook {
    thread: u64,
    number: u64,
    act: Rc<dyn Fn()>,
}

thread_local! {
    static HOOKS: RefCell<ManuallyDrop<Vec<Hook>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
    /// How many there are: most programs have none.
    static NUMBER: Cell<usize> = const { Cell::new(0) };
    /// The threads that are in a hook, and in no other by that.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A thread with hooks that waits, and what makes it do them and then wait on.
type Asleep = (u64, Rc<dyn Fn()>);

thread_local! {
    static ASLEEP: RefCell<ManuallyDrop<Vec<Asleep>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// This thread waits in `sleep`, which `wake` ends, for its hooks. Without hooks, it just waits.
pub(crate) fn while_asleep(wake: impl Fn() + 'static, sleep: impl FnOnce()) {
    let this = this_thread();
    ASLEEP.with_borrow_mut(|asleep| asleep.push((this, Rc::new(wake))));
    sleep();
    ASLEEP.with_borrow_mut(|asleep| asleep.retain(|(thread, _)| *thread != this));
}

/// Whether there are any hooks, so that a thread has to wait [as one that has them](while_asleep).
pub(crate) fn are_there() -> bool {
    NUMBER.get() > 0
}

/// The thread does its hooks soon, even if it waits.
pub(crate) fn interrupt(thread: u64) {
    let wake = ASLEEP.with_borrow(|asleep| {
        let mut asleep = asleep.iter();
        let found = asleep.find(|(other, _)| *other == thread);
        found.map(|(_, wake)| wake.clone())
    });
    if let Some(wake) = wake {
        wake();
    }
}

/// The execution that begins has none. Those of one that has failed are not destroyed: what they use is gone.
pub(super) fn forget() {
    ASLEEP.set(ManuallyDrop::default());
    HOOKS.set(ManuallyDrop::default());
    INSIDE.with_borrow_mut(Vec::clear);
    NUMBER.set(0);
}

/// Does `body`, in which this thread does `act` before each of its steps, and before the end.
pub(crate) fn before_each_step<R>(act: impl Fn() + 'static, body: impl FnOnce() -> R) -> R {
    let number = next();
    let hook = Hook {
        thread: this_thread(),
        number,
        act: Rc::new(act),
    };
    HOOKS.with_borrow_mut(|hooks| hooks.push(hook));
    NUMBER.set(NUMBER.get() + 1);
    let result = body();
    before_step();
    let hook = HOOKS.with_borrow_mut(|hooks| {
        let place = hooks.iter().position(|hook| hook.number == number);
        place.map(|place| hooks.remove(place))
    });
    drop(hook); // what it holds may have a destructor that takes steps
    NUMBER.set(NUMBER.get().saturating_sub(1));
    result
}

/// A step of this thread begins.
#[inline]
pub(crate) fn before_step() {
    if NUMBER.get() > 0 {
        run();
    }
}

#[cold]
fn run() {
    if std::thread::panicking() || failure::has_failed() {
        return; // the checker may have no thread any more
    }
    let this = this_thread();
    if INSIDE.with_borrow(|inside| inside.contains(&this)) {
        return;
    }
    let of_this = |hook: &&Hook| hook.thread == this;
    let hooks: Vec<Hook> =
        HOOKS.with_borrow(|hooks| hooks.iter().filter(of_this).cloned().collect());
    INSIDE.with_borrow_mut(|inside| inside.push(this));
    story::in_between(|| {
        for hook in hooks {
            (hook.act)();
        }
    });
    INSIDE.with_borrow_mut(|inside| inside.retain(|other| *other != this));
}
