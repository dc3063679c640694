//! The access log: one line for each ended request, JSON or text, written by a thread of its own.
//!
//! A worker formats lines into a buffer of its own and hands whole buffers to the writer through a bounded queue; they come
//! back to it when they are written. A full queue means that the output is slower than the requests: the lines are dropped
//! and counted, the worker never waits.

use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::cells::SharedCount;
use super::line::{self, Fragments, Second};
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

/// What a buffer has room for. To wake the writer costs more than to write some pages more.
const BUFFER_BYTES: usize = 64 * 1024;

/// A buffer is handed over when it has less room than this, or when [`Recorder::flush`](super::Recorder) is called: few
/// lines are longer, and most are a quarter of it.
const LINE_BYTES: usize = 2 * 1024;

/// Batches that may wait for the writer, and bytes that they may hold.
const QUEUE: usize = 256;
const QUEUE_BYTES: u64 = 4 * 1024 * 1024;

/// Buffers that a worker keeps for later: it fills one while the writer has another.
const SPARE: usize = 2;

/// Lines that are ready to be written.
struct Batch {
    lines: u64,
    bytes: Vec<u8>,
    /// Where the buffer goes then; `None` for one that nobody wants back.
    home: Option<SyncSender<Vec<u8>>>,
}

impl Batch {
    /// What it holds of the memory that waiting batches may hold.
    fn held(&self) -> u64 {
        u64::try_from(self.bytes.capacity()).unwrap_or(u64::MAX)
    }
}

/// The way to the writer, for all workers.
#[derive(Clone)]
struct Queue {
    batches: SyncSender<Batch>,
    held: Arc<SharedCount>,
}

impl Queue {
    /// Gives the batch back if the queue is full.
    fn hand_over(&self, batch: Batch) -> Result<(), Batch> {
        let held = batch.held();
        self.held.add(held);
        let sent = if self.held.get() > QUEUE_BYTES {
            Err(batch)
        } else {
            self.batches.try_send(batch).map_err(|error| match error {
                TrySendError::Full(batch) | TrySendError::Disconnected(batch) => batch,
            })
        };
        if sent.is_err() {
            self.held.sub(held);
        }
        sent
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("held", &self.held).finish_non_exhaustive()
    }
}

/// One worker's end of the access log.
pub(crate) struct LogBuffer {
    format: AccessLogFormat,
    queue: Queue,
    filling: RefCell<Filling>,
    pending: Notify,
    /// Buffers that were written, and the way for those that will be.
    spare: Receiver<Vec<u8>>,
    home: SyncSender<Vec<u8>>,
}

/// Lines of the next batch.
#[derive(Default)]
struct Filling {
    lines: u64,
    bytes: Vec<u8>,
    second: Second,
}

impl LogBuffer {
    /// Appends a line. Returns how many lines had to be dropped for it.
    pub(crate) fn write(&self, record: &RequestRecord<'_>, known: Fragments<'_>) -> u64 {
        let full = {
            let mut filling = self.filling.borrow_mut();
            let Filling { lines, bytes, second } = &mut *filling;
            if *lines == 0 {
                self.pending.notify_one();
                if bytes.capacity() == 0 {
                    *bytes = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(BUFFER_BYTES));
                }
            }
            match self.format {
                AccessLogFormat::Json => line::json(bytes, second, record, known),
                AccessLogFormat::Text => line::text(bytes, second, record, known),
                AccessLogFormat::Off => return 0,
            }
            *lines += 1;
            bytes.len() > BUFFER_BYTES - LINE_BYTES
        };
        if full { self.flush() } else { 0 }
    }

    /// Hands the lines to the writer. Returns how many were dropped.
    pub(crate) fn flush(&self) -> u64 {
        let mut filling = self.filling.borrow_mut();
        let lines = std::mem::take(&mut filling.lines);
        if lines == 0 {
            return 0;
        }
        let batch = if filling.bytes.len() < BUFFER_BYTES / 4 {
            // A buffer that is mostly empty stays here: what waits for an output that is stuck has room for lines only.
            let bytes = filling.bytes.as_slice().to_vec();
            filling.bytes.clear();
            Batch { lines, bytes, home: None }
        } else {
            Batch { lines, bytes: std::mem::take(&mut filling.bytes), home: Some(self.home.clone()) }
        };
        let Err(mut lost) = self.queue.hand_over(batch) else { return 0 };
        if lost.home.is_some() {
            lost.bytes.clear();
            filling.bytes = lost.bytes;
        }
        lost.lines
    }

    /// Resolves when the first line since the last flush was written.
    pub(crate) async fn pending(&self) {
        self.pending.notified().await;
    }
}

/// An access log: the queue for the lines of all workers, and the thread that writes them. The thread ends, everything
/// written, when this and all of its recorders ([`Telemetry::logging_recorder`](super::Telemetry::logging_recorder)) are
/// gone.
#[derive(Debug)]
pub struct AccessLog {
    format: AccessLogFormat,
    queue: Queue,
    writer: JoinHandle<()>,
}

