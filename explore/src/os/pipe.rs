//! A pipe.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::dropin::{Monitor, Wanted};
use crate::story;
use crate::sync::atomic::Ordering;
use crate::time::Duration;

/// What is in a pipe.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    capacity: usize,
    writers: usize,
    has_reader: bool,
}

impl Pipe {
    fn is_readable(&self) -> bool {
        !self.bytes.is_empty() || self.writers == 0
    }

    fn is_writable(&self) -> bool {
        self.bytes.len() < self.capacity || !self.has_reader
    }

    /// None if it would have to wait.
    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if buffer.is_empty() {
            return Some(0);
        }
        let number = buffer.len().min(self.bytes.len());
        for (to, byte) in buffer.iter_mut().zip(self.bytes.drain(..number)) {
            *to = byte;
        }
        (number > 0 || self.writers == 0).then_some(number)
    }

    /// None if it would have to wait. What fits into the pipe as a whole is written as a whole.
    fn write(&mut self, buffer: &[u8]) -> Option<io::Result<usize>> {
        if !self.has_reader {
            return Some(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.capacity - self.bytes.len();
        let number = room.min(buffer.len());
        if number < buffer.len() && (number == 0 || buffer.len() <= self.capacity) {
            return None;
        }
        self.bytes.extend(&buffer[..number]);
        Some(Ok(number))
    }
}

/// The reading end of a [`pipe`].
#[derive(Debug)]
pub struct PipeReader(Arc<Monitor<Pipe>>);

/// The writing end of a [`pipe`].
#[derive(Debug)]
pub struct PipeWriter(Arc<Monitor<Pipe>>);

/// A pipe that has room for `capacity` bytes.
///
/// # Panics
///
/// If there is no room at all.
///
/// ```
/// use std::io::ErrorKind;
/// use wakeproof_explore::os::{Interest, pipe, poll};
///
/// let (reader, writer) = pipe(1);
/// assert_eq!(writer.try_write(b"x")?, 1);
/// assert_eq!(writer.try_write(b"y").unwrap_err().kind(), ErrorKind::WouldBlock);
/// assert_eq!(poll(&[Interest::Readable(&reader)], None), [true]);
/// let mut byte = [0];
/// assert_eq!(reader.try_read(&mut byte)?, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
#[track_caller]
pub fn pipe(capacity: usize) -> (PipeReader, PipeWriter) {
    assert!(capacity > 0, "a pipe has room for a byte at least");
    let pipe = Arc::new(Monitor::new(
        "pipe",
        Pipe {
            bytes: VecDeque::new(),
            capacity,
            writers: 1,
            has_reader: true,
        },
    ));
    (PipeReader(pipe.clone()), PipeWriter(pipe))
}

impl PipeReader {
    /// Reads what is there, up to the buffer's size. Returns how much; nothing if every writer is gone.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing yet.
    ///
    /// # Panics
    ///
    /// Under a checker, if the pipe was made in another execution, or outside.
    #[track_caller]
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.step(Ordering::AcqRel, |pipe| {
            let read = pipe.read(buffer);
            if read.is_some() {
                pipe.tells("reads from {}");
                pipe.wake_all();
            } else {
                pipe.tells("finds {} empty");
            }
            read
        });
        read.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Read for &PipeReader {
    /// Waits until there is something to read, or every writer is gone.
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.0.until(Ordering::AcqRel, |pipe| {
            let read = pipe.read(buffer)?;
            pipe.tells("reads from {}");
            pipe.wake_all();
            Some(read)
        }))
    }
}

impl Read for PipeReader {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl PipeWriter {
    /// Writes, as a whole if the pipe is large enough, and returns how much.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room,
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) if the reader is gone.
    ///
    /// # Panics
    ///
    /// As [`PipeReader::try_read`].
    #[track_caller]
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.0.step(Ordering::AcqRel, |pipe| {
            let written = pipe.write(buffer);
            if written.is_some() {
                pipe.tells("writes to {}");
                pipe.wake_all();
            } else {
                pipe.tells("finds {} full");
            }
            written
        });
        written.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }
}

impl Write for &PipeWriter {
    /// Waits until there is room.
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.until(Ordering::AcqRel, |pipe| {
            let written = pipe.write(buffer)?;
            pipe.tells("writes to {}");
            pipe.wake_all();
            Some(written)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for PipeWriter {
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Clone for PipeWriter {
    fn clone(&self) -> Self {
        self.0.step(Ordering::Relaxed, |pipe| {
            pipe.tells(story::NOTHING);
            pipe.writers += 1;
        });
        PipeWriter(self.0.clone())
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.0.step_in_drop(Ordering::Release, |pipe| {
            pipe.writers -= 1;
            pipe.tells(if pipe.writers == 0 {
                "is the last writer of {}, and goes"
            } else {
                story::NOTHING
            });
            pipe.wake_all();
        });
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.0.step_in_drop(Ordering::Release, |pipe| {
            pipe.has_reader = false;
            pipe.tells("is the reader of {}, and goes");
            pipe.wake_all();
        });
    }
}

/// What a [`poll`] waits for.
#[derive(Debug, Clone, Copy)]
pub enum Interest<'a> {
    /// There is something to read, or every writer is gone.
    Readable(&'a PipeReader),
    /// There is room, or the reader is gone.
    Writable(&'a PipeWriter),
}

/// Waits until one of several pipes is ready, for at most `timeout`, and returns of each whether it is. It
/// looks at one after the other, as the operating system does.
///
/// # Panics
///
/// Under a checker, if one of the pipes was made in another execution, or outside.
#[must_use]
#[track_caller]
pub fn poll(interests: &[Interest<'_>], timeout: Option<Duration>) -> Vec<bool> {
    let monitors: Vec<Wanted<'_, Pipe>> = interests
        .iter()
        .map(|interest| match interest {
            Interest::Readable(reader) => (&*reader.0, Pipe::is_readable as _),
            Interest::Writable(writer) => (&*writer.0, Pipe::is_writable as _),
        })
        .collect();
    Monitor::until_any(&monitors, timeout)
}
