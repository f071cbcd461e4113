//! The thread-local values of an execution's threads, which are all run by one thread of the operating
//! system.

use std::any::Any;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// A value of one thread.
struct Local {
    thread: u64,
    /// Which of its values.
    key: usize,
    /// None when it is being destroyed, or has been.
    value: Option<Rc<dyn Any>>,
}

thread_local! {
    static LOCALS: RefCell<ManuallyDrop<Vec<Local>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// The thread's value of that key, which is made if there is none. None if it has been destroyed.
pub(crate) fn get<T: 'static>(thread: u64, key: usize, make: fn() -> T) -> Option<Rc<dyn Any>> {
    let known = |thread: u64| {
        LOCALS.with_borrow(|locals| {
            let mut locals = locals.iter();
            let local = locals.find(|local| local.thread == thread && local.key == key);
            local.map(|local| local.value.clone())
        })
    };
    if let Some(value) = known(thread) {
        return value;
    }
    let made: Rc<dyn Any> = Rc::new(make());
    // To make it may have made it.
    if let Some(value) = known(thread) {
        return value;
    }
    let value = Some(made.clone());
    LOCALS.with_borrow_mut(|locals| locals.push(Local { thread, key, value }));
    Some(made)
}

/// The thread comes to its end: its values are destroyed, with those that their destructors make.
pub(super) fn end(thread: u64) {
    loop {
        let value = LOCALS.with_borrow_mut(|locals| {
            let mut locals = locals.iter_mut();
            locals.find_map(|local| {
                (local.thread == thread)
                    .then(|| local.value.take())
                    .flatten()
            })
        });
        if value.is_none() {
            return;
        }
    }
}

/// The execution that begins has none. Those of an execution that has failed are not destroyed: what they
/// use is gone.
pub(super) fn forget() {
    LOCALS.set(ManuallyDrop::default());
}
