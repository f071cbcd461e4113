// Each program is written anew from the mechanism of one of SCTBench's; numbers that threads share without a lock are
// atomic here, so that each access is a step, as it is for tools that take a racy access for a scheduling point.

/// Starts a thread for each body, and waits for all.
fn run_all(bodies: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = bodies.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

fn boxed(body: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    Box::new(body)
}

const ORDER: Ordering = Ordering::SeqCst;

/// Right but for the assertion, which takes a deposit for a withdrawal, and is only made once both have happened.
pub fn account() {
    #[derive(Default)]
    struct Account {
        balance: i32,
        deposited: bool,
        withdrawn: bool,
    }
    let account = Arc::new(Mutex::new(Account { balance: 1, ..Account::default() }));
    let [deposit, withdraw, check] = [account.clone(), account.clone(), account];
    run_all(vec![
        boxed(move || {
            let account = check.lock().unwrap();
            assert!(!(account.deposited && account.withdrawn) || account.balance == 1 - 2 - 4);
        }),
        boxed(move || {
            let mut account = deposit.lock().unwrap();
            account.balance += 2;
            account.deposited = true;
        }),
        boxed(move || {
            let mut account = withdraw.lock().unwrap();
            account.balance -= 4;
            account.withdrawn = true;
        }),
    ]);
}

/// A driver that may stop between the moment a request looks and the moment it says that it is there.
pub fn bluetooth_driver() {
    struct Driver {
        is_stopping: AtomicBool,
        pending: AtomicI32,
        event: Mutex<bool>,
        is_idle: Condvar,
        is_stopped: AtomicBool,
    }
    fn leave(driver: &Driver) {
        if driver.pending.fetch_sub(1, ORDER) == 1 {
            *driver.event.lock().unwrap() = true;
            driver.is_idle.notify_all();
        }
    }
    let driver = Arc::new(Driver {
        is_stopping: AtomicBool::new(false),
        pending: AtomicI32::new(1),
        event: Mutex::new(false),
        is_idle: Condvar::new(),
        is_stopped: AtomicBool::new(false),
    });
    let request = driver.clone();
    run_all(vec![
        boxed(move || {
            driver.is_stopping.store(true, ORDER);
            leave(&driver);
            let mut event = driver.event.lock().unwrap();
            while !*event {
                event = driver.is_idle.wait(event).unwrap();
            }
            driver.is_stopped.store(true, ORDER);
        }),
        boxed(move || {
            if !request.is_stopping.load(ORDER) {
                request.pending.fetch_add(1, ORDER);
                assert!(!request.is_stopped.load(ORDER), "a request to a driver that has stopped");
                leave(&request);
            }
        }),
    ]);
}

/// Two classes of users of one resource. The first of a class takes the resource while it holds the lock of the
/// counters, which the last of the other class needs to give it back.
pub fn carter() {
    let shared = Arc::new((Mutex::new([0, 0]), Mutex::new(())));
    let user = |class: usize| {
        let shared = shared.clone();
        boxed(move || {
            let mut resource = None;
            {
                let mut users = shared.0.lock().unwrap();
                users[class] += 1;
                if users[class] == 1 {
                    resource = Some(shared.1.lock().unwrap());
                }
            }
            let mut users = shared.0.lock().unwrap();
            users[class] -= 1;
            if users[class] == 0 {
                drop(resource.take());
            }
        })
    };
    let bodies = vec![user(0), user(1), boxed(|| ()), boxed(|| ())];
    run_all(bodies);
}

/// Two threads take two locks in two orders.
pub fn deadlock() {
    let locks = Arc::new((Mutex::new(0), Mutex::new(0)));
    let other = locks.clone();
    run_all(vec![
        boxed(move || {
            let mut one = locks.0.lock().unwrap();
            let two = locks.1.lock().unwrap();
            *one += *two + 1;
        }),
        boxed(move || {
            let mut two = other.1.lock().unwrap();
            let one = other.0.lock().unwrap();
            *two += *one + 1;
        }),
    ]);
}

/// Philosophers, each of whom takes the left fork first.
pub fn philosophers<const NUMBER: usize>() {
    let forks = Arc::new([(); NUMBER].map(|()| Mutex::new(())));
    let philosopher = |seat: usize| {
        let forks = forks.clone();
        boxed(move || {
            let left = forks[seat].lock().unwrap();
            let right = forks[(seat + 1) % NUMBER].lock().unwrap();
            drop((left, right));
        })
    };
    let bodies = (0..NUMBER).map(philosopher).collect();
    run_all(bodies);
}

/// Three threads add, under one lock; the third believes that it is never the last.
pub fn lazy() {
    let data = Arc::new(Mutex::new(0));
    let [one, two, three] = [data.clone(), data.clone(), data];
    run_all(vec![
        boxed(move || *one.lock().unwrap() += 1),
        boxed(move || *two.lock().unwrap() += 2),
        boxed(move || assert!(*three.lock().unwrap() < 3)),
    ]);
}

/// A lock that is not given back.
pub fn phase() {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let body = || {
        let locks = locks.clone();
        boxed(move || {
            drop(locks.0.lock());
            let kept = locks.0.lock().unwrap();
            drop(locks.1.lock());
            std::mem::forget(kept);
        })
    };
    let bodies = vec![body(), body()];
    run_all(bodies);
}

/// One thread checks that two numbers change together, which the others do not take care of.
pub fn reorder<const SETTERS: usize>() {
    let numbers = Arc::new((AtomicI32::new(0), AtomicI32::new(0)));
    let setter = |_| {
        let numbers = numbers.clone();
        boxed(move || {
            numbers.0.store(1, ORDER);
            numbers.1.store(-1, ORDER);
        })
    };
    let mut bodies: Vec<_> = (0..SETTERS).map(setter).collect();
    let checked = numbers.clone();
    bodies.push(boxed(move || {
        let is = |a, b| checked.0.load(ORDER) == a && checked.1.load(ORDER) == b;
        assert!(is(0, 0) || is(1, -1), "one has changed and the other has not");
    }));
    run_all(bodies);
}

/// Something was pushed once, so the other thread believes that there is always something to pop.
pub fn stack() {
    const SIZE: usize = 10;
    let stack = Arc::new(Mutex::new((Vec::new(), false)));
    let pushes = stack.clone();
    run_all(vec![
        boxed(move || {
            for number in 0..SIZE {
                let mut stack = pushes.lock().unwrap();
                stack.0.push(number);
                stack.1 = true;
            }
        }),
        boxed(move || {
            for _ in 0..SIZE {
                let mut stack = stack.lock().unwrap();
                if stack.1 {
                    assert!(stack.0.pop().is_some(), "there is nothing to pop");
                }
            }
        }),
    ]);
}

/// A producer waits until there is room, and the consumer makes none.
pub fn sync() {
    let shared = Arc::new((Mutex::new(1), Condvar::new(), Condvar::new()));
    let consumer = shared.clone();
    run_all(vec![
        boxed(move || {
            let mut number = shared.0.lock().unwrap();
            while *number > 0 {
                number = shared.1.wait(number).unwrap();
            }
            *number += 1;
            drop(number);
            shared.2.notify_one();
        }),
        boxed(move || {
            let mut number = consumer.0.lock().unwrap();
            while *number == 0 {
                number = consumer.2.wait(number).unwrap();
            }
            drop(number);
            consumer.1.notify_one();
        }),
    ]);
}

/// Three threads each copy a neighbour's number, in one step, in any order.
pub fn token_ring() {
    let state = Arc::new(Mutex::new(([1, 2, 1], 0)));
    let step = |act: fn(&mut [i32; 3])| {
        let state = state.clone();
        boxed(move || {
            let mut state = state.lock().unwrap();
            act(&mut state.0);
            state.1 += 1;
        })
    };
    let mut bodies = vec![
        step(|x| x[0] = (x[2] + 1) % 4),
        step(|x| x[1] = x[0]),
        step(|x| x[2] = x[1]),
    ];
    let checked = state.clone();
    bodies.push(boxed(move || {
        let ([one, two, three], steps) = *checked.lock().unwrap();
        assert!(steps < 3 || (one == two && two == three));
    }));
    run_all(bodies);
}

/// A number is derived from another in a second critical section; a reader comes in between.
pub fn two_stages<const WRITERS: usize>() {
    let shared = Arc::new((Mutex::new(0), Mutex::new(0)));
    let writer = |_| {
        let shared = shared.clone();
        boxed(move || {
            *shared.0.lock().unwrap() = 1;
            let first = *shared.0.lock().unwrap();
            *shared.1.lock().unwrap() = first + 1;
        })
    };
    let mut bodies: Vec<_> = (0..WRITERS).map(writer).collect();
    let read = shared.clone();
    bodies.push(boxed(move || {
        let first = *read.0.lock().unwrap();
        if first != 0 {
            let second = *read.1.lock().unwrap();
            assert_eq!(second, first + 1, "the second stage is missing");
        }
    }));
    run_all(bodies);
}

/// One number behind two locks.
pub fn wrong_lock<const OTHERS: usize>() {
    let shared = Arc::new((AtomicI32::new(0), Mutex::new(()), Mutex::new(())));
    let other = |_| {
        let shared = shared.clone();
        boxed(move || {
            let _other = shared.2.lock().unwrap();
            let seen = shared.0.load(ORDER);
            shared.0.store(seen + 1, ORDER);
        })
    };
    let mut bodies: Vec<_> = Vec::new();
    let right = shared.clone();
    bodies.push(boxed(move || {
        let _right = right.1.lock().unwrap();
        let before = right.0.load(ORDER);
        right.0.store(before + 1, ORDER);
        assert_eq!(right.0.load(ORDER), before + 1, "somebody else has written");
    }));
    bodies.extend((0..OTHERS).map(other));
    run_all(bodies);
}

/// A deque whose owner and thief may take the same element: the owner looks whether somebody steals before it says
/// that it takes.
pub fn work_stealing() {
    struct Deque {
        head: AtomicI32,
        tail: AtomicI32,
        thieves: Mutex<()>,
        taken: [AtomicI32; 2],
    }
    impl Deque {
        fn takes(&self, element: i32) {
            let before = self.taken[element as usize].fetch_add(1, ORDER);
            assert_eq!(before, 0, "an element is taken twice");
        }
    }
    let deque = Arc::new(Deque {
        head: AtomicI32::new(0),
        tail: AtomicI32::new(2),
        thieves: Mutex::new(()),
        taken: [AtomicI32::new(0), AtomicI32::new(0)],
    });
    let thief = deque.clone();
    run_all(vec![
        boxed(move || {
            for _ in 0..2 {
                let tail = deque.tail.load(ORDER);
                let head = deque.head.load(ORDER);
                if head >= tail {
                    return;
                }
                deque.tail.store(tail - 1, ORDER);
                deque.takes(tail - 1);
            }
        }),
        boxed(move || {
            for _ in 0..2 {
                let _alone = thief.thieves.lock().unwrap();
                let head = thief.head.load(ORDER);
                thief.head.store(head + 1, ORDER);
                if head < thief.tail.load(ORDER) {
                    thief.takes(head);
                } else {
                    thief.head.store(head, ORDER);
                }
            }
        }),
    ]);
}

/// A stack of indices without locks: an element that one thread has popped and pushed again is popped by two. It
/// takes at least five preemptions.
pub fn safe_stack() {
    const SIZE: usize = 3;
    const NONE: i32 = -1;
    struct Stack {
        head: AtomicI32,
        count: AtomicI32,
        next: [AtomicI32; SIZE],
        owner: [AtomicI32; SIZE],
    }
    impl Stack {
        fn pop(&self) -> Option<i32> {
            while self.count.load(ORDER) > 1 {
                let head = self.head.load(ORDER);
                let next = self.next[head as usize].swap(NONE, ORDER);
                if next >= 0 {
                    if self.head.compare_exchange(head, next, ORDER, ORDER).is_ok() {
                        self.count.fetch_sub(1, ORDER);
                        return Some(head);
                    }
                    self.next[head as usize].swap(next, ORDER);
                }
            }
            None
        }

        fn push(&self, element: i32) {
            let mut head = self.head.load(ORDER);
            loop {
                self.next[element as usize].store(head, ORDER);
                match self.head.compare_exchange(head, element, ORDER, ORDER) {
                    Ok(_) => break,
                    Err(other) => head = other,
                }
            }
            self.count.fetch_add(1, ORDER);
        }
    }
    let stack = Arc::new(Stack {
        head: AtomicI32::new(0),
        count: AtomicI32::new(SIZE as i32),
        next: [1, 2, NONE].map(AtomicI32::new),
        owner: [NONE; SIZE].map(AtomicI32::new),
    });
    let user = |number: i32| {
        let stack = stack.clone();
        boxed(move || {
            for _ in 0..2 {
                if let Some(element) = stack.pop() {
                    let owner = &stack.owner[element as usize];
                    owner.store(number, ORDER);
                    assert_eq!(owner.load(ORDER), number, "two have popped one element");
                    stack.push(element);
                }
            }
        })
    };
    let bodies = (0..3).map(user).collect();
    run_all(bodies);
}
