//! Three protocols of well-known crates, each written once, over the standard library's names: the files in
//! `protocols`. Here they are compiled twice, with two sets of imports: as they are shipped, and explored.
//! Each has its right form and one that must fail.
//!
//! `cargo run -p wakeproof-explore --example moving_in`

use wakeproof_explore::suite::Expected::{self, Found, Proved};
use wakeproof_explore::{self as explore, Environment, Limits, Search};

/// As they are shipped.
#[allow(dead_code, reason = "the forms that fail are explored only")]
mod shipped {
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
    use std::sync::{Arc, Condvar, Mutex};
    use std::thread;

    include!("protocols/parking.rs");
    include!("protocols/event.rs");
    include!("protocols/channel.rs");
}

/// The same, explored: the imports have changed, and nothing else.
mod explored {
    use std::collections::VecDeque;
    use wakeproof_explore::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
    use wakeproof_explore::sync::{Arc, Condvar, Mutex};
    use wakeproof_explore::thread;

    include!("protocols/parking.rs");
    include!("protocols/event.rs");
    include!("protocols/channel.rs");
}

/// A protocol, right and wrong, and what shuttle has to say of the wrong form.
type Protocol = (&'static str, fn(), fn(), fn(), Expected);

const PROTOCOLS: [Protocol; 3] = [
    (
        "parking",
        shipped::parking::<true>,
        explored::parking::<true>,
        explored::parking::<false>,
        Found,
    ),
    (
        "event-listener",
        shipped::event::<true>,
        explored::event::<true>,
        explored::event::<false>,
        // Sequentially consistent, it needs no fence.
        Proved,
    ),
    (
        "bounded channel",
        shipped::channel::<true>,
        explored::channel::<true>,
        explored::channel::<false>,
        Found,
    ),
];

pub(crate) fn main() {
    let (hostile, limits) = (Environment::HOSTILE, Limits::default());
    for (name, shipped, right, wrong, under_shuttle) in PROTOCOLS {
        shipped(); // for real
        for (form, body, expected) in [
            ("right", right, [Proved, Proved]),
            ("wrong", wrong, [Found, under_shuttle]),
        ] {
            let answers = [
                explore::loom(hostile, &limits, body),
                explore::shuttle(hostile, Search::Exhaustive, &limits, body),
            ];
            for (answer, expected) in answers.iter().zip(expected) {
                println!("{name}, {form}: {answer}");
                assert_eq!(Expected::of(answer), expected, "{name}, {form}");
            }
        }
    }
}
