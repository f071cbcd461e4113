//! The service threads of a runtime: they have waits with a limit, and run none of the program's code.

use crate::{Activity, Limit, Thread};

/// Threads of the JVM that are not the program's, by how their names begin. The kernel keeps 15
/// characters of a name.
const JVM: [&str; 22] = [
    "VM Thread",
    "VM Periodic Tas",
    "C1 CompilerThre",
    "C2 CompilerThre",
    "GC Thread#",
    "G1 Main Marker",
    "G1 Conc#",
    "G1 Refine#",
    "G1 Service",
    "Parallel GC",
    "ZDriver",
    "ZWorker",
    "Shenandoah",
    "Reference Handl",
    "Finalizer",
    "Signal Dispatch",
    "Service Thread",
    "Monitor Deflati",
    "Notification Th",
    "Common-Cleaner",
    "Sweeper thread",
    "Attach Listener",
];

/// The note that Go's linker puts at the beginning of every program: length 4, and the name "Go".
const GO_NOTE: &[u8] = b"\x04\0\0\0Go\0\0";

/// The runtime of a process, if it is known, by its threads and the beginning of its program's file.
pub(crate) fn recognise(threads: &[Thread], program: &[u8]) -> Option<&'static str> {
    if threads.iter().any(|thread| thread.name == "VM Thread") {
        return Some("JVM");
    }
    // In a note: name's length 4, description's length, type 4, name "Go".
    program
        .windows(GO_NOTE.len())
        .any(|window| window == GO_NOTE)
        .then_some("Go")
}

/// Marks the threads that are the runtime's own.
pub(crate) fn mark(threads: &mut [Thread], runtime: &str) {
    for thread in threads {
        thread.service = match runtime {
            "JVM" => JVM.iter().any(|name| thread.name.starts_with(name)),
            // Go's threads have no names. Its timers wait in the network poller; only the monitor of
            // the runtime, sysmon, has a limit in one of these.
            "Go" => matches!(
                &thread.activity,
                Activity::Asleep(wait)
                    if wait.limit != Limit::None && matches!(wait.syscall.as_str(), "futex" | "nanosleep")
            ),
            _ => false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(name: &str) -> Thread {
        Thread {
            tid: 1,
            name: name.into(),
            activity: Activity::Runs,
            service: false,
            times_run: 1,
        }
    }

    #[test]
    fn a_jvm_is_known_by_its_threads_and_its_own_are_marked() {
        let mut threads = [thread("java"), thread("VM Thread"), thread("my worker")];
        assert_eq!(recognise(&threads, b""), Some("JVM"));
        mark(&mut threads, "JVM");
        assert_eq!(
            threads.map(|thread| thread.service),
            [false, true, false],
            "the main thread and the worker are the program's"
        );
    }

    #[test]
    fn a_go_program_is_known_by_its_note() {
        let program = b"\x7fELF....\x04\0\0\0\x53\0\0\0\x04\0\0\0Go\0\0buildid";
        assert_eq!(recognise(&[], program), Some("Go"));
        assert_eq!(
            recognise(&[], b"\x7fELF....\x04\0\0\0\x10\0\0\0\x01\0\0\0GNU\0"),
            None
        );
    }
}
