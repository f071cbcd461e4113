//! What the threads share: the queue, the flags, the mutex, the clock.

use serde::Serialize;

/// What the threads share after a step, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// What is in the queue: how many, or which.
    pub queue: Option<String>,
    /// The flags that are set, and whatever else has a name and a value.
    pub flags: Vec<String>,
    /// Who holds the mutex, or that it is free.
    pub mutex: Option<String>,
    /// The threads that wait on a condvar: indices into [`Trace::threads`](super::Trace::threads).
    pub waiting: Vec<usize>,
    /// The time.
    pub clock: Option<String>,
}

/// A mutex that nobody holds.
pub(super) const FREE: &str = "free";

impl Shared {
    /// What is different from `before`, in words.
    #[must_use]
    pub fn changes(&self, before: &Shared) -> Vec<String> {
        let mut changes = Vec::new();
        let mut value = |name: &str, before: &Option<String>, after: &Option<String>| {
            if before != after
                && let (Some(before), Some(after)) = (before, after)
            {
                changes.push(format!("{name}: {before} → {after}"));
            }
        };
        value("queue", &before.queue, &self.queue);
        value("mutex", &before.mutex, &self.mutex);
        value("clock", &before.clock, &self.clock);
        let flag = |flags: &Vec<String>, others: &Vec<String>, what: &str| {
            let new = flags.iter().filter(|flag| !others.contains(flag));
            new.map(|flag| format!("{flag}: {what}"))
                .collect::<Vec<_>>()
        };
        changes.extend(flag(&self.flags, &before.flags, "set"));
        changes.extend(flag(&before.flags, &self.flags, "cleared"));
        changes
    }

    /// The flags, or a dash.
    pub(super) fn flags(&self) -> String {
        if self.flags.is_empty() {
            "-".to_owned()
        } else {
            self.flags.join(", ")
        }
    }

    /// Beside what somebody is asleep.
    pub(super) fn beside(&self) -> String {
        let is_set = |name: &str| self.flags.iter().any(|flag| flag == name);
        match self.queue.as_deref() {
            Some("1") => " beside a queue with 1 callback in it".to_owned(),
            Some(queue) if queue != "0" => format!(" beside a queue with {queue} callbacks in it"),
            _ if is_set("stopping") => ", and never hears that it was asked to stop".to_owned(),
            _ => {
                // What has a space in it is no flag, but something with a value.
                let others = self.flags.iter().map(String::as_str);
                let others: Vec<&str> = others
                    .filter(|flag| *flag != "asleep" && !flag.contains(' '))
                    .collect();
                if others.is_empty() {
                    String::new()
                } else {
                    format!(", with {} set,", others.join(" and "))
                }
            }
        }
    }
}
