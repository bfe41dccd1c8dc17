//! Traffic, from wherever it comes: files, or interfaces while it passes.
//!
//! ```text
//! SOURCE ─┬▶ file      files, directories, globs, stdin ─┐
//!         ├▶ server/   hubble://, goldmane://HOST:PORT ──┤
//!         ├▶ exporter  netflow:, ipfix:, sflow://HOST:PORT ┤
//!         └▶ live/     live:IFACE ───────────────────────┴▶ Recorder ─▶ Recording
//! ```

mod begin;
mod beside;
mod exporter;
mod file;
mod live;
mod server;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use flowfence_capture::{Form, Limits, Outlet, Recorder, Session};
use flowfence_model::Recording;

use crate::cli::{InputArgs, Paths};
use crate::cluster::Objects;
use crate::exit::Failure;
use crate::kube;
use crate::sandbox::Plan;
use begin::begin;
use beside::{Beside, Exporters};
use exporter::Listener;
use file::{Input, Outcome};
use live::Live;
use server::{Named, Servers};

pub use file::{expand, read_text};
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
    logs_as: Option<Form>,
    export_ports: Vec<u16>,
    servers: Option<Servers>,
    limits: Limits,
    handing: Handing,
    /// Files that are read at once.
    jobs: usize,
}

impl Sources {
    /// Finds the sources, and opens those that are interfaces. Then rights are given up, in this
    /// thread and all that it spawns later: open the sources before anything else is begun.
    pub fn open(args: &InputArgs) -> Result<Self, Failure> {
        Self::open_for(args, Handing::default())
    }

    /// Likewise, for who has the blocks handed over in another way.
    pub fn open_for(args: &InputArgs, handing: Handing) -> Result<Self, Failure> {
        let servers = Named::find(args)?;
        if handing.forgets && !servers.is_empty() {
            return Err(Failure::usage(
                "capture writes what packets tell, and servers of flows (hubble://, goldmane://) have none: give them to graph, \
                 audit or recommend",
            ));
        }
        let is_live = |source: &&String| source.starts_with(live::SCHEME);
        let others = args.sources.iter().filter(|source| !server::is_target(source));
        let (live, others): (Vec<&String>, Vec<&String>) = others.partition(is_live);
        let is_exporter = |source: &&String| exporter::is_listener(source);
        let (exporters, files): (Vec<&String>, Vec<&String>) = others.into_iter().partition(is_exporter);
        let files = expand(files)?;
        let logs_as = args.logs.form()?;
        let export_ports = args.logs.export_ports().to_vec();
        if files.is_empty() && !export_ports.is_empty() {
            return Err(Failure::usage(
                "--netflow is for captures, and none is given; netflow://ADDRESS:PORT hears exporters themselves",
            ));
        }
        let limits = Limits { max_flows: args.bounds.max_flows as usize, ..Limits::default() };
        let names: BTreeSet<&str> =
            live.iter().filter_map(|source| source.strip_prefix(live::SCHEME)).collect();
        let exporters: BTreeSet<&String> = exporters.into_iter().collect();
        if !exporters.is_empty() && !servers.is_empty() && !export_ports.is_empty() {
            return Err(Failure::usage(
                "--netflow, servers of flows (hubble://, goldmane://) and flow exporters are not read in one run: give the \
                 captures a run of their own",
            ));
        }
        demand_use(args, !names.is_empty(), !servers.is_empty(), !exporters.is_empty())?;
        let mut sources = Sources {
            files,
            live: None,
            exporters: None,
            servers: None,
            logs_as,
            export_ports,
            limits,
            handing,
            jobs: args.jobs(),
        };
        if names.is_empty() && servers.is_empty() && exporters.is_empty() {
            return Ok(sources);
        }
        let plan = plan(args, &sources.files);
        // Sockets are opened before rights are given up.
        let listener = if exporters.is_empty() { None } else { Some(Listener::open(exporters)?) };
        let duration = args.live.duration;
        if names.is_empty() {
            let (stop, sandbox) = begin(&plan, args.live.no_sandbox)?;
            if let Some(listener) = listener {
                say!("flowfence: hearing flow exporters at {}; sandbox: {sandbox}", listener.places());
                sources.exporters = Some(Exporters { listener, stop: Arc::clone(&stop), duration });
            }
            if !servers.is_empty() {
                sources.servers = Some(servers.connect(args, stop, &sandbox)?);
            }
            return Ok(sources);
        }
        let mut live = Live::open(&names, &args.live, &plan, &sources.limits, handing)?;
        if let Some(listener) = listener {
            say!("flowfence: hearing flow exporters at {}", listener.places());
            sources.exporters = Some(Exporters { listener, stop: live.stop(), duration });
        }
        if !servers.is_empty() {
            match servers.connect(args, live.stop(), "as above") {
                Ok(reached) => sources.servers = Some(reached),
                Err(failure) => live.problems.push(format!("{:#}", failure.error)),
            }
        }
        sources.live = Some(live);
        Ok(sources)
    }

