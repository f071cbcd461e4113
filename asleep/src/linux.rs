//! The two looks.
//!
//! # Why a verdict is true
//!
//! `/proc/PID/task/TID/syscall` shows a system call only of a thread that is off the processor and has not
//! been woken; the kernel makes sure of that itself. Each thread is read in this order:
//!
//! 1. how often it has been let run; 2. its system call;
//! 3. everything else, of all threads;
//! 4. its system call again; 5. how often it has been let run, again.
//!
//! If both are as they were, the thread was blocked from 2 to 4: to run in between and block again, it would
//! have had to be let run once more. Step 3 comes after every thread's 2 and before every thread's 4, so
//! that during it *all* of them are blocked, at the same moment. A new thread is made by a running thread of
//! the process, and none runs: the list of threads that is read in step 3, and has as many as the process
//! says it has, is complete. What a wait's arguments, timers and files say in step 3 cannot change either,
//! as long as nobody outside acts.

mod files;
mod proc;
mod resemblance;
mod runtime;
mod signals;
mod timers;
mod wait;

use std::fs;
use std::io::Read;
use std::time::Instant;

use procfs::process::all_processes;
use rustix::process::{Pid, test_kill_process};

use self::files::{Awaited, Files, Found};
use self::proc::{Memory, Position, Proc, Progress, ReadError, Status};
use self::signals::Deliverable;
use self::wait::{Context, On};
use crate::report::harmless;
use crate::{
    Activity, Descriptor, Error, File, Holder, Limit, Outside, Report, SocketFamily, Target,
    Thread, Threads, Unseen, Verdict, Wait,
};

/// One thread, through both looks.
#[derive(Debug)]
struct Seen {
    tid: i32,
    progress: Progress,
    position: Position,
    status: Option<Status>,
    wait: Option<wait::Wait>,
    /// What it sleeps in although its registers show a system call.
    elsewhere: Option<String>,
    awaited: Awaited,
    /// It was not the same in the second look.
    changed: bool,
}

pub(crate) fn current_thread_id() -> Result<i32, Error> {
    Ok(rustix::thread::gettid().as_raw_nonzero().get())
}

pub(crate) fn look(threads: &Threads) -> Result<Report, Error> {
    let start = Instant::now();
    let me = std::process::id().cast_signed();
    let caller = current_thread_id()?;
    let pid = match threads {
        Threads::OfProcess(pid) => *pid,
        Threads::OfThisProcess | Threads::Only(_) => me,
    };
    let process = open(pid)?;
    let looked = Look {
        process: &process,
        caller: match threads {
            Threads::OfThisProcess => Some(caller),
            _ => None,
        },
        only: match threads {
            Threads::Only(ids) => Some(ids.as_slice()),
            _ => None,
        },
    }
    .report(start);
    looked.map_err(|failure| explain(pid, failure))
}

/// Opens a process and refuses those that have nothing to look at.
fn open(pid: i32) -> Result<Proc, Error> {
    let fail = |error| explain(pid, Failure::Read("status", error));
    let process = match Proc::open(pid) {
        Ok(process) if pid > 0 => process,
        _ => return Err(absent(pid)),
    };
    let status = process.status(pid).map_err(fail)?;
    if status.tgid != pid {
        return Err(Error::Thread {
            tid: pid,
            pid: status.tgid,
        });
    }
    let stat = process.stat().map_err(fail)?;
    if stat.is_kernel_thread {
        return Err(Error::KernelThread { pid });
    }
    if matches!(status.state, b'Z' | b'X') && stat.threads <= 1 {
        return Err(Error::Zombie {
            pid,
            parent: status.parent,
        });
    }
    Ok(process)
}

fn absent(pid: i32) -> Error {
    if !fs::exists("/proc/self/status").unwrap_or(false) {
        return Error::Proc {
            path: "/proc".into(),
            source: std::io::Error::new(std::io::ErrorKind::NotFound, "it is not mounted"),
        };
    }
    // Another user's process answers "not permitted": it is there.
    let there = (pid > 0)
        .then(|| Pid::from_raw(pid))
        .flatten()
        .is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
    if there {
        Error::Hidden { pid }
    } else {
        Error::NoSuchProcess { pid }
    }
}

