//! The example that moves three protocols in is right in what it says of them: it asserts each verdict.

#[path = "../../examples/moving_in.rs"]
mod example;

#[test]
fn each_protocol_is_proved_and_its_wrong_form_found() {
    example::main();
}

/// Why the drop-in makes a step of an unlock: bare loom has this mutex locked in no execution.
#[test]
fn bare_loom_does_not_look_into_a_critical_section_without_steps() {
    loom::model(|| {
        let mutex = loom::sync::Arc::new(loom::sync::Mutex::new(0));
        let other = mutex.clone();
        let thread = loom::thread::spawn(move || *other.lock().unwrap() += 1);
        assert!(mutex.try_lock().is_ok());
        thread.join().unwrap();
    });
}
