//! Lets one side write and the other read, each on a thread of its own, with little in between.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::api::{ErrorKind, Failure, Result};

const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 4;

/// Lets `read` read what `make` writes. The error of `make` goes before that of `read`, which only follows from it.
pub(super) fn piped<T: Send>(
    make: impl FnOnce(&mut dyn Write) -> Result<()> + Send,
    read: &mut (dyn FnMut(&mut dyn Read) -> Result<T> + Send),
) -> Result<T> {
    let (sender, receiver) = sync_channel(CHUNKS);
    std::thread::scope(|scope| {
        let maker = scope.spawn(move || {
            let mut out = Sending {
                sender,
                chunk: Vec::with_capacity(CHUNK),
                hung_up: false,
            };
            let made = make(&mut out).and_then(|()| out.flush().map_err(|error| lost(&error)));
            (made, out.hung_up)
        });
        let mut reader = Receiving {
            receiver,
            chunk: io::Cursor::default(),
        };
        let done = read(&mut reader);
        drop(reader);
        match maker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        {
            // Who has read enough hangs up, and that is no error.
            (_, true) | (Ok(()), _) => done,
            (Err(failure), false) => Err(failure),
        }
    })
}

fn lost(error: &io::Error) -> Failure {
    Failure::new(
        ErrorKind::Internal,
        format!("content got lost on its way: {error}"),
    )
}

struct Sending {
    sender: SyncSender<Vec<u8>>,
    chunk: Vec<u8>,
    hung_up: bool,
}

impl Sending {
    fn send(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender.send(chunk).map_err(|_| {
            self.hung_up = true;
            io::ErrorKind::BrokenPipe.into()
        })
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            Ok(())
        } else {
            self.send()
        }
    }
}

struct Receiving {
    receiver: Receiver<Vec<u8>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl Read for Receiving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.chunk.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            match self.receiver.recv() {
                Ok(chunk) => self.chunk = io::Cursor::new(chunk),
                Err(_) => return Ok(0),
            }
        }
    }
}