/// Why a look has no result.
#[derive(Debug)]
enum Failure {
    Read(&'static str, ReadError),
    NoSuchThread(i32),
}

fn explain(pid: i32, failure: Failure) -> Error {
    match failure {
        Failure::NoSuchThread(tid) => Error::NoSuchThread { tid },
        Failure::Read(_, ReadError::Gone) => Error::Ended { pid },
        Failure::Read(_, ReadError::Denied) => Error::NotPermitted {
            pid,
            remedy: remedy(),
        },
        Failure::Read(path, ReadError::Other(source)) => Error::Proc {
            path: format!("/proc/{pid}/{path}"),
            source,
        },
    }
}

fn remedy() -> String {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.trim() {
        "1" => "kernel.yama.ptrace_scope is 1, so only its parent, a debugger or root may; look as root \
                (sudo), or allow it: sudo sysctl kernel.yama.ptrace_scope=0"
            .into(),
        "2" => "kernel.yama.ptrace_scope is 2, so only root may; look as root (sudo)".into(),
        "3" => "kernel.yama.ptrace_scope is 3: nobody may until the machine starts again".into(),
        _ => "it belongs to another user, or protects itself from debuggers; look as root (sudo), and in \
              a container with the capability SYS_PTRACE"
            .into(),
    }
}

struct Look<'a> {
    process: &'a Proc,
    /// The thread that looks, if it is one of the process and is not counted.
    caller: Option<i32>,
    /// The threads to look at, if it is not all of them.
    only: Option<&'a [i32]>,
}