impl AccessLog {
    /// Starts the writer on `output`; `None` for [`AccessLogFormat::Off`].
    ///
    /// # Errors
    ///
    /// The system gives no more threads.
    pub fn start(format: AccessLogFormat, output: impl Write + Send + 'static) -> std::io::Result<Option<Self>> {
        if format == AccessLogFormat::Off {
            return Ok(None);
        }
        let (sender, batches) = sync_channel(QUEUE);
        let queue = Queue { batches: sender, held: Arc::default() };
        let held = Arc::clone(&queue.held);
        let writer = std::thread::Builder::new()
            .name("nantian-log".to_owned())
            .spawn(move || write_all(&batches, &held, output))?;
        Ok(Some(Self { format, queue, writer }))
    }

    /// A worker's end.
    pub(crate) fn buffer(&self) -> LogBuffer {
        let (home, spare) = sync_channel(SPARE);
        LogBuffer {
            format: self.format,
            queue: self.queue.clone(),
            filling: RefCell::default(),
            pending: Notify::new(),
            spare,
            home,
        }
    }

    /// Waits until everything is written. Call it when all workers have ended: it waits for their recorders to be dropped.
    pub fn finish(self) {
        drop(self.queue);
        // The writer does not panic; were it to, its lines are lost and the process still ends.
        let _ = self.writer.join();
    }
}

fn write_all(batches: &Receiver<Batch>, held: &SharedCount, mut output: impl Write) {
    while let Ok(mut batch) = batches.recv() {
        // An output that fails (a closed pipe) cannot be told about its own failure. Later lines are tried again: a
        // disk may have space again.
        let _ = output.write_all(&batch.bytes).and_then(|()| output.flush());
        held.sub(batch.held());
        // One that grew is freed, and so is one whose worker has enough or has ended.
        if let Some(home) = batch.home.filter(|_| batch.bytes.capacity() <= BUFFER_BYTES) {
            batch.bytes.clear();
            let _ = home.try_send(batch.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
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

    /// An output that takes everything, and says so.
    struct Told(Sender<()>);

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(()).expect("the test listens");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn record() -> RequestRecord<'static> {
        let client = "127.0.0.1:1".parse().expect("an address");
        RequestRecord::new(SystemTime::UNIX_EPOCH, client, Version::HTTP_11, &Method::GET)
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
        let record = record();
        buffer.write(&record, Fragments::default());
        assert_eq!(buffer.flush(), 0);
        was_asked.recv().expect("the writer has the first batch");
        for _ in 0..QUEUE {
            buffer.write(&record, Fragments::default());
            assert_eq!(buffer.flush(), 0);
        }
        buffer.write(&record, Fragments::default());
        buffer.write(&record, Fragments::default());
        assert_eq!(buffer.flush(), 2, "the queue is full");
        open_gate.send(()).expect("the writer waits");
        drop(buffer);
        log.finish();
        assert_eq!(lines.iter().count(), QUEUE + 1);
    }

    #[test]
    fn what_waits_for_an_output_that_is_stuck_holds_four_mebibytes_at_most() {
        let (asked, was_asked) = channel();
        let (open_gate, open) = channel();
        let (written, lines) = channel();
        let log = AccessLog::start(AccessLogFormat::Json, Gate { asked, open, written, is_open: false })
            .expect("a thread")
            .expect("a log");
        let buffer = log.buffer();
        let path = "/x".repeat(250);
        let mut record = record();
        record.path = &path;
        buffer.write(&record, Fragments::default());
        buffer.flush();
        was_asked.recv().expect("the writer has the first batch");
        let mut dropped: u64 = (0..10_000).map(|_| buffer.write(&record, Fragments::default())).sum();
        let held = log.queue.held.get();
        assert!(
            dropped > 1_000 && held <= QUEUE_BYTES && held > QUEUE_BYTES / 10 * 9,
            "{dropped} dropped, {held} held"
        );
        dropped += buffer.flush();
        open_gate.send(()).expect("the writer waits");
        drop(buffer);
        log.finish();
        let written: Vec<u8> = lines.iter().flatten().collect();
        assert_eq!(u64::try_from(memchr::memchr_iter(b'\n', &written).count()), Ok(10_001 - dropped));
    }

    #[test]
    fn a_buffer_that_was_written_is_filled_again() {
        let (written, lines) = channel();
        let log = AccessLog::start(AccessLogFormat::Json, Told(written)).expect("a thread").expect("a log");
        let buffer = log.buffer();
        let record = record();
        let mut places = BTreeSet::new();
        for _ in 0..20 {
            while buffer.filling.borrow().bytes.len() <= BUFFER_BYTES / 4 {
                buffer.write(&record, Fragments::default());
            }
            places.insert(buffer.filling.borrow().bytes.as_ptr().addr());
            assert_eq!(buffer.flush(), 0);
            lines.recv().expect("the writer writes");
        }
        assert!(places.len() <= 1 + SPARE, "{} buffers", places.len());
    }
}
