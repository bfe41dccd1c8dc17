//! Packets from interfaces, while they pass.
//!
//! ```text
//! live:IFACE ─▶ open (ring, filter, fanout) ─▶ sandbox ─▶ reader threads ─▶ words (bounded) ─▶ main thread
//!                                                            ▲                                    │
//!                                            stop: time, signal, enough seen ◀────────────────────┘
//! ```
//!
//! The main thread and the readers share nothing that is touched per packet. ARCHITECTURE.md,
//! "Concurrency", says who spawns what and which channel is bounded by what.

mod fanout;
mod interface;
mod open;
mod reader;
mod stop;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowfence_capture::Recorder;

use crate::cli::LiveArgs;
use crate::exit::Failure;
use interface::Interface;
use open::{Refused, Setting};
use reader::{Kernel, Reader, Word};
use stop::Stop;

/// How a source of this kind begins.
pub const SCHEME: &str = "live:";
/// Words of readers that wait at most.
const WORDS: usize = 64;
/// So often the main thread looks whether to end.
const TICK: Duration = Duration::from_millis(50);

/// Interfaces that are being read.
#[derive(Debug)]
pub struct Live {
    interfaces: Vec<Watched>,
    readers: Vec<JoinHandle<()>>,
    /// Of each reader, its interface.
    of: Vec<usize>,
    words: Receiver<Word>,
    stop: Arc<Stop>,
    end: Option<Instant>,
    recorder: Arc<Mutex<Recorder>>,
    /// Sources that could not be opened, and what befell the others, one sentence each.
    pub problems: Vec<String>,
}

#[derive(Debug)]
struct Watched {
    interface: Interface,
    /// What it had dropped before.
    dropped_before: u64,
    kernel: Vec<Kernel>,
    gone: Arc<AtomicBool>,
    has_trouble: bool,
}

impl Live {
    /// Opens the interfaces and begins to read them. One that cannot be opened does not keep the
    /// others from it.
    pub fn open(names: &[String], args: &LiveArgs, recorder: Recorder) -> Result<Self, Failure> {
        open::demand_right()?;
        let setting = Setting::new(args);
        if let Some(warning) = setting.warning() {
            say!("flowfence: {warning}");
        }
        let mut recorder = recorder;
        let mut problems = Vec::new();
        let mut opened = Vec::new();
        for name in names {
            match open::open(name, &setting) {
                Ok(one) => opened.push(one),
                Err(Refused::One(problem)) => problems.push(problem),
                Err(Refused::All(failure)) => return Err(failure),
            }
        }
        if opened.is_empty() {
            return Err(Failure::unreadable(problems.join("\n")));
        }
        let stop = Arc::new(Stop::default());
        let signals = stop::hold_signals().map_err(std::io::Error::from)?;
        let for_signals = Arc::clone(&stop);
        spawn("signals", move || stop::watch(&signals, &for_signals))?;

        let (sender, words) = sync_channel(WORDS);
        let mut live = Live {
            interfaces: Vec::new(),
            readers: Vec::new(),
            of: Vec::new(),
            words,
            end: args.duration.map(|duration| Instant::now() + duration),
            stop,
            recorder: Arc::new(Mutex::new(Recorder::new(flowfence_capture::Limits::default()))),
            problems,
        };
        let inputs: Vec<u32> =
            opened.iter().map(|(one, _)| recorder.begin_input(&format!("{SCHEME}{}", one.name))).collect();
        live.recorder = Arc::new(Mutex::new(recorder));
        for ((interface, captures), input) in opened.into_iter().zip(inputs) {
            let watched = Watched {
                dropped_before: interface.dropped(),
                interface,
                kernel: Vec::new(),
                gone: Arc::default(),
                has_trouble: false,
            };
            for capture in captures {
                let reader = Reader {
                    number: live.of.len(),
                    capture,
                    recorder: Arc::clone(&live.recorder),
                    input,
                    stop: Arc::clone(&live.stop),
                    gone: Arc::clone(&watched.gone),
                    words: sender.clone(),
                };
                live.of.push(live.interfaces.len());
                live.readers.push(spawn("reader", move || reader.run())?);
            }
            live.interfaces.push(watched);
        }
        Ok(live)
    }

    /// Takes what the readers see until it is time to end.
    pub fn watch(mut self) -> Result<(Recorder, Vec<String>), Failure> {
        let mut kernels = vec![Kernel::default(); self.of.len()];
        loop {
            match self.words.recv_timeout(TICK) {
                Ok(Word::Seen { reader, kernel }) => kernels[reader] = kernel,
                Ok(Word::Trouble { reader, said }) => self.trouble(reader, &said),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.end.is_some_and(|end| Instant::now() >= end) {
                self.stop.ask();
            }
        }
        self.stop.ask();
        for reader in self.readers {
            reader.join().map_err(|_| Failure::unreadable("a reader of an interface broke down"))?;
        }
        let recorder = Arc::into_inner(self.recorder).expect("the readers have ended");
        say!("{kernels:?}");
        Ok((recorder.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner), self.problems))
    }

    fn trouble(&mut self, reader: usize, said: &str) {
        let Some(watched) = self.of.get(reader).and_then(|i| self.interfaces.get_mut(*i)) else { return };
        let is_gone = !watched.interface.exists();
        watched.gone.store(is_gone, Ordering::Relaxed);
        if is_gone || !watched.has_trouble {
            watched.has_trouble = true;
            self.problems.push(format!("{SCHEME}{}: {said}", watched.interface.name));
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(work)?)
}
