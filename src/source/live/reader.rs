//! One thread a ring: packets into a recorder of its own, handed over now and then.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

use flowfence_capture::{Block, Interface, LinkType, RawPacket, Recorder};
use flowfence_model::Timestamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture};

use super::open::{BLOCK_MILLIS, sentence};
use super::stop::Stop;

/// Packets that are taken before anything else is looked after: a millisecond at most.
const BATCH: usize = 4096;
/// A silent interface is asked again after this time whether to stop.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long after the end the last block of the ring may come: it is handed over by the kernel
/// [`BLOCK_MILLIS`] after its first packet.
const LAST_BLOCK: Duration = Duration::from_millis(2 * BLOCK_MILLIS as u64);

/// What a reader says.
#[derive(Debug)]
pub enum Word {
    /// What it has seen since its last word.
    Seen {
        /// Its number among all readers.
        reader: usize,
        /// What changed in its recorder.
        block: Block,
        /// What the kernel counted for it so far.
        kernel: Kernel,
    },
    /// Its interface gives nothing at the moment; it tries again.
    Trouble {
        /// Its number among all readers.
        reader: usize,
        /// What the system said.
        said: String,
    },
}

/// What the kernel counted at one ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Packets that the filter admitted, those that were dropped included.
    pub arrived: u64,
    /// Packets for which the ring had no room.
    pub dropped: u64,
    /// The counters of libpcap as they were last seen: 32 bits that wrap around.
    last: (u32, u32),
}

impl Kernel {
    fn count(&mut self, arrived: u32, dropped: u32) {
        self.arrived += u64::from(arrived.wrapping_sub(self.last.0));
        self.dropped += u64::from(dropped.wrapping_sub(self.last.1));
        self.last = (arrived, dropped);
    }
}

/// A reader before it runs.
pub struct Reader {
    /// Its number among all readers.
    pub number: usize,
    /// Its ring.
    pub capture: Capture<Active>,
    /// Where it counts; nobody else touches it.
    pub recorder: Recorder,
    /// The interface among the recorder's inputs.
    pub input: u32,
    /// Whether to end.
    pub stop: Arc<Stop>,
    /// Whether its interface is gone for good.
    pub is_gone: Arc<AtomicBool>,
    /// Bounded. When it is full, what was seen stays in the recorder, and a later word says it.
    pub words: SyncSender<Word>,
    /// So often what was seen is handed over.
    pub every: Duration,
}

impl Reader {
    /// Reads until it is asked to stop, then what had arrived by then, and says its last word.
    pub fn run(mut self) {
        let mut kernel = Kernel::default();
        let mut waiting: Option<Word> = None;
        let mut handed = Instant::now();
        let mut stopped: Option<Instant> = None;
        let link = LinkType(u16::try_from(self.capture.get_datalink().0).unwrap_or(u16::MAX));
        let interface = Interface { number: 0, link_type: link, name: None };
        let mut latest = Timestamp::MIN;
        loop {
            let outcome = self.batch(&interface, &mut latest);
            let is_idle = matches!(outcome, Ok(0));
            if let Err(error) = &outcome {
                self.complain(error);
            }
            if let Some(at) = self.stop.at() {
                let since = *stopped.get_or_insert_with(Instant::now);
                if latest > at || since.elapsed() >= LAST_BLOCK {
                    break;
                }
            }
            if self.is_gone.load(Ordering::Relaxed) {
                break;
            }
            if handed.elapsed() >= self.every {
                handed = Instant::now();
                waiting = self.hand_over(waiting, &mut kernel);
            }
            if is_idle {
                self.wait(stopped.is_some());
            }
        }
        // Now somebody listens to nothing else.
        for word in waiting.into_iter().chain([self.word(&mut kernel)]) {
            let _ = self.words.send(word);
        }
    }

    fn batch(&mut self, interface: &Interface, latest: &mut Timestamp) -> Result<usize, pcap::Error> {
        let (input, recorder) = (self.input, &mut self.recorder);
        self.capture.dispatch(Some(BATCH), |packet| {
            let header = packet.header;
            // Nanoseconds: that is the precision that was asked for.
            let nanos = u32::try_from(header.ts.tv_usec).unwrap_or(0);
            *latest = Timestamp::from_secs(header.ts.tv_sec, nanos);
            let packet = RawPacket { time: *latest, original_len: header.len, data: packet.data };
            recorder.packet(input, interface, &packet);
        })
    }

    fn complain(&self, error: &pcap::Error) {
        let _ = self.words.try_send(Word::Trouble { reader: self.number, said: sentence(error) });
        std::thread::sleep(PATIENCE);
    }

    fn wait(&self, is_ending: bool) {
        let mut ring = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        let patience = if is_ending { PATIENCE / 5 } else { PATIENCE };
        // Whatever it says, the next look at the ring tells.
        let _ = poll(&mut ring, PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO));
    }

    /// Hands over what changed, unless a word still waits for room; what waits from now on.
    fn hand_over(&mut self, waiting: Option<Word>, kernel: &mut Kernel) -> Option<Word> {
        let word = waiting.unwrap_or_else(|| self.word(kernel));
        match self.words.try_send(word) {
            Err(TrySendError::Full(word)) => Some(word),
            Ok(()) | Err(TrySendError::Disconnected(_)) => None,
        }
    }

    fn word(&mut self, kernel: &mut Kernel) -> Word {
        if let Ok(stat) = self.capture.stats() {
            kernel.count(stat.received, stat.dropped);
        }
        Word::Seen { reader: self.number, block: self.recorder.drain(), kernel: *kernel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_wrap_around_count_on() {
        let mut kernel = Kernel::default();
        kernel.count(u32::MAX - 1, 7);
        kernel.count(3, 9);
        assert_eq!((kernel.arrived, kernel.dropped), (u64::from(u32::MAX - 1) + 5, 9));
    }
}
