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
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowfence_capture::{Gathering, Limits, Recorder};
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
    /// Of each reader its interface, and its number among the readers of that.
    readers: Vec<(usize, usize)>,
    /// What was handed over.
    gathering: Gathering,
    /// What could not be opened, or broke off, one sentence each.
    problems: Vec<String>,
}

impl Live {
    /// Opens the interfaces, gives up the rights that this took unless told otherwise, and begins to
    /// read. One that cannot be opened does not keep the others from it.
    pub fn open(
        names: &BTreeSet<&str>,
        args: &LiveArgs,
        plan: &Plan,
        limits: &Limits,
    ) -> Result<Self, Failure> {
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
            readers: Vec::new(),
            gathering: Gathering::default(),
            problems,
        };
        live.start(opened, !args.no_sandbox, limits)?;
        Ok(live)
    }

    fn start(&mut self, opened: Vec<Opened>, is_confined: bool, limits: &Limits) -> Result<(), Failure> {
        let (sender, words) = sync_channel(WORDS);
        self.words = words;
        let readers: usize = opened.iter().map(|(_, captures)| captures.len()).sum();
        // Together they keep what one may.
        let limits = Limits { max_flows: (limits.max_flows / readers.max(1)).max(1), ..limits.clone() };
        for (interface, captures) in opened {
            let watched = Watched::new(interface, captures.len());
            for (number, capture) in captures.into_iter().enumerate() {
                let mut recorder = Recorder::new(limits.clone());
                let reader = Reader {
                    number: self.readers.len(),
                    capture,
                    input: recorder.begin_input(&watched.name()),
                    recorder,
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
                self.readers.push((self.interfaces.len(), number));
                self.threads.push(spawn("reader", run)?);
            }
            self.interfaces.push(watched);
        }
        Ok(())
    }

    /// Takes what another recorder saw, of files beside the interfaces.
    pub fn absorb(&mut self, recorder: &mut Recorder) {
        self.gathering.absorb(self.readers.len(), recorder.drain());
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
            Word::Seen { reader, block, kernel } => {
                self.gathering.absorb(reader, block);
                if let Some((watched, number)) = self.interface_of(reader) {
                    watched.count(number, kernel);
                }
            }
            Word::Trouble { reader, said } => {
                let after = self.began.elapsed();
                let told = self.interface_of(reader).and_then(|(watched, _)| watched.trouble(&said, after));
                self.problems.extend(told);
            }
        }
    }

    fn interface_of(&mut self, reader: usize) -> Option<(&mut Watched, usize)> {
        let (interface, number) = *self.readers.get(reader)?;
        Some((self.interfaces.get_mut(interface)?, number))
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
                view.say("every workload that can be seen here is ready");
                self.stop.ask();
            }
            view.glance(glance);
        }
        if looker.is_due() && self.gathering.flows() <= MAX_FLOWS {
            looker.look(self.gathering.recording(), self.counts().loss);
        }
    }

    fn counts(&self) -> Counts {
        let lost: u64 =
            self.interfaces.iter().map(|w| w.dropped_by_kernel() + w.dropped_by_interface()).sum();
        let by_interface: u64 = self.interfaces.iter().map(Watched::dropped_by_interface).sum();
        let arrived: u64 = self.interfaces.iter().map(Watched::arrived).sum();
        let all = arrived + by_interface;
        Counts {
            packets: self.gathering.packets(),
            flows: self.gathering.flows(),
            evicted: self.gathering.evicted(),
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
        let mut recording = self.gathering.recording();
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

/// The only place that spawns threads for live sources.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(work)?)
}