impl Look<'_> {
    fn report(&self, start: Instant) -> Result<Report, Failure> {
        let process = self.process;
        let ids = self.ids()?;
        let mut seen = Vec::with_capacity(ids.len());
        for &tid in &ids {
            match self.first(tid) {
                Ok(first) => seen.push(first),
                Err(Failure::Read(_, ReadError::Gone)) if self.only.is_none() => {}
                Err(Failure::Read(_, ReadError::Gone)) => return Err(Failure::NoSuchThread(tid)),
                Err(failure) => return Err(failure),
            }
        }
        // From here to the second look, whoever was asleep in the first and will be in the second, sleeps.
        let complete = self.only.is_some() || self.is_complete(&seen)?;
        // A main thread may have ended before the others. What is the process's is read from one that lives.
        let alive = seen.iter().find(|thread| thread.is_in_system_call());
        let alive = alive.map_or(process.pid(), |thread| thread.tid);
        let memory = Memory::open(process, alive).ok();
        let mut unseen = Vec::new();
        if memory.is_none() {
            unseen.push(Unseen {
                tid: None,
                what: "its memory, where the time limits are".into(),
                remedy: Some(remedy()),
            });
        }
        let context = Context {
            memory: memory.as_ref(),
            same_clock: same_clock(process, alive),
        };
        for thread in &mut seen {
            thread.between(process, &context);
        }
        let files = Files::of(process, alive);
        match &files {
            Some(files) => {
                for thread in &mut seen {
                    thread.files(files);
                }
                self.rest(&seen, files, &mut unseen);
            }
            None => unseen.push(Unseen {
                tid: None,
                what: "its descriptors".into(),
                remedy: Some(remedy()),
            }),
        }
        let deliverable = deliverable(&seen, files.as_ref());
        let timers = timers::look(process, deliverable);
        let children = self.children(&seen);
        let maps = process.text(&format!("task/{alive}/maps"));
        if maps.as_ref().map_or(true, |maps| maps.contains("/[aio]")) {
            unseen.push(asynchronous(
                "when its asynchronous input and output (io_submit) ends",
            ));
        }
        let has_ring = files
            .as_ref()
            .is_some_and(|files| files.table().has_io_uring);
        if has_ring
            || maps
                .as_ref()
                .is_ok_and(|maps| maps.contains("anon_inode:[io_uring]"))
        {
            unseen.push(asynchronous(
                "what its io_uring still has to do, and until when",
            ));
        }
        for thread in &mut seen {
            thread.second(process)?;
        }
        unseen.extend(timers.unseen);

        let maps = maps.unwrap_or_default();
        let name = process
            .text("comm")
            .map(|name| harmless(name.trim_end_matches('\n')))
            .unwrap_or_default();
        let mut outside = Vec::new();
        let mut report_threads = Vec::with_capacity(seen.len());
        for thread in &seen {
            let thread = thread.report(&maps, &mut unseen);
            note_outside(&thread.activity, &mut outside);
            report_threads.push(thread);
        }
        outside.extend(children);
        let signals = deliverable.handled();
        if !signals.is_empty() {
            outside.push(Outside::Signals { signals });
        }
        let tracer = seen.iter().filter_map(|thread| thread.status.as_ref());
        if let Some(pid) = tracer.map(|status| status.tracer).find(|pid| *pid != 0) {
            outside.push(Outside::Tracer { pid });
        }
        if self.caller.is_some() || self.only.is_some() {
            outside.push(Outside::OtherThreads);
        }
        let runtime = runtime::recognise(&report_threads, &beginning_of_program(process));
        if let Some(runtime) = runtime {
            runtime::mark(&mut report_threads, runtime);
        }
        let verdict = verdict(&report_threads, complete, &unseen);
        let resembles = matches!(
            verdict,
            Verdict::AsleepForGood | Verdict::AsleepUntil { .. }
        )
        .then(|| resemblance::of(&report_threads))
        .flatten();
        Ok(Report {
            pid: process.pid(),
            name,
            verdict,
            threads: report_threads,
            outside,
            unseen,
            notes: timers.notes,
            runtime,
            resembles,
            took: start.elapsed(),
        })
    }

    fn ids(&self) -> Result<Vec<i32>, Failure> {
        if let Some(only) = self.only {
            let mut ids = only.to_vec();
            ids.sort_unstable();
            ids.dedup();
            return Ok(ids);
        }
        let mut ids = self
            .process
            .thread_ids()
            .map_err(|error| Failure::Read("task", error))?;
        ids.retain(|tid| Some(*tid) != self.caller);
        Ok(ids)
    }

    fn first(&self, tid: i32) -> Result<Seen, Failure> {
        let progress = self
            .process
            .progress(tid)
            .map_err(|error| Failure::Read("schedstat", error))?;
        let position = self
            .process
            .position(tid)
            .map_err(|error| Failure::Read("syscall", error))?;
        Ok(Seen {
            tid,
            progress,
            position,
            status: None,
            wait: None,
            elsewhere: None,
            awaited: Awaited::default(),
            changed: false,
        })
    }

    /// Whether the threads that were looked at are all that there are.
    fn is_complete(&self, seen: &[Seen]) -> Result<bool, Failure> {
        let ids = self.ids()?;
        let stat = self
            .process
            .stat()
            .map_err(|error| Failure::Read("stat", error))?;
        let counted = ids.len() + usize::from(self.caller.is_some());
        Ok(ids.iter().eq(seen.iter().map(|thread| &thread.tid)) && stat.threads == counted as u64)
    }

    /// What no single thread shows.
    fn rest(&self, seen: &[Seen], files: &Files<'_>, unseen: &mut Vec<Unseen>) {
        let polls: Vec<_> = seen
            .iter()
            .filter(|thread| {
                matches!(
                    thread.wait.as_ref().map(|wait| &wait.on),
                    Some(On::Epoll(_) | On::Poll(_) | On::Descriptor(..))
                )
            })
            .collect();
        if polls.is_empty() {
            return;
        }
        let awaited = |fd: i32| {
            polls
                .iter()
                .flat_map(|thread| &thread.awaited.found)
                .any(|found| found.descriptor.fd == fd)
        };
        // It may be in a set under the number of a descriptor that has been closed since.
        for &fd in &files.table().timers {
            if !awaited(fd) {
                unseen.push(Unseen {
                    tid: None,
                    what: format!(
                        "who waits for the timer that is descriptor {fd}: it is in no set that was seen"
                    ),
                    remedy: None,
                });
            }
        }
    }

    fn children(&self, seen: &[Seen]) -> Vec<Outside> {
        let mut children = Vec::new();
        for thread in seen {
            let path = format!("task/{}/children", thread.tid);
            let Ok(text) = self.process.text(&path) else {
                continue;
            };
            children.extend(text.split_whitespace().filter_map(|pid| {
                let pid: i32 = pid.parse().ok()?;
                let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
                Some(Outside::Child {
                    pid,
                    name: harmless(String::from_utf8_lossy(&name).trim_end()),
                })
            }));
        }
        children
    }
}

