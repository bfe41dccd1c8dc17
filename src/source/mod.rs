//! Traffic, from wherever it comes: files, or interfaces while it passes.
//!
//! ```text
//! SOURCE ─┬▶ file      files, directories, globs, stdin ─┐
//!         └▶ live/     live:IFACE ───────────────────────┴▶ Recorder ─▶ Recording
//! ```

mod file;
mod live;

use std::collections::BTreeSet;
use std::path::Path;

use flowfence_capture::{Limits, Recorder};
use flowfence_model::Recording;

use crate::cli::{InputArgs, Paths};
use crate::cluster::Objects;
use crate::exit::Failure;
use crate::kube;
use crate::sandbox::Plan;
use file::{Input, Outcome};
use live::Live;

pub use file::read_text;

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
    limits: Limits,
}

impl Sources {
    /// Finds the sources, and opens those that are interfaces. Then rights are given up, in this
    /// thread and all that it spawns later: open the sources before anything else is begun.
    pub fn open(args: &InputArgs) -> Result<Self, Failure> {
        let is_live = |source: &&String| source.starts_with(live::SCHEME);
        let (live, files): (Vec<&String>, Vec<&String>) = args.sources.iter().partition(is_live);
        let files = file::expand(files)?;
        let limits = Limits { max_flows: args.max_flows as usize, ..Limits::default() };
        let names: BTreeSet<&str> =
            live.iter().filter_map(|source| source.strip_prefix(live::SCHEME)).collect();
        if names.is_empty() {
            return match args.live.said() {
                Some(option) => Err(Failure::usage(format!(
                    "{option} is for live sources (live:IFACE), and none is given"
                ))),
                None => Ok(Sources { files, live: None, limits }),
            };
        }
        let knows_nobody = args.cluster.cluster.iter().any(|path| path.as_os_str() == "none");
        if args.live.until_ready.is_some() && knows_nobody {
            return Err(Failure::usage("--until-ready needs objects: without them no workload can be ready"));
        }
        let plan = plan(args, &files);
        let live = Live::open(&names, &args.live, &plan, &limits)?;
        Ok(Sources { files, live: Some(live), limits })
    }

    /// Whether time passes while they are read: interfaces, and whatever comes through stdin.
    pub fn take_time(&self) -> bool {
        self.live.is_some() || self.files.iter().any(|input| matches!(input, Input::Stdin))
    }

    /// Reads every source. An input that cannot be used does not stop the others; when none can be
    /// used, that is an error. `objects` tells what is known of the cluster while packets come.
    pub fn read(self, objects: Option<Objects>) -> Result<Traffic, Failure> {
        let mut recorder = Recorder::new(self.limits);
        let Some(mut live) = self.live else {
            let outcome = file::read(&self.files, &mut recorder)?;
            let mut recording = recorder.finish();
            recording.counts.add("files-passed-over", outcome.passed_over);
            return Ok(Traffic { recording, unusable: outcome.unusable });
        };
        let mut outcome = Outcome::default();
        if !self.files.is_empty() {
            // Meanwhile the readers of interfaces go on, and hand over later.
            outcome = file::read(&self.files, &mut recorder).unwrap_or_else(|failure| Outcome {
                unusable: vec![format!("{:#}", failure.error)],
                ..Outcome::default()
            });
            live.absorb(&mut recorder);
        }
        let (mut recording, mut unusable) = live.watch(objects)?;
        recording.counts.add("files-passed-over", outcome.passed_over);
        unusable.append(&mut outcome.unusable);
        Ok(Traffic { recording, unusable })
    }
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
