//! Packets from interfaces, while they pass.
//!
//! ```text
//! live:IFACE ─▶ open (ring, filter, fanout) ─▶ sandbox ─▶ reader threads ─▶ words (bounded) ─▶ main thread ─▶ view
//!                                                            ▲                                    │ ▲
//!                                            stop: time, signal, enough seen ◀────────────────────┤ │
//!                                                                                  glance thread ◀┴─┘
//! ```
//!
//! The main thread and the readers share nothing that is touched per packet. ARCHITECTURE.md,
//! "Concurrency", says who spawns what and which channel is bounded by what.

mod fanout;
mod glance;
mod interface;
mod open;
mod reader;
mod stop;
mod view;
mod watched;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowfence_capture::Recorder;
use flowfence_model::Recording;

use crate::cli::LiveArgs;
use crate::cluster::Objects;
use crate::exit::Failure;
use crate::sandbox::{self, Plan};
use glance::{Looker, MAX_FLOWS};
use open::{Opened, Refused, Setting};
use reader::{Reader, Word};
use stop::Stop;
use view::{Counts, View};
use watched::Watched;

/// How a source of this kind begins.
pub const SCHEME: &str = "live:";
/// Words of readers that wait at most; one takes a second to come.
const WORDS: usize = 64;
/// So often the main thread looks whether to end.
const TICK: Duration = Duration::from_millis(50);
/// So often it looks whether the interfaces are up.
const CHECK: Duration = Duration::from_millis(500);

/// Interfaces that are being read.
#[derive(Debug)]
pub struct Live {
    interfaces: Vec<Watched>,
    threads: Vec<JoinHandle<()>>,
    words: Receiver<Word>,
    stop: Arc<Stop>,
    began: Instant,
    duration: Option<Duration>,
    until_ready: Option<Duration>,
    recorder: Arc<Mutex<Recorder>>,
    /// What could not be opened, or broke off, one sentence each.
    problems: Vec<String>,
}

impl Live {
    /// Opens the interfaces, gives up the rights that this took unless told otherwise, and begins to
    /// read. One that cannot be opened does not keep the others from it.
    pub fn open(names: &BTreeSet<&str>, args: &LiveArgs, plan: &Plan, recorder: Recorder) -> Result<Self, Failure> {
        open::demand_right()?;
        let setting = Setting::new(args);
        if let Some(warning) = setting.warning() {
            say!("flowfence: {warning}");
        }
        let (opened, problems) = open_all(names, &setting)?;
        let signals = stop::hold_signals().map_err(std::io::Error::from)?;
        let sandbox = if args.no_sandbox { "off".to_owned() } else { sandbox::enter(plan)? };
        say!("flowfence: capturing from {}; sandbox: {sandbox}", listed(&opened));
        let stop = Arc::new(Stop::default());
        let for_signals = Arc::clone(&stop);
        spawn("signals", move || stop::watch(&signals, &for_signals))?;
        let mut live = Live {
            interfaces: Vec::new(),
            threads: Vec::new(),
            words: sync_channel(0).1,
            stop,
            began: Instant::now(),
            duration: args.duration,
            until_ready: args.until_ready,
            recorder: Arc::new(Mutex::new(recorder)),
            problems,
        };
        live.start(opened, !args.no_sandbox)?;
        Ok(live)
    }

    fn start(&mut self, opened: Vec<Opened>, is_confined: bool) -> Result<(), Failure> {
        let (sender, words) = sync_channel(WORDS);
        self.words = words;
        for (interface, captures) in opened {
            let watched = Watched::new(interface, captures.len());
            let input = lock(&self.recorder).begin_input(&watched.name());
            for (number, capture) in captures.into_iter().enumerate() {
                let reader = Reader {
                    interface: self.interfaces.len(),
                    number,
                    capture,
                    recorder: Arc::clone(&self.recorder),
                    input,
                    stop: Arc::clone(&self.stop),
                    is_gone: Arc::clone(&watched.is_gone),
                    words: sender.clone(),
                };
                let run = move || {
                    if is_confined {
                        sandbox::confine_reader();
                    }
                    reader.run();
                };
                self.threads.push(spawn("reader", run)?);
            }
            self.interfaces.push(watched);
        }
        Ok(())
    }