fn asynchronous(what: &str) -> Unseen {
    Unseen {
        tid: None,
        what: what.into(),
        remedy: None,
    }
}

/// Whether moments of the process's monotonic clock can be compared with ours.
fn same_clock(process: &Proc, tid: i32) -> bool {
    let namespace = |path: &str| fs::read_link(path).ok();
    namespace(&process.path(&format!("task/{tid}/ns/time"))) == namespace("/proc/self/ns/time")
}

fn beginning_of_program(process: &Proc) -> Vec<u8> {
    const NOTES: u64 = 4096;
    let mut beginning = Vec::new();
    if let Ok(file) = process.open_file("exe") {
        // What cannot be read names no runtime, and the verdict does not depend on it.
        let _ = file.take(NOTES).read_to_end(&mut beginning);
    }
    beginning
}

impl Seen {
    fn is_in_system_call(&self) -> bool {
        matches!(self.position, Position::Blocked { number: 0.., .. })
    }

    /// Everything about a thread that is read between the two looks.
    fn between(&mut self, process: &Proc, context: &Context<'_>) {
        self.status = process.status(self.tid).ok();
        let Position::Blocked {
            number,
            arguments,
            program_counter,
        } = self.position
        else {
            return;
        };
        if number < 0 {
            let place = process.kernel_function(self.tid);
            self.elsewhere = Some(format!("outside a system call, in {}", harmless(&place)));
            return;
        }
        let place = process.kernel_function(self.tid);
        if is_elsewhere(&place) {
            self.elsewhere = Some(harmless(&place));
        } else if !context
            .memory
            .is_none_or(|memory| is_native(memory, program_counter))
        {
            self.elsewhere =
                Some("a system call of another architecture (a 32-bit program)".into());
        }
        self.wait = Some(context.wait(number, arguments));
    }

    fn files(&mut self, files: &Files<'_>) {
        let Some(wait) = &self.wait else {
            return;
        };
        self.awaited = match &wait.on {
            On::Descriptor(fd, direction) => files.blocking(self.tid, *fd, *direction),
            On::Poll(descriptors) => files.polled(self.tid, descriptors),
            On::Epoll(set) => files.epoll(self.tid, *set),
            _ => return,
        };
    }

    fn second(&mut self, process: &Proc) -> Result<(), Failure> {
        let position = process.position(self.tid);
        let progress = process.progress(self.tid);
        match (position, progress) {
            (Ok(position), Ok(progress)) => {
                self.changed = position != self.position || progress != self.progress;
                Ok(())
            }
            (Err(ReadError::Gone), _) | (_, Err(ReadError::Gone)) => {
                self.changed = true;
                Ok(())
            }
            (Err(error), _) | (_, Err(error)) => Err(Failure::Read("syscall", error)),
        }
    }

    fn activity(&self, maps: &str) -> Activity {
        let Some(status) = &self.status else {
            return Activity::Ran;
        };
        match status.state {
            b'Z' | b'X' if self.changed => return Activity::Ran,
            b'Z' | b'X' => return Activity::Ended,
            b'T' => return Activity::Stopped,
            b't' => return Activity::Traced,
            _ => {}
        }
        let Position::Blocked { number, .. } = self.position else {
            return Activity::Runs;
        };
        match status.state {
            _ if self.changed => return Activity::Ran,
            b'S' => {}
            b'R' => return Activity::Runs,
            _ => {
                return Activity::Uninterruptible {
                    syscall: wait::name(number),
                };
            }
        }
        if signals::is_on_its_way(status) {
            return Activity::Signalled;
        }
        match (&self.elsewhere, &self.wait) {
            (Some(place), _) => Activity::Blocked {
                place: place.clone(),
            },
            (None, Some(wait)) if wait.on != On::Unknown => Activity::Asleep(self.wait(wait, maps)),
            _ => Activity::Blocked {
                place: wait::name(number),
            },
        }
    }

