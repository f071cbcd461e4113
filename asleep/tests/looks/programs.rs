//! The programs to look at that are written in Rust.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigEvent, SigSet, SigevNotify, Signal};
use nix::sys::signalfd::SignalFd;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use rustix::event::{EventfdFlags, PollFd, PollFlags, epoll, eventfd};
use rustix::fd::{AsFd, OwnedFd};
use rustix::termios::{OptionalActions, SpecialCodeIndex};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use rustix::{net, pty};
use wakeproof_asleep::{Threads, Verdict, until, until_report};

use crate::program::WATCHDOG;

const TICK: Duration = Duration::from_millis(1);

pub(crate) fn run(name: &str) {
    // The test may be killed: then so is this.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .expect("a signal can be chosen");
    match name {
        // Must not be called asleep for good.
        "spins" => spins(),
        "polls" => polls(),
        "waits_in_turns" => waits_in_turns(),
        "helper_wakes" => helper_wakes(),
        "timer_in_epoll" => timer_in_epoll(),
        "timer_in_nested_epoll" => timer_in_nested_epoll(),
        "timer_in_poll" => timer_in_poll(),
        "timer_read" => timer_read(),
        "timer_in_a_set_under_a_closed_number" => timer_in_a_set_under_a_closed_number(),
        "posix_timer" => posix_timer(),
        "alarm_again_and_again" => alarm_again_and_again(),
        "socket_with_a_limit" => socket_with_a_limit(),
        "condvar_with_a_limit" => condvar_with_a_limit(),
        "relay_of_threads" => relay_of_threads(),
        "sleeps_long" => sleeps_long(),
        "connects" => connects(),
        "connects_in_epoll" => connects_in_epoll(),
        "terminal_with_a_limit" => terminal_with_a_limit(),
        "waits_for_alarms" => waits_for_alarms(),
        "reads_alarms" => reads_alarms(),
        // Must be.
        "loop_not_woken" => loop_not_woken(),
        "condvar_not_notified" => condvar_not_notified(),
        "deadlock" => deadlock(),
        "eventfd_not_written" => eventfd_not_written(),
        "wakeup_not_drained" => wakeup_not_drained(),
        "reads_its_own_pipe" => reads_its_own_pipe(),
        "reads_standard_input" => reads_standard_input(),
        "handles_alarm" => handles_alarm(),
        "hostile_name" => thread_with_a_hostile_name(),
        // Look themselves.
        "looks_at_its_own_threads" => looks_at_its_own_threads(),
        "looks_at_a_child" => looks_at_a_child(),
        "looks_at_its_parent" => looks_at_its_parent(),
        name => match name.strip_prefix("threads_").and_then(|n| n.parse().ok()) {
            Some(count) => many_threads(count),
            None => panic!("there is no program {name}"),
        },
    }
}

/// Tells the test that everything is in place.
fn ready() {
    let mut out = io::stdout();
    writeln!(out, "ready")
        .and_then(|()| out.flush())
        .expect("the test listens");
}

fn forever() -> ! {
    loop {
        thread::park();
    }
}

fn spins() {
    ready();
    loop {
        std::hint::spin_loop();
    }
}

fn polls() {
    ready();
    loop {
        thread::sleep(TICK);
    }
}

/// Two threads, each asleep without a limit until the other wakes it, for ever.
fn waits_in_turns() {
    let (to_second, first) = mpsc::sync_channel::<()>(0);
    let (to_first, second) = mpsc::sync_channel::<()>(0);
    thread::spawn(move || {
        loop {
            first.recv().expect("the first thread lives");
            to_first.send(()).expect("the first thread lives");
        }
    });
    ready();
    loop {
        to_second.send(()).expect("the second thread lives");
        second.recv().expect("the second thread lives");
    }
}

fn helper_wakes() {
    let shared = Arc::new((Mutex::new(0_u64), Condvar::new()));
    let helper = Arc::clone(&shared);
    thread::spawn(move || {
        loop {
            thread::sleep(TICK);
            *helper.0.lock().expect("nobody panics") += 1;
            helper.1.notify_one();
        }
    });
    ready();
    let mut count = shared.0.lock().expect("nobody panics");
    loop {
        count = shared.1.wait(count).expect("nobody panics");
    }
}

