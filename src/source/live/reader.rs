//! One thread a ring: packets into a recorder of its own, handed over now and then.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flowfence_capture::{Interface, LinkType, RawPacket, Recorder};
use flowfence_model::Timestamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture};

use super::open::{BLOCK_MILLIS, sentence};
use super::stop::Stop;

/// Packets that are taken before anything else is looked after: a millisecond at most.
const BATCH: usize = 4096;
/// A silent interface is asked again after this time whether to stop.
const PATIENCE: u16 = 50;
/// So often what was seen is handed over.
const HANDOVER: Duration = Duration::from_secs(1);
/// How long after the end the last block of the ring may come: it is handed over by the kernel
/// [`BLOCK_MILLIS`] after its first packet.
const LAST_BLOCK: Duration = Duration::from_millis(2 * BLOCK_MILLIS as u64);

/// What a reader says.
#[derive(Debug)]
pub enum Word {
    /// What it has seen since its last word.
    Seen {
        /// Its interface.
        interface: usize,
        /// Its number among the readers of that.
        reader: usize,
        /// What the kernel counted for it so far.
        kernel: Kernel,
    },
    /// Its interface gives nothing at the moment; it tries again.
    Trouble {
        /// The interface.
        interface: usize,
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
    /// Its interface, by number.
    pub interface: usize,
    /// Its number among the readers of that.
    pub number: usize,
    /// Its ring.
    pub capture: Capture<Active>,
    /// Where it counts.
    pub recorder: Arc<Mutex<Recorder>>,
    /// The number of its interface among the recorder's inputs.
    pub input: u32,
    /// Whether to end.
    pub stop: Arc<Stop>,
    /// Whether its interface is gone for good.
    pub is_gone: Arc<AtomicBool>,
    /// Bounded: when it is full, what was seen waits here and grows, and nothing is lost.
    pub words: SyncSender<Word>,
}

impl Reader {
    /// Reads until it is asked to stop, then what had arrived by then.
    pub fn run(mut self) {
        let link = u16::try_from(self.capture.get_datalink().0).unwrap_or(u16::MAX);
        let interface = Interface { number: 0, link_type: LinkType(link), name: None };
        let mut kernel = Kernel::default();
        let mut handed = Instant::now();
        let mut stopped: Option<Instant> = None;
        let mut latest = Timestamp::MIN;
        loop {
            let (input, recorder) = (self.input, &self.recorder);
            let mut held = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = self.capture.dispatch(Some(BATCH), |packet| {
                let header = packet.header;
                // Nanoseconds: that is the precision that was asked for.
                let nanos = u32::try_from(header.ts.tv_usec).unwrap_or(0);
                latest = Timestamp::from_secs(header.ts.tv_sec, nanos);
                let packet = RawPacket { time: latest, original_len: header.len, data: packet.data };
                held.packet(input, &interface, &packet);
            });
            drop(held);
            let is_idle = matches!(outcome, Ok(0));
            if let Err(error) = &outcome {
                let said = sentence(error);
                let _ = self.words.try_send(Word::Trouble { interface: self.interface, said });
                std::thread::sleep(Duration::from_millis(u64::from(PATIENCE)));
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
            if handed.elapsed() >= HANDOVER {
                handed = Instant::now();
                self.hand_over(&mut kernel);
            }
            if is_idle {
                self.wait(stopped.is_some());
            }
        }
        self.count(&mut kernel);
        let _ = self.words.send(Word::Seen { interface: self.interface, reader: self.number, kernel });
    }

    fn wait(&self, is_ending: bool) {
        let mut ring = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        let patience = if is_ending { 10 } else { PATIENCE };
        // Whatever it says, the next look at the ring tells.
        let _ = poll(&mut ring, PollTimeout::from(patience));
    }

    fn count(&mut self, kernel: &mut Kernel) {
        if let Ok(stat) = self.capture.stats() {
            kernel.count(stat.received, stat.dropped);
        }
    }

    fn hand_over(&mut self, kernel: &mut Kernel) {
        self.count(kernel);
        match self.words.try_send(Word::Seen { interface: self.interface, reader: self.number, kernel: *kernel }) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
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