    fn wait(&self, wait: &wait::Wait, maps: &str) -> Wait {
        let descriptors: Vec<Descriptor> = self
            .awaited
            .found
            .iter()
            .map(|found| found.descriptor.clone())
            .collect();
        let target = match &wait.on {
            On::Futex { address, private } => Target::Futex {
                address: *address,
                shared: !private && is_shared(maps, *address),
            },
            On::Futexes(count) => Target::Futexes { count: *count },
            On::Descriptor(..) | On::Poll(_) | On::Epoll(_) => Target::Descriptors { descriptors },
            On::Child => Target::Child,
            On::Time => Target::Time,
            On::FileLock => Target::FileLock,
            On::Ipc => Target::Ipc,
            On::Signal | On::Unknown => Target::Signal,
        };
        let limits = self.awaited.found.iter().map(|found| &found.limit);
        let mut limit = limits.fold(wait.limit.clone(), earlier);
        if !self.awaited.unseen.is_empty() {
            limit = earlier(limit, &Limit::Unknown);
        }
        Wait {
            syscall: wait.syscall.clone(),
            target,
            limit,
        }
    }

    fn report(&self, maps: &str, unseen: &mut Vec<Unseen>) -> Thread {
        let activity = self.activity(maps);
        self.unseen(&activity, unseen);
        Thread {
            tid: self.tid,
            name: self
                .status
                .as_ref()
                .map_or_else(String::new, |status| status.name.clone()),
            activity,
            service: false,
            times_run: self.progress.times_run,
        }
    }

    fn unseen(&self, activity: &Activity, unseen: &mut Vec<Unseen>) {
        let mut add = |what: String, remedy: Option<&str>| {
            unseen.push(Unseen {
                tid: Some(self.tid),
                what,
                remedy: remedy.map(str::to_owned),
            });
        };
        match activity {
            Activity::Stopped => add(
                "what it would do if it were not stopped".into(),
                Some("let it go on (kill -CONT) and look again"),
            ),
            Activity::Traced => add(
                "what it would do if its debugger let it go".into(),
                Some("let the debugger go on, or detach it, and look again"),
            ),
            Activity::Blocked { place } => add(
                match place.as_str() {
                    "restart_syscall" => {
                        "until when it waits: it goes on with a wait that a stop had \
                                          interrupted, and the kernel keeps the limit to itself"
                            .into()
                    }
                    "io_uring_enter" => {
                        "until when it waits: io_uring's time limits are not to be seen".into()
                    }
                    place => format!("until when it waits in {place}"),
                },
                None,
            ),
            Activity::Asleep(wait) => {
                let reasons = self
                    .awaited
                    .found
                    .iter()
                    .filter_map(|f: &Found| f.unseen.clone());
                let mut any = false;
                for what in reasons.chain(self.awaited.unseen.iter().cloned()) {
                    any = true;
                    add(what, None);
                }
                if wait.limit == Limit::Unknown && !any {
                    add(format!("until when it waits in {}", wait.syscall), None);
                }
            }
            _ => {}
        }
    }
}

/// The earlier of two limits; one that is not known may be earlier than any.
fn earlier(limit: Limit, other: &Limit) -> Limit {
    match (limit, other) {
        (Limit::Unknown, _) | (_, Limit::Unknown) => Limit::Unknown,
        (Limit::None, other) => other.clone(),
        (limit, Limit::None) => limit,
        (Limit::Within { within: a }, Limit::Within { within: b }) => {
            Limit::Within { within: a.min(*b) }
        }
    }
}

/// Whether a kernel function is one in which a thread sleeps whatever its registers say.
fn is_elsewhere(function: &str) -> bool {
    [
        // A frozen control group: it may have been running.
        "do_freezer_trap",
        "__refrigerator",
        // Memory that another thread or process supplies.
        "handle_userfault",
        // A supervisor that decides whether the system call happens at all.
        "seccomp_do_user_notification",
    ]
    .contains(&function.trim())
}

/// Whether the instruction before the program counter is this processor's system call. A program for 32
/// bits has other numbers for the same calls.
fn is_native(memory: &Memory, program_counter: u64) -> bool {
    let before = |length: u64| program_counter.wrapping_sub(length);
    if cfg!(target_arch = "x86_64") {
        memory.read::<2>(before(2)) == Some([0x0f, 0x05])
    } else if cfg!(target_arch = "aarch64") {
        memory.read::<4>(before(4)) == Some([0x01, 0x00, 0x00, 0xd4])
    } else {
        true
    }
}