    /// Whether one of them is an interface.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Gives what every source tells to `taker`, block by block. What comes back has counts and no
    /// flows.
    pub fn give(self, taker: Taker<'_>) -> Result<Traffic, Failure> {
        let Sources { files, live, exporters, limits, handing, .. } = self;
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
            || self.servers.is_some()
            || self.files.iter().any(|input| matches!(input, Input::Stdin))
    }

    /// Reads every source. An input that cannot be used does not stop the others; when none can be
    /// used, that is an error. `objects` tells what is known of the cluster while packets come.
    pub fn read(self, objects: Option<Objects>) -> Result<Traffic, Failure> {
        let Sources { files, live, servers, exporters, limits, logs_as, export_ports, jobs, .. } = self;
        let mut recorder = Recorder::new(limits).reading_logs_as(logs_as).with_exports(&export_ports);
        // Templates of an exporter may be in one capture and their records in the next.
        let jobs = if export_ports.is_empty() { jobs } else { 1 };
        if live.is_none() && servers.is_none() && exporters.is_none() {
            let outcome = file::read(&files, &mut recorder, jobs)?;
            return Ok(traffic(recorder.finish(), Vec::new(), outcome));
        }
        let mut outcome = Outcome::default();
        if !files.is_empty() {
            // Meanwhile the readers of interfaces go on, and hand over later; servers and exporters wait.
            outcome = file::read(&files, &mut recorder, jobs).unwrap_or_else(|failure| Outcome {
                unusable: vec![format!("{:#}", failure.error)],
                ..Outcome::default()
            });
        }
        let beside = Beside::of(servers, exporters);
        let (recording, unusable) = match (live, beside) {
            (Some(mut live), Some(beside)) => {
                let follow =
                    move || beside.read(recorder, None).map(|(recorder, wrong)| (recorder.finish(), wrong));
                live.following(live::spawn("beside", follow)?);
                live.watch(objects)?
            }
            (Some(mut live), None) => {
                live.beside(recorder.finish());
                live.watch(objects)?
            }
            (None, Some(beside)) => {
                let (recorder, unusable) = beside.read(recorder, objects)?;
                (recorder.finish(), unusable)
            }
            (None, None) => (recorder.finish(), Vec::new()),
        };
        Ok(traffic(recording, unusable, outcome))
    }
}

/// Options of live sources without such a source are a mistake.
fn demand_use(args: &InputArgs, interfaces: bool, servers: bool, exporters: bool) -> Result<(), Failure> {
    let misplaced = match (interfaces, servers, exporters) {
        (true, ..) => None,
        (false, true, _) => args.live.said_of_packets(),
        (false, false, true) => {
            args.live.said_of_packets().or(args.live.until_ready.map(|_| "--until-ready"))
        }
        (false, false, false) => args.live.said(),
    };
    if let Some(option) = misplaced {
        return Err(Failure::usage(format!("{option} is for live sources (live:IFACE), and none is given")));
    }
    let knows_nobody = args.cluster.cluster.iter().any(|path| path.as_os_str() == "none");
    if args.live.until_ready.is_some() && knows_nobody {
        return Err(Failure::usage("--until-ready needs objects: without them no workload can be ready"));
    }
    Ok(())
}

/// What sources told, with what became of files.
fn traffic(mut recording: Recording, mut unusable: Vec<String>, mut files: Outcome) -> Traffic {
    recording.counts.add("files-passed-over", files.passed_over);
    unusable.append(&mut files.unusable);
    Traffic { recording, unusable }
}

/// What the run needs once the interfaces are open.
fn plan(args: &InputArgs, files: &[Input]) -> Plan {
    let Paths { mut read, write } = args.live.paths.clone();
    read.extend(files.iter().filter_map(Input::path).map(Path::to_owned));
    read.extend(args.tls.files().cloned());
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
            let outcome = file::read_in_turn(files, &mut recorder);
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
