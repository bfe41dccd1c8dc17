//! Traffic, from wherever it comes: files, or interfaces while it passes.
//!
//! ```text
//! SOURCE ─┬▶ file      files, directories, globs, stdin ─┐
//!         ├▶ exporter  netflow:, ipfix:, sflow://HOST:PORT ──┤
//!         └▶ live/     live:IFACE ───────────────────────┴▶ Recorder ─▶ Recording
//! ```

mod exporter;
mod file;
mod live;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use flowfence_capture::{Limits, Outlet, Recorder, Session};
use flowfence_model::Recording;

use crate::cli::{InputArgs, Paths};
use crate::cluster::Objects;
use crate::exit::Failure;
use crate::kube;
use crate::sandbox::{self, Plan};
use exporter::Listener;
use file::{Input, Outcome};
use live::Live;
use live::stop::{self, Stop};

pub use file::read_text;
pub use live::{Handing, Taker};

/// Blocks of files that wait to be written at most.
const WAITING: usize = 4;

/// What the sources gave.
#[derive(Debug)]
pub struct Traffic {
    /// Flow records and counts.
    pub recording: Recording,
    /// Inputs that could not be used, one sentence each.
    pub unusable: Vec<String>,
}

/// Sources that were found; interfaces among them are being read from now on.
#[derive(Debug)]
pub struct Sources {
    files: Vec<Input>,
    live: Option<Live>,
    exporters: Option<Exporters>,
    limits: Limits,
    handing: Handing,
}

/// Flow exporters that are heard.
#[derive(Debug)]
struct Exporters {
    listener: Listener,
    stop: Arc<Stop>,
    duration: Option<Duration>,
}

impl Sources {
    /// Finds the sources, and opens those that are interfaces. Then rights are given up, in this
    /// thread and all that it spawns later: open the sources before anything else is begun.
    pub fn open(args: &InputArgs) -> Result<Self, Failure> {
        Self::open_for(args, Handing::default())
    }

    /// Likewise, for who has the blocks handed over in another way.
    pub fn open_for(args: &InputArgs, handing: Handing) -> Result<Self, Failure> {
        let is_live = |source: &&String| source.starts_with(live::SCHEME);
        let (live, others): (Vec<&String>, Vec<&String>) = args.sources.iter().partition(is_live);
        let is_exporter = |source: &&String| exporter::is_listener(source);
        let (exporters, files): (Vec<&String>, Vec<&String>) = others.into_iter().partition(is_exporter);
        let files = file::expand(files)?;
        let limits = Limits { max_flows: args.bounds.max_flows as usize, ..Limits::default() };
        let names: BTreeSet<&str> =
            live.iter().filter_map(|source| source.strip_prefix(live::SCHEME)).collect();
        let exporters: BTreeSet<&String> = exporters.into_iter().collect();
        demand_use(args, names.is_empty(), exporters.is_empty())?;
        let plan = plan(args, &files);
        let listener = if exporters.is_empty() { None } else { Some(Listener::open(exporters)?) };
        let mut sources = Sources { files, live: None, exporters: None, limits, handing };
        if let Some(listener) = listener {
            // Rights are given up once, below where there are interfaces too.
            sources.exporters = Some(Exporters::new(listener, args, names.is_empty().then_some(&plan))?);
        }
        if !names.is_empty() {
            let live = Live::open(&names, &args.live, &plan, &sources.limits, handing)?;
            sources.live = Some(live);
        }
        Ok(sources)
    }

    /// Whether one of them is an interface.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Gives what every source tells to `taker`, block by block. What comes back has counts and no
    /// flows.
    pub fn give(self, taker: Taker<'_>) -> Result<Traffic, Failure> {
        let Sources { files, live, exporters, limits, handing } = self;
        if exporters.is_some() {
            return Err(Failure::usage(
                "flow files hold flows of packets, and what flow exporters tell is none: read them with a report",
            ));
        }
        let mut traffic = Traffic { recording: Recording::default(), unusable: Vec::new() };
        if !files.is_empty() {
            traffic = give_files(&files, limits, handing, taker)?;
        }
        if let Some(live) = live {
            let (recording, unusable) = live.give(taker)?;
            traffic.recording.packets += recording.packets;
            traffic.recording.counts.merge(&recording.counts);
            traffic.unusable.extend(unusable);
        }
        Ok(traffic)
    }

    /// Whether time passes while they are read: interfaces, and whatever comes through stdin.
    pub fn take_time(&self) -> bool {
        self.live.is_some()
            || self.exporters.is_some()
            || self.files.iter().any(|input| matches!(input, Input::Stdin))
    }