/// Whether an address lies in memory that other processes can have, too.
fn is_shared(maps: &str, address: u64) -> bool {
    maps.lines()
        .find_map(|line| {
            let mut fields = line.split(' ');
            let (from, to) = fields.next()?.split_once('-')?;
            let from = u64::from_str_radix(from, 16).ok()?;
            let to = u64::from_str_radix(to, 16).ok()?;
            let shared = fields.next()?.ends_with('s');
            (from..to).contains(&address).then_some(shared)
        })
        // A map that cannot be read may be shared.
        .unwrap_or(true)
}

fn deliverable(seen: &[Seen], files: Option<&Files<'_>>) -> Deliverable {
    let mut deliverable = Deliverable::default();
    for thread in seen {
        if let Some(status) = &thread.status
            && !matches!(status.state, b'Z' | b'X')
        {
            let waits = thread
                .wait
                .as_ref()
                .is_some_and(|wait| wait.syscall.starts_with("rt_sigtimedwait"));
            deliverable.add(status, waits);
        }
    }
    deliverable.add_descriptor(files.map_or(!0, |files| files.table().signals));
    deliverable
}

fn note_outside(activity: &Activity, outside: &mut Vec<Outside>) {
    let Activity::Asleep(wait) = activity else {
        return;
    };
    let mut add = |what: Outside| {
        if !outside.contains(&what) {
            outside.push(what);
        }
    };
    match &wait.target {
        Target::Futex {
            address,
            shared: true,
        } => add(Outside::SharedFutex { address: *address }),
        Target::Descriptors { descriptors } => {
            for Descriptor { fd, file, .. } in descriptors {
                if !is_own(file) {
                    add(Outside::Descriptor {
                        fd: *fd,
                        file: file.clone(),
                    });
                }
            }
        }
        Target::FileLock => add(Outside::FileLock),
        Target::Ipc => add(Outside::Ipc),
        _ => {}
    }
}

/// What nobody outside is likely to have: an end that was inherited or passed on would be.
fn is_own(file: &File) -> bool {
    matches!(
        file,
        File::EventFd
            | File::TimerFd { .. }
            | File::SignalFd { .. }
            | File::Epoll
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

fn verdict(threads: &[Thread], complete: bool, unseen: &[Unseen]) -> Verdict {
    let sleeps = |thread: &Thread| matches!(thread.activity, Activity::Asleep(_) | Activity::Ended);
    if !complete || threads.iter().any(|thread| thread.activity.is_awake()) {
        return Verdict::NotAsleep;
    }
    let earliest = threads
        .iter()
        .filter_map(|thread| match &thread.activity {
            Activity::Asleep(Wait {
                limit: Limit::Within { within },
                ..
            }) => Some(*within),
            _ => None,
        })
        .min();
    match earliest {
        // What could not be seen may come earlier; nothing makes it later.
        Some(within) if threads.iter().all(sleeps) => Verdict::AsleepUntil { within },
        None if threads.iter().all(sleeps) && unseen.is_empty() => Verdict::AsleepForGood,
        _ => Verdict::CannotTell,
    }
}

pub(crate) fn holders(report: &Report) -> Vec<Holder> {
    let mut inodes = Vec::new();
    for thread in &report.threads {
        if let Activity::Asleep(Wait {
            target: Target::Descriptors { descriptors },
            ..
        }) = &thread.activity
        {
            inodes.extend(descriptors.iter().filter_map(|d| match d.file {
                File::Pipe { inode, .. } => Some(format!("pipe:[{inode}]")),
                File::Socket { inode, .. } => Some(format!("socket:[{inode}]")),
                _ => None,
            }));
        }
    }
    let mut holders = Vec::new();
    let Ok(processes) = all_processes() else {
        return holders;
    };
    for process in processes.flatten() {
        if inodes.is_empty() || process.pid == report.pid {
            continue;
        }
        let Ok(directory) = fs::read_dir(format!("/proc/{}/fd", process.pid)) else {
            continue;
        };
        let mut held: Vec<u64> = directory
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .filter_map(|link| {
                let link = link.to_str()?;
                inodes.iter().find(|inode| *inode == link)?;
                let (_, number) = link.split_once('[')?;
                number.trim_end_matches(']').parse().ok()
            })
            .collect();
        held.sort_unstable();
        held.dedup();
        let name = fs::read(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
        holders.extend(held.into_iter().map(|inode| Holder {
            pid: process.pid,
            name: harmless(String::from_utf8_lossy(&name).trim_end()),
            inode,
        }));
    }
    holders
}
