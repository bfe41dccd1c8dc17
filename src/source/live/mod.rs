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

mod conntrack;
mod fanout;
pub(super) mod glance;
mod handing;
mod interface;
mod open;
mod reader;
mod start;
pub(super) mod stop;
pub(super) mod view;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowfence_capture::{Gathering, Limits};
use flowfence_model::Recording;

use crate::cli::LiveArgs;
use crate::cluster::Objects;
use crate::exit::Failure;
use crate::sandbox::Plan;
use crate::source::begin::begin;
use conntrack::{Heard, Listener};
use glance::{Looker, MAX_FLOWS};
pub use handing::{Handing, Taker};
use open::{Setting, listed, open_all};
use reader::Word;
use stop::Stop;
use view::{Counts, View};
use watched::Watched;

/// How a source of this kind begins.
pub const SCHEME: &str = "live:";
/// So often the main thread looks whether to end.
const TICK: Duration = Duration::from_millis(50);
/// So often it looks whether the interfaces are up.
const CHECK: Duration = Duration::from_millis(500);

/// What servers of flows told, and what went wrong with them.
pub type Following = Result<(Recording, Vec<String>), Failure>;

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
    /// What files told.
    beside: Recording,
    /// What servers of flows tell meanwhile, and those that failed; files are in it too.
    following: Option<JoinHandle<Following>>,
    /// Packets and evicted flows of what was given away, by reader.
    given: BTreeMap<usize, (u64, u64)>,
    /// What connection tracking told.
    heard: Heard,
    /// What could not be opened, or broke off, one sentence each.
    pub problems: Vec<String>,
}

impl Live {
    /// Opens the interfaces, gives up the rights that this took unless told otherwise, and begins to
    /// read. One that cannot be opened does not keep the others from it.
    pub fn open(
        names: &BTreeSet<&str>,
        args: &LiveArgs,
        plan: &Plan,
        limits: &Limits,
        handing: Handing,
    ) -> Result<Self, Failure> {
        open::demand_right()?;
        let setting = Setting::new(args);
        if let Some(warning) = setting.warning() {
            say!("flowfence: {warning}");
        }
        let (opened, problems) = open_all(names, &setting)?;
        let listener = Listener::open();
        let services = match &listener {
            Ok(_) => "told by conntrack".to_owned(),
            Err(error) => format!("concluded, conntrack tells nothing ({error})"),
        };
        let (stop, sandbox) = begin(plan, args.no_sandbox)?;
        say!("flowfence: capturing from {}; services: {services}; sandbox: {sandbox}", listed(&opened));
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
            beside: Recording::default(),
            following: None,
            given: BTreeMap::new(),
            heard: Heard::default(),
            problems,
        };
        if let Ok(listener) = listener {
            live.heard = listener.heard();
            let stop = Arc::clone(&live.stop);
            live.threads.push(spawn("conntrack", move || listener.run(&stop))?);
        }
        live.start(opened, !args.no_sandbox, limits, handing)?;
        Ok(live)
    }

    /// Takes what files beside the interfaces told.
    pub fn beside(&mut self, files: Recording) {
        self.beside = files;
    }

    /// Takes a thread that follows servers of flows until the same moment.
    pub fn following(&mut self, thread: JoinHandle<Following>) {
        self.following = Some(thread);
    }

    /// What ends the capture, and others with it.
    pub fn stop(&self) -> Arc<Stop> {
        Arc::clone(&self.stop)
    }

    /// Everything so far.
    fn recording(&self) -> Recording {
        let mut recording = Recording { translations: self.heard.translations(), ..self.beside.clone() };
        self.gathering.add_to(&mut recording);
        recording
    }

    /// Takes what the readers see until it is time to end; the recorder, and what went wrong.
    pub fn watch(self, objects: Option<Objects>) -> Result<(Recording, Vec<String>), Failure> {
        self.go_on(objects, None)
    }

    /// Gives what the readers see to somebody until it is time to end; counts, and what went wrong.
    pub fn give(self, taker: Taker<'_>) -> Result<(Recording, Vec<String>), Failure> {
        self.go_on(None, Some(taker))
    }

    fn go_on(
        mut self,
        objects: Option<Objects>,
        mut taker: Option<Taker<'_>>,
    ) -> Result<(Recording, Vec<String>), Failure> {
        let mut view = View::new();
        let wanted = view.shows_edges() || self.until_ready.is_some();
        let mut looker = objects.filter(|_| wanted).map(Looker::start).transpose()?;
        let mut checked = self.began;
        loop {
            match self.words.recv_timeout(TICK) {
                Ok(word) => self.hear(word, &mut taker)?,
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

    fn hear(&mut self, word: Word, taker: &mut Option<Taker<'_>>) -> Result<(), Failure> {
        match word {
            Word::Seen { reader, mut block, kernel } => {
                if let Some((watched, number)) = self.interface_of(reader) {
                    watched.count(number, kernel);
                    // What the interface dropped is told once, with its first reader.
                    let by_interface = if number == 0 { watched.dropped_by_interface() } else { 0 };
                    block.set_lost(kernel.dropped, by_interface);
                }
                match taker {
                    Some(take) => {
                        self.given.insert(reader, (block.packets, block.counts.get("flows-evicted")));
                        take(block)?;
                    }
                    None => self.gathering.absorb(block),
                }
            }
            Word::Trouble { reader, said } => {
                let after = self.began.elapsed();
                let told = self.interface_of(reader).and_then(|(watched, _)| watched.trouble(&said, after));
                self.problems.extend(told);
            }
        }
        Ok(())
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
            let began = Instant::now();
            let recording = self.recording();
            looker.look(recording, self.counts().loss, began.elapsed());
        }
    }

    fn counts(&self) -> Counts {
        let lost: u64 =
            self.interfaces.iter().map(|w| w.dropped_by_kernel() + w.dropped_by_interface()).sum();
        let by_interface: u64 = self.interfaces.iter().map(Watched::dropped_by_interface).sum();
        let arrived: u64 = self.interfaces.iter().map(Watched::arrived).sum();
        let all = arrived + by_interface;
        Counts {
            packets: self.gathering.packets() + self.given.values().map(|(packets, _)| packets).sum::<u64>(),
            flows: self.gathering.flows(),
            evicted: self.gathering.evicted(),
            dropped: lost,
            loss: if all == 0 { 0.0 } else { lost as f64 / all as f64 },
            heard: None,
        }
    }

    fn end(mut self) -> Result<(Recording, Vec<String>), Failure> {
        let by_kernel = self.interfaces.iter().map(Watched::dropped_by_kernel).sum();
        let by_interface = self.interfaces.iter().map(Watched::dropped_by_interface).sum();
        for thread in std::mem::take(&mut self.threads) {
            thread.join().map_err(|_| Failure::unreadable("a reader of an interface broke down"))?;
        }
        if let Some(thread) = self.following.take() {
            let broken = |_| Failure::unreadable("the following of a server of flows broke down");
            let (beside, problems) = thread.join().map_err(broken)??;
            self.beside = beside;
            self.problems.extend(problems);
        }
        let mut recording = self.recording();
        recording.counts.add("conntrack-missed", self.heard.missed());
        if !self.given.is_empty() {
            recording.packets = self.given.values().map(|(packets, _)| packets).sum();
            recording.counts.add("flows-evicted", self.given.values().map(|(_, evicted)| evicted).sum());
            recording.counts.add("kernel-drops", by_kernel);
            recording.counts.add("interface-drops", by_interface);
        }
        Ok((recording, self.problems))
    }
}

/// The only place that spawns threads for live sources.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Failure> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(work)?)
}