fn timer(every: Duration) -> OwnedFd {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).expect("a timer");
    let every = Timespec::try_from(every).expect("a short time");
    timerfd_settime(
        &timer,
        TimerfdTimerFlags::empty(),
        &Itimerspec {
            it_interval: every,
            it_value: every,
        },
    )
    .expect("the timer can be set");
    timer
}

fn set_of(file: impl AsFd, flags: epoll::EventFlags) -> OwnedFd {
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll set");
    epoll::add(
        &set,
        file,
        epoll::EventData::new_u64(1),
        epoll::EventFlags::IN | flags,
    )
    .expect("the file can be watched");
    set
}

fn wait(set: impl AsFd) {
    let mut events = Vec::with_capacity(4);
    match epoll::wait(set, rustix::buffer::spare_capacity(&mut events), None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => panic!("epoll_wait: {error}"),
    }
}

fn read_timer(timer: impl AsFd) {
    rustix::io::read(timer, &mut [0_u8; 8]).expect("it has expired");
}

fn timer_in_epoll() {
    let timer = timer(TICK);
    let set = set_of(&timer, epoll::EventFlags::empty());
    ready();
    loop {
        wait(&set);
        read_timer(&timer);
    }
}

fn timer_in_nested_epoll() {
    let timer = timer(TICK);
    let inner = set_of(&timer, epoll::EventFlags::empty());
    let outer = set_of(&inner, epoll::EventFlags::empty());
    ready();
    loop {
        wait(&outer);
        read_timer(&timer);
    }
}

fn timer_in_poll() {
    let timer = timer(TICK);
    ready();
    loop {
        rustix::event::poll(&mut [PollFd::new(&timer, PollFlags::IN)], None).expect("it can wait");
        read_timer(&timer);
    }
}

fn timer_read() {
    let timer = timer(TICK);
    ready();
    loop {
        read_timer(&timer);
    }
}

/// The set has the timer under a number that is an eventfd's now.
fn timer_in_a_set_under_a_closed_number() {
    let first = timer(TICK);
    let set = set_of(&first, epoll::EventFlags::empty());
    let timer = rustix::io::dup(&first).expect("a descriptor more");
    drop(first);
    let reuses_the_number = eventfd(0, EventfdFlags::CLOEXEC).expect("an eventfd");
    ready();
    loop {
        wait(&set);
        read_timer(&timer);
        assert_eq!(rustix::io::ioctl_fionread(&reuses_the_number).ok(), None);
    }
}

fn posix_timer() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGUSR1);
    signals.thread_block().expect("a signal can be blocked");
    let mut timer = Timer::new(
        ClockId::CLOCK_MONOTONIC,
        SigEvent::new(SigevNotify::SigevSignal {
            signal: Signal::SIGUSR1,
            si_value: 0,
        }),
    )
    .expect("a timer");
    timer
        .set(
            Expiration::Interval(TICK.into()),
            TimerSetTimeFlags::empty(),
        )
        .expect("the timer can be set");
    ready();
    loop {
        signals.wait().expect("a signal comes");
    }
}

fn alarm_again_and_again() {
    let rang = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGALRM, Arc::clone(&rang))
        .expect("a handler");
    ready();
    loop {
        nix::unistd::alarm::set(1);
        while !rang.swap(false, Ordering::Relaxed) {
            nix::unistd::pause();
        }
    }
}

fn socket_with_a_limit() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .set_read_timeout(Some(TICK))
        .expect("a limit can be set");
    ready();
    loop {
        let error = socket.recv(&mut [0; 8]).expect_err("nobody sends");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}

fn condvar_with_a_limit() {
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    ready();
    let mut guard = mutex.lock().expect("nobody panics");
    loop {
        guard = condvar.wait_timeout(guard, TICK).expect("nobody panics").0;
    }
}