    /// Reads every source. An input that cannot be used does not stop the others; when none can be
    /// used, that is an error. `objects` tells what is known of the cluster while packets come.
    pub fn read(self, objects: Option<Objects>) -> Result<Traffic, Failure> {
        let mut recorder = Recorder::new(self.limits);
        let mut outcome = Outcome::default();
        let has_others = self.live.is_some() || self.exporters.is_some();
        if !has_others {
            outcome = file::read(&self.files, &mut recorder)?;
        } else if !self.files.is_empty() {
            // Meanwhile the readers of interfaces go on, and hand over later.
            outcome = file::read(&self.files, &mut recorder).unwrap_or_else(|failure| Outcome {
                unusable: vec![format!("{:#}", failure.error)],
                ..Outcome::default()
            });
        }
        let (mut recording, mut unusable) = match (self.live, self.exporters) {
            (None, None) => (recorder.finish(), Vec::new()),
            (None, Some(exporters)) => {
                exporters.listener.hear(&mut recorder, &exporters.stop, exporters.duration);
                (recorder.finish(), Vec::new())
            }
            (Some(mut live), None) => {
                live.beside(recorder.finish());
                live.watch(objects)?
            }
            (Some(mut live), Some(exporters)) => {
                live.listen(exporters.listener, recorder)?;
                live.watch(objects)?
            }
        };
        recording.counts.add("files-passed-over", outcome.passed_over);
        unusable.append(&mut outcome.unusable);
        Ok(Traffic { recording, unusable })
    }
}

impl Exporters {
    /// Ready to hear. With a plan, which is when nothing else does it, rights are given up and signals
    /// are waited for.
    fn new(listener: Listener, args: &InputArgs, plan: Option<&Plan>) -> Result<Self, Failure> {
        let stop = Arc::new(Stop::default());
        if let Some(plan) = plan {
            let signals = stop::hold_signals().map_err(std::io::Error::from)?;
            let sandbox = if args.live.no_sandbox { "off".to_owned() } else { sandbox::enter(plan)? };
            say!("flowfence: hearing flow exporters at {}; sandbox: {sandbox}", listener.places());
            let for_signals = Arc::clone(&stop);
            live::spawn("signals", move || stop::watch(&signals, &for_signals))?;
        } else {
            say!("flowfence: hearing flow exporters at {}", listener.places());
        }
        Ok(Exporters { listener, stop, duration: args.live.duration })
    }
}

/// Options of live sources without such a source are a mistake.
fn demand_use(args: &InputArgs, no_interface: bool, no_exporter: bool) -> Result<(), Failure> {
    let said = if no_exporter { args.live.said() } else { args.live.said_of_interfaces() };
    if let Some(option) = said.filter(|_| no_interface) {
        return Err(Failure::usage(format!("{option} is for live sources (live:IFACE), and none is given")));
    }
    let knows_nobody = args.cluster.cluster.iter().any(|path| path.as_os_str() == "none");
    if args.live.until_ready.is_some() && knows_nobody {
        return Err(Failure::usage("--until-ready needs objects: without them no workload can be ready"));
    }
    Ok(())
}

/// What the run needs once the interfaces are open.
fn plan(args: &InputArgs, files: &[Input]) -> Plan {
    let Paths { mut read, write } = args.live.paths.clone();
    read.extend(files.iter().filter_map(Input::path).map(Path::to_owned));
    read.extend(args.cluster.cluster.iter().chain(&args.cluster.policies).cloned());
    let kube_api = args.cluster.cluster.is_empty();
    if kube_api {
        read.extend(kube::files(args.cluster.kubeconfig.as_deref()));
    }
    Plan { read, write, kube_api }
}

/// Reads files, and hands over what they tell as often as is asked for.
fn give_files(
    files: &[Input],
    limits: Limits,
    handing: Handing,
    taker: Taker<'_>,
) -> Result<Traffic, Failure> {
    // The readers of interfaces are numbered from 0.
    let session = Session { id: handing.run, reader: u32::MAX };
    let (sender, blocks) = sync_channel(WAITING);
    let mut told = Instant::now();
    let is_due = move || {
        let is_due = told.elapsed() >= handing.every;
        if is_due {
            told = Instant::now();
        }
        is_due
    };
    // Bounded: when the disk is slower than the reading, the reading waits. When writing has ended
    // with an error, what is read goes nowhere.
    let outlet = sender.clone();
    let outlet = Outlet::new(is_due, move |block| drop(outlet.send(block)));
    let mut recorder = Recorder::new(limits).with_session(session).with_outlet(outlet);
    if handing.forgets {
        recorder = recorder.forgetting();
    }
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let outcome = file::read(files, &mut recorder);
            drop(sender.send(recorder.drain()));
            outcome.map(|outcome| (outcome, recorder.finish()))
        });
        let given = blocks.iter().try_for_each(taker);
        drop(blocks);
        let outcome = reading.join().map_err(|_| Failure::unreadable("the reading of files broke down"))?;
        given?;
        let (outcome, mut recording) = outcome?;
        recording.records = Vec::new();
        recording.counts.add("files-passed-over", outcome.passed_over);
        Ok(Traffic { recording, unusable: outcome.unusable })
    })
}
