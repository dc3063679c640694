//! The access log: one line for each ended request, JSON or text, written by a thread of its own.
//!
//! A worker formats lines into a buffer of its own and hands whole buffers to the writer through a bounded queue. A full
//! queue means that the output is slower than the requests: the lines are dropped and counted, the worker never waits.

use std::cell::RefCell;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::line;
use super::record::RequestRecord;

/// How access log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogFormat {
    /// One JSON object on each line.
    #[default]
    Json,
    /// One readable line.
    Text,
    /// No access log.
    Off,
}

/// A buffer is handed over when it is this full, or when [`Recorder::flush`](super::Recorder) is called.
const BUFFER_BYTES: usize = 16 * 1024;

/// Buffers that may wait for the writer: 256 × 16 KiB = 4 MiB.
const QUEUE: usize = 256;

/// Lines of one buffer.
struct Batch {
    lines: u64,
    bytes: Vec<u8>,
}

/// One worker's end of the access log.
pub(crate) struct LogBuffer {
    format: AccessLogFormat,
    queue: SyncSender<Batch>,
    buffer: RefCell<Batch>,
    pending: Notify,
}

impl LogBuffer {
    /// Appends a line. Returns how many lines had to be dropped for it.
    pub(crate) fn write(&self, record: &RequestRecord<'_>) -> u64 {
        let full = {
            let mut batch = self.buffer.borrow_mut();
            if batch.lines == 0 {
                self.pending.notify_one();
            }
            match self.format {
                AccessLogFormat::Json => line::json(&mut batch.bytes, record),
                AccessLogFormat::Text => line::text(&mut batch.bytes, record),
                AccessLogFormat::Off => return 0,
            }
            batch.lines += 1;
            batch.bytes.len() >= BUFFER_BYTES
        };
        if full { self.flush() } else { 0 }
    }

    /// Hands the buffer to the writer. Returns how many lines were dropped.
    pub(crate) fn flush(&self) -> u64 {
        let mut batch = self.buffer.borrow_mut();
        if batch.lines == 0 {
            return 0;
        }
        let full = Batch { lines: batch.lines, bytes: std::mem::take(&mut batch.bytes) };
        batch.lines = 0;
        match self.queue.try_send(full) {
            Ok(()) => 0,
            Err(TrySendError::Full(mut lost) | TrySendError::Disconnected(mut lost)) => {
                lost.bytes.clear();
                batch.bytes = lost.bytes;
                lost.lines
            }
        }
    }

    /// Resolves when the first line since the last flush was written.
    pub(crate) async fn pending(&self) {
        self.pending.notified().await;
    }
}

/// The writer thread. It ends, everything written, when all buffers are gone.
#[derive(Debug)]
pub(crate) struct AccessLog {
    format: AccessLogFormat,
    queue: SyncSender<Batch>,
    writer: JoinHandle<()>,
}

impl AccessLog {
    /// Starts the writer on `output`; `None` for [`AccessLogFormat::Off`].
    pub(crate) fn start(format: AccessLogFormat, output: impl Write + Send + 'static) -> std::io::Result<Option<Self>> {
        if format == AccessLogFormat::Off {
            return Ok(None);
        }
        let (queue, batches) = sync_channel(QUEUE);
        let writer =
            std::thread::Builder::new().name("nantian-log".to_owned()).spawn(move || write_all(&batches, output))?;
        Ok(Some(Self { format, queue, writer }))
    }

    /// A worker's end.
    pub(crate) fn buffer(&self) -> LogBuffer {
        LogBuffer {
            format: self.format,
            queue: self.queue.clone(),
            buffer: RefCell::new(Batch { lines: 0, bytes: Vec::new() }),
            pending: Notify::new(),
        }
    }

    /// Waits until everything is written. Call it when all workers have ended.
    pub(crate) fn finish(self) {
        drop(self.queue);
        // The writer does not panic; were it to, its lines are lost and the process still ends.
        let _ = self.writer.join();
    }
}

fn write_all(batches: &Receiver<Batch>, mut output: impl Write) {
    while let Ok(batch) = batches.recv() {
        // An output that fails (a closed pipe) cannot be told about its own failure. Later lines are tried again: a
        // disk may have space again.
        let _ = output.write_all(&batch.bytes).and_then(|()| output.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::SystemTime;

    use http::{Method, Version};

    use super::*;

    /// An output that takes nothing until it is told to, and says when it was first asked.
    struct Gate {
        asked: Sender<()>,
        open: Receiver<()>,
        written: Sender<Vec<u8>>,
        is_open: bool,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if !self.is_open {
                self.asked.send(()).expect("the test listens");
                self.open.recv().expect("the test opens the gate");
                self.is_open = true;
            }
            self.written.send(bytes.to_vec()).expect("the test listens");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_dropped_and_counted_when_the_output_is_stuck_and_never_block() {
        let (asked, was_asked) = channel();
        let (open_gate, open) = channel();
        let (written, lines) = channel();
        let log = AccessLog::start(AccessLogFormat::Text, Gate { asked, open, written, is_open: false })
            .expect("a thread")
            .expect("a log");
        let buffer = log.buffer();
        let record = RequestRecord::new(
            SystemTime::UNIX_EPOCH,
            "127.0.0.1:1".parse().expect("an address"),
            Version::HTTP_11,
            &Method::GET,
        );
        buffer.write(&record);
        assert_eq!(buffer.flush(), 0);
        was_asked.recv().expect("the writer has the first batch");
        for _ in 0..QUEUE {
            buffer.write(&record);
            assert_eq!(buffer.flush(), 0);
        }
        buffer.write(&record);
        buffer.write(&record);
        assert_eq!(buffer.flush(), 2, "the queue is full");
        open_gate.send(()).expect("the writer waits");
        drop(buffer);
        log.finish();
        assert_eq!(lines.iter().count(), QUEUE + 1);
    }
}
