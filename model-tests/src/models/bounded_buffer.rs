//! A buffer with room for one item. Some threads wait for an item, others for room.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Model;
use wakeproof_explore::journal::{QUEUE, note, value};
use wakeproof_explore::platform::ModelPlatform;

/// Which of the buffer's two condvars each kind of thread waits on.
pub trait WaitingRoom: Debug + 'static {
    /// The condvar of the threads that wait for room. They need one of their own, since `notify_one` wakes
    /// any thread that waits.
    const FOR_ROOM: usize = 1;
}

/// One thread puts two items, and two threads take one each.
#[derive(Debug)]
pub struct BoundedBuffer<W>(PhantomData<W>);

const FOR_AN_ITEM: usize = 0;

impl<W: WaitingRoom> Model for BoundedBuffer<W> {
    const THREADS: usize = 2;

    fn run<P: ModelPlatform>() {
        struct Shared<P: ModelPlatform> {
            item: P::Mutex<Option<u32>>,
            changed: [P::Condvar; 2],
        }
        value::<P>(QUEUE, 0);
        let shared = Arc::new(Shared::<P> {
            item: P::mutex(None),
            changed: [P::condvar(), P::condvar()],
        });
        let takers = [1, 2].map(|number| {
            let shared = shared.clone();
            P::spawn(&format!("taker {number}"), move || {
                let mut item = P::lock(&shared.item);
                loop {
                    if let Some(item) = item.take() {
                        value::<P>(QUEUE, 0);
                        note::<P>("takes the item");
                        P::notify_one(&shared.changed[W::FOR_ROOM]);
                        return item;
                    }
                    note::<P>("finds no item, is about to sleep");
                    item = P::wait(&shared.changed[FOR_AN_ITEM], item);
                }
            })
        });
        for number in [1, 2] {
            let mut item = P::lock(&shared.item);
            while item.is_some() {
                note::<P>("finds no room, is about to sleep");
                item = P::wait(&shared.changed[W::FOR_ROOM], item);
            }
            *item = Some(number);
            value::<P>(QUEUE, 1);
            note::<P>("puts an item");
            P::notify_one(&shared.changed[FOR_AN_ITEM]);
        }
        let mut taken = takers.map(P::join);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
    }
}