/// There is always one thread that runs, and never the same for long.
fn relay_of_threads() {
    fn next() {
        thread::spawn(next);
    }
    next();
    ready();
    forever();
}

/// The address of a socket that listens, and whose queue of connections is full: the next one stays
/// unanswered, until the kernel gives it up.
fn full_listener() -> (OwnedFd, Vec<TcpStream>, SocketAddr) {
    let listener =
        net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).expect("a socket");
    net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("some port is free");
    net::listen(&listener, 0).expect("it can listen");
    let address = net::getsockname(&listener).expect("it is bound");
    let address = SocketAddr::try_from(address).expect("an internet address");
    let waiting = TcpStream::connect(address).expect("there is room for one");
    (listener, vec![waiting], address)
}

fn connects() {
    let (_listener, _waiting, address) = full_listener();
    ready();
    loop {
        // The kernel gives up after some minutes.
        let _ = TcpStream::connect(address);
    }
}

fn connects_in_epoll() {
    let (_listener, _waiting, address) = full_listener();
    ready();
    loop {
        let socket = net::socket_with(
            net::AddressFamily::INET,
            net::SocketType::STREAM,
            net::SocketFlags::NONBLOCK,
            None,
        )
        .expect("a socket");
        let error = net::connect(&socket, &address).expect_err("it is not connected yet");
        assert_eq!(error, rustix::io::Errno::INPROGRESS);
        wait(set_of(&socket, epoll::EventFlags::OUT));
    }
}

/// A terminal that is read character by character, with a limit between two.
fn terminal_with_a_limit() {
    let flags = pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY;
    let master = pty::openpt(flags).expect("a terminal");
    pty::unlockpt(&master).expect("it is ours");
    let path = pty::ptsname(&master, Vec::new()).expect("it has a name");
    let terminal = rustix::fs::open(
        path.as_c_str(),
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY,
        rustix::fs::Mode::empty(),
    )
    .expect("it can be opened");
    let mut settings = rustix::termios::tcgetattr(&terminal).expect("a terminal has settings");
    settings.make_raw();
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    // Tenths of a second.
    settings.special_codes[SpecialCodeIndex::VTIME] = 1;
    rustix::termios::tcsetattr(&terminal, OptionalActions::Now, &settings)
        .expect("they can be set");
    ready();
    loop {
        assert_eq!(rustix::io::read(&terminal, &mut [0_u8; 8]), Ok(0));
    }
}

fn blocked_alarm() -> SigSet {
    let mut alarm = SigSet::empty();
    alarm.add(Signal::SIGALRM);
    alarm.thread_block().expect("a signal can be blocked");
    nix::unistd::alarm::set(1);
    alarm
}

/// Without a handler: `sigwait` takes it.
fn waits_for_alarms() {
    let alarm = blocked_alarm();
    ready();
    loop {
        alarm.wait().expect("the alarm comes");
        nix::unistd::alarm::set(1);
    }
}

fn reads_alarms() {
    let alarm = blocked_alarm();
    let descriptor = SignalFd::new(&alarm).expect("a descriptor");
    let set = set_of(&descriptor, epoll::EventFlags::empty());
    ready();
    loop {
        wait(&set);
        descriptor.read_signal().expect("the alarm has come");
        nix::unistd::alarm::set(1);
    }
}

fn sleeps_long() {
    ready();
    thread::sleep(Duration::from_secs(3_600));
}

/// Waits until the loop sleeps, submits without the wakeup, and ends.
fn loop_not_woken() {
    let event_loop = wakeproof::EventLoop::new();
    let handle = event_loop.handle();
    let looper = wakeproof_asleep::current_thread_id().expect("this is Linux");
    thread::spawn(move || {
        until(Threads::Only(vec![looper]), WATCHDOG).expect("the loop goes to sleep");
        wakeproof::hazard::call_soon_without_wakeup(&handle, || {
            println!("the callback has run");
        })
        .expect("the loop is open");
        ready();
    });
    event_loop.run_forever().expect("it is not running yet");
}

