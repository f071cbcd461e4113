//! nanocurrency/nano-node PR 2831: producers that wait for room and a consumer that waits for messages share a
//! condvar. `notify_one`, as the first version of that change has it, may wake another producer instead of the
//! consumer. The repair is `notify_all`.

use wakeproof_explore::sync::{Arc, Condvar, Mutex};

const CAPACITY: usize = 1;

#[derive(Default)]
struct Messages {
    entries: Mutex<usize>,
    condvar: Condvar,
}

impl Messages {
    fn notify<const REPAIRED: bool>(&self) {
        if REPAIRED {
            self.condvar.notify_all();
        } else {
            self.condvar.notify_one();
        }
    }

    fn put<const REPAIRED: bool>(&self) {
        let mut entries = self.entries.lock().unwrap();
        while *entries >= CAPACITY {
            entries = self.condvar.wait(entries).unwrap();
        }
        *entries += 1;
        drop(entries);
        self.notify::<REPAIRED>();
    }

    fn get<const REPAIRED: bool>(&self) {
        let mut entries = self.entries.lock().unwrap();
        while *entries == 0 {
            entries = self.condvar.wait(entries).unwrap();
        }
        *entries -= 1;
        drop(entries);
        self.notify::<REPAIRED>();
    }
}

pub(crate) fn body<const REPAIRED: bool>() {
    let messages = Arc::new(Messages::default());
    messages.put::<REPAIRED>();
    let producers = ["first producer", "second producer"].map(|name| {
        let messages = messages.clone();
        super::spawn(name, move || messages.put::<REPAIRED>())
    });
    messages.get::<REPAIRED>();
    messages.get::<REPAIRED>();
    for producer in producers {
        producer.join().unwrap();
    }
}