    /// Takes what the readers see until it is time to end; the recorder, and what went wrong.
    pub fn watch(mut self, objects: Option<Objects>) -> Result<(Recording, Vec<String>), Failure> {
        let mut view = View::new();
        let wanted = view.shows_edges() || self.until_ready.is_some();
        let mut looker = objects.filter(|_| wanted).map(Looker::start).transpose()?;
        let mut checked = self.began;
        loop {
            match self.words.recv_timeout(TICK) {
                Ok(word) => self.hear(word),
                Err(RecvTimeoutError::Timeout) => {}
                // Every reader has said its last word.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.duration.is_some_and(|duration| self.began.elapsed() >= duration) {
                self.stop.ask();
            }
            if checked.elapsed() >= CHECK {
                checked = Instant::now();
                self.check();
            }
            if !self.stop.is_asked() {
                if let Some(looker) = &mut looker {
                    self.look(looker, &mut view);
                }
                view.show(|| self.counts());
            }
        }
        // From here on a signal ends the program.
        self.stop.ask();
        view.close();
        self.end()
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Seen { interface, reader, kernel } => {
                if let Some(watched) = self.interfaces.get_mut(interface) {
                    watched.count(reader, kernel);
                }
            }
            Word::Trouble { interface, said } => {
                let after = self.began.elapsed();
                let told = self.interfaces.get_mut(interface).and_then(|watched| watched.trouble(&said, after));
                self.problems.extend(told);
            }
        }
    }

    fn check(&mut self) {
        let after = self.began.elapsed();
        self.problems.extend(self.interfaces.iter_mut().filter_map(|watched| watched.check(after)));
    }

    fn look(&self, looker: &mut Looker, view: &mut View) {
        if let Some(glance) = looker.answer() {
            // What is used once in this time was seen with a probability of 95 % after thrice the time.
            let is_long = self.until_ready.is_some_and(|rare| self.began.elapsed() >= rare * 3);
            if is_long && glance.is_ready() {
                say!("flowfence: every workload that can be seen here is ready");
                self.stop.ask();
            }
            view.glance(glance);
        }
        if looker.is_due() {
            let recorder = lock(&self.recorder);
            if recorder.flows() <= MAX_FLOWS {
                let recording = recorder.snapshot();
                drop(recorder);
                looker.look(recording, self.counts().loss);
            }
        }
    }

    fn counts(&self) -> Counts {
        let recorder = lock(&self.recorder);
        let lost: u64 = self.interfaces.iter().map(|w| w.dropped_by_kernel() + w.dropped_by_interface()).sum();
        let by_interface: u64 = self.interfaces.iter().map(Watched::dropped_by_interface).sum();
        let arrived: u64 = self.interfaces.iter().map(Watched::arrived).sum();
        let all = arrived + by_interface;
        Counts {
            packets: recorder.packets(),
            flows: recorder.flows(),
            evicted: recorder.evicted(),
            dropped: lost,
            loss: if all == 0 { 0.0 } else { lost as f64 / all as f64 },
        }
    }

    fn end(self) -> Result<(Recording, Vec<String>), Failure> {
        let by_kernel = self.interfaces.iter().map(Watched::dropped_by_kernel).sum();
        let by_interface = self.interfaces.iter().map(Watched::dropped_by_interface).sum();
        for thread in self.threads {
            thread.join().map_err(|_| Failure::unreadable("a reader of an interface broke down"))?;
        }
        let recorder = Arc::into_inner(self.recorder).expect("the readers have ended, and nobody else has it");
        let mut recording = recorder.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        recording.counts.add("kernel-drops", by_kernel);
        recording.counts.add("interface-drops", by_interface);
        Ok((recording, self.problems))
    }
}

/// Opens what can be opened, and says what cannot; an error when nothing can.
fn open_all(names: &BTreeSet<&str>, setting: &Setting) -> Result<(Vec<Opened>, Vec<String>), Failure> {
    let (mut opened, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        match open::open(name, setting) {
            Ok(one) => opened.push(one),
            Err(Refused::One(problem)) => problems.push(problem),
            Err(Refused::All(failure)) => return Err(failure),
        }
    }
    if opened.is_empty() {
        return Err(Failure::unreadable(problems.join("\n")));
    }
    Ok((opened, problems))
}

fn listed(opened: &[Opened]) -> String {
    let names: Vec<&str> = opened.iter().map(|(interface, _)| interface.name.as_str()).collect();
    crate::output::safe::line(&names.join(", "))
}

fn lock(recorder: &Mutex<Recorder>) -> std::sync::MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only place that spawns threads for live sources.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(work)?)
}
