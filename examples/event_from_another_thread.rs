//! A task waits for an event, and another thread sets it, in the safe way or,
//! with `--hang`, in the unsafe one.
//!
//! ```text
//! cargo run --example event_from_another_thread
//! cargo run --example event_from_another_thread -- --hang    # ends with Ctrl-C
//! ```

use std::thread;
use std::time::Duration;

use wakeproof::{Event, EventHandle, Handle, Local, ReturnWhen, RunError, hazard, wait};

fn print_thread_info(message: &str) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("unnamed");
    println!("{message}: name={name} id={:?}", thread.id());
}

fn other_thread(main_loop: &Handle, event: &EventHandle, hang: bool) {
    print_thread_info("other thread: doing some other work");
    thread::sleep(Duration::from_secs(3));
    if hang {
        // The event is set, but the loop does not look: it sleeps on.
        print_thread_info("other thread: set (unsafe way)");
        hazard::set_event_without_wakeup(event).expect("debug mode is off");
    } else {
        // The loop wakes and sets the event on its own thread. Just before, this callback says so.
        print_thread_info("other thread: set (safe way)");
        let tell = || print_thread_info("setting the event from a callback");
        main_loop
            .call_soon_threadsafe(tell)
            .expect("the loop is open");
        event.set_threadsafe().expect("the loop is open");
    }
}

async fn main_task(local: Local, hang: bool) {
    print_thread_info("main event loop thread");
    let event = Event::new(&local);
    let (main_loop, setter) = (local.handle(), event.handle());
    let worker = thread::Builder::new().name("other".into());
    let worker = worker.spawn(move || other_thread(&main_loop, &setter, hang));

    println!("main: wait");
    let task = local.spawn(event.wait()).expect("the loop is open");
    wait([task], ReturnWhen::AllCompleted).await;
    print_thread_info("main: wait completed");
    let worker = worker.expect("the operating system starts a thread");
    worker.join().expect("the worker does not panic");
}

fn main() -> Result<(), RunError> {
    let hang = std::env::args().any(|argument| argument == "--hang");
    wakeproof::run(async |local| main_task(local, hang).await)?;
    println!("program exit");
    Ok(())
}
