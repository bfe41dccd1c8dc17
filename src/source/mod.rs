//! Traffic, from wherever it comes: files, or interfaces while it passes.
//!
//! ```text
//! SOURCE ─┬▶ file      files, directories, globs, stdin ─┐
//!         └▶ live/     live:IFACE ───────────────────────┴▶ Recorder ─▶ Recording
//! ```

mod file;
mod live;

use flowfence_capture::{Limits, Recorder};
use flowfence_model::Recording;

use crate::cli::InputArgs;
use crate::exit::Failure;
use file::Input;
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
    /// Finds the sources, and opens those that are interfaces.
    pub fn open(args: &InputArgs) -> Result<Self, Failure> {
        let (live, files): (Vec<String>, Vec<String>) =
            args.sources.iter().cloned().partition(|source| source.starts_with(live::SCHEME));
        let files = file::expand(&files)?;
        let limits = Limits { max_flows: args.max_flows as usize, ..Limits::default() };
        let mut names: Vec<String> =
            live.iter().filter_map(|source| source.strip_prefix(live::SCHEME)).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            if let Some(option) = args.live.said() {
                return Err(Failure::usage(format!("{option} is for live sources, and none is given (live:IFACE)")));
            }
            return Ok(Sources { files, live: None, limits });
        }
        let live = Live::open(&names, &args.live, Recorder::new(limits.clone()))?;
        Ok(Sources { files, live: Some(live), limits })
    }

    /// Reads every source. An input that cannot be used does not stop the others; when none can be
    /// used, that is an error.
    pub fn read(self) -> Result<Traffic, Failure> {
        let Some(live) = self.live else { return file::read(&self.files, self.limits) };
        let (recorder, unusable) = live.watch()?;
        Ok(Traffic { recording: recorder.finish(), unusable })
    }
}

/// Opens the sources and reads them.
pub fn read(args: &InputArgs) -> Result<Traffic, Failure> {
    Sources::open(args)?.read()
}
