//! Which lost wakeup of the catalogue a sleeping process looks like.

use std::collections::BTreeSet;

use crate::{Activity, Descriptor, File, Limit, Resemblance, SocketFamily, Target, Thread, Wait};

/// The likeness, if there is one. Service threads of a runtime do not count, and no thread that counts
/// may have a time limit.
pub(crate) fn of(threads: &[Thread]) -> Option<Resemblance> {
    let mut waits = Vec::new();
    for thread in threads.iter().filter(|thread| !thread.service) {
        match &thread.activity {
            Activity::Asleep(wait) if wait.limit == Limit::None => waits.push(wait),
            Activity::Ended => {}
            _ => return None,
        }
    }
    waits
        .iter()
        .find_map(|wait| of_event_loop(wait))
        .or_else(|| waits.iter().find_map(|wait| of_pipe_or_child(wait)))
        .or_else(|| of_futexes(&waits))
}

fn of_event_loop(wait: &Wait) -> Option<Resemblance> {
    let Target::Descriptors { descriptors } = &wait.target else {
        return None;
    };
    if !is_poll(&wait.syscall) {
        return None;
    }
    let channels: Vec<_> = descriptors
        .iter()
        .filter(|d| is_wakeup_channel(d))
        .collect();
    if channels.is_empty() {
        None
    } else if channels.iter().any(|channel| holds_a_wakeup(channel)) {
        Some(Resemblance::WakeupUnread)
    } else {
        Some(Resemblance::EventLoopNotWoken)
    }
}

fn is_poll(syscall: &str) -> bool {
    ["epoll_", "poll", "ppoll", "select", "pselect"]
        .iter()
        .any(|name| syscall.starts_with(name))
}

/// What event loops wake themselves with: both ends are in the process itself.
fn is_wakeup_channel(descriptor: &Descriptor) -> bool {
    matches!(
        descriptor.file,
        File::EventFd
            | File::Pipe {
                both_ends: true,
                ..
            }
            | File::Socket {
                family: SocketFamily::Pair,
                ..
            }
    )
}

/// An edge-triggered eventfd is never read by those who use it so: its count says nothing.
fn holds_a_wakeup(channel: &Descriptor) -> bool {
    let counts = channel.edge_triggered && channel.file == File::EventFd;
    !counts && channel.unread.is_some_and(|unread| unread > 0)
}

fn of_pipe_or_child(wait: &Wait) -> Option<Resemblance> {
    match &wait.target {
        Target::Child => Some(Resemblance::WaitsForChild),
        Target::Descriptors { descriptors } if wait.syscall.starts_with("read") => descriptors
            .iter()
            .any(|d| {
                matches!(
                    d.file,
                    File::Pipe {
                        both_ends: true,
                        ..
                    }
                )
            })
            .then_some(Resemblance::ReadsItsOwnPipe),
        _ => None,
    }
}

fn of_futexes(waits: &[&Wait]) -> Option<Resemblance> {
    let addresses = waits
        .iter()
        .map(|wait| match wait.target {
            Target::Futex {
                address,
                shared: false,
            } => Some(address),
            _ => None,
        })
        .collect::<Option<Vec<u64>>>()?;
    match (
        addresses.len(),
        addresses.iter().collect::<BTreeSet<_>>().len(),
    ) {
        (0, _) => None,
        (1, _) => Some(Resemblance::NobodyLeftToNotify),
        (_, 1) => Some(Resemblance::AllOnOneFutex),
        _ => Some(Resemblance::AllOnFutexes),
    }
}