fn condvar_not_notified() {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&shared);
    thread::spawn(move || {
        *other.0.lock().expect("nobody panics") = true;
        // Here, notify_one is missing.
        other
    });
    let (mutex, condvar) = &*shared;
    let mut done = mutex.lock().expect("nobody panics");
    ready();
    // Without the predicate, so that it does not matter which comes first.
    loop {
        done = condvar.wait(done).expect("nobody panics");
    }
}

fn deadlock() {
    let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let both = Arc::new(Barrier::new(2));
    let (a2, b2, both2) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&both));
    thread::spawn(move || {
        let _b = b2.lock().expect("nobody panics");
        both2.wait();
        let _a = a2.lock().expect("nobody panics");
    });
    let _a = a.lock().expect("nobody panics");
    both.wait();
    ready();
    let _b = b.lock().expect("nobody panics");
}

fn eventfd_not_written() {
    let wakeup = eventfd(0, EventfdFlags::CLOEXEC).expect("an eventfd");
    let set = set_of(&wakeup, epoll::EventFlags::empty());
    ready();
    wait(&set);
}

/// The byte was reported once, and is not read.
fn wakeup_not_drained() {
    let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
    let set = set_of(&ours, epoll::EventFlags::ET);
    theirs.write_all(b"x").expect("there is room");
    wait(&set);
    ready();
    wait(&set);
}

fn reads_its_own_pipe() {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    ready();
    let mut byte = [0];
    let read = File::from(reader).read(&mut byte).expect("it is a pipe");
    drop(writer);
    assert_eq!(read, 1, "the writer was open");
}

fn reads_standard_input() {
    ready();
    let mut line = String::new();
    io::stdin().read_line(&mut line).expect("the test writes");
    println!("heard {}", line.trim_end());
}

/// SIGALRM has a handler, and no alarm is set.
fn handles_alarm() {
    signal_hook::flag::register(
        signal_hook::consts::SIGALRM,
        Arc::new(AtomicBool::new(false)),
    )
    .expect("a handler");
    ready();
    forever();
}

fn thread_with_a_hostile_name() {
    rustix::thread::set_name(c"\xff\x1b[2J): S").expect("any bytes will do");
    ready();
    forever();
}

fn many_threads(count: usize) {
    let running = Arc::new(Barrier::new(count));
    for _ in 1..count {
        let running = Arc::clone(&running);
        thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                running.wait();
                forever();
            })
            .expect("one thread more");
    }
    running.wait();
    ready();
    forever();
}

/// The calling thread runs, and is not counted.
fn looks_at_its_own_threads() {
    for _ in 0..3 {
        thread::spawn(|| forever());
    }
    let report = until(Threads::OfThisProcess, WATCHDOG).expect("the others go to sleep");
    assert_eq!(report.threads.len(), 3, "{report:#?}");
    let (wake, sleeper) = mpsc::channel::<()>();
    thread::spawn(move || {
        while sleeper.recv().is_ok() {
            thread::sleep(Duration::from_secs(3_600));
        }
    });
    until(Threads::OfThisProcess, WATCHDOG).expect("the fourth goes to sleep, too");
    wake.send(()).expect("it listens");
    let report = until_report(Threads::OfThisProcess, WATCHDOG, |report| {
        matches!(report.verdict, Verdict::AsleepUntil { .. })
    })
    .expect("it sleeps for an hour");
    assert_eq!(report.threads.len(), 4);
    ready();
}

/// What an ordinary user may do: look at a child of one's own.
fn looks_at_a_child() {
    ready();
    let mut child = std::process::Command::new(std::env::current_exe().expect("a path"))
        .env(crate::program::VARIABLE, "condvar_not_notified")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a child");
    match until(&child, WATCHDOG) {
        Ok(report) => println!("{}", report.verdict),
        Err(error) => println!("{error}"),
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn looks_at_its_parent() {
    ready();
    match wakeproof_asleep::look(std::os::unix::process::parent_id().cast_signed()) {
        Ok(report) => println!("{}", report.verdict),
        Err(error) => println!("{error}"),
    }
}
