//! Traffic from files and stdin: finds the inputs, shows progress, fills a recording.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use flowfence_capture::{Recorder, read_capture};
use flowfence_model::Timestamp;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Failure;

/// One input to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file that the user named.
    Named(PathBuf),
    /// A file found in a directory: one that is no capture is passed over.
    Found(PathBuf),
}

impl Input {
    /// Where it lies.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Input::Stdin => None,
            Input::Named(path) | Input::Found(path) => Some(path),
        }
    }
}

/// What became of files that were read.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Inputs that could not be used, one sentence each.
    pub unusable: Vec<String>,
    /// Files of directories that are no captures.
    pub passed_over: u64,
}

/// Reads every input. One that cannot be used does not stop the others; when none can be used, that
/// is an error.
pub fn read(inputs: &[Input], recorder: &mut Recorder) -> Result<Outcome, Failure> {
    let progress = progress_bar(inputs);
    let mut unusable = Vec::new();
    let mut passed_over = Vec::new();
    let mut read_before = 0;
    for input in inputs {
        let mut report = |octets: u64| progress.set_position(read_before + octets);
        let outcome = match input {
            Input::Stdin => {
                recorder.set_time_of_input(time_of(SystemTime::now()));
                read_capture(io::stdin().lock(), "-", recorder, &mut report)
                    .map_err(|error| format!("-: {error}"))
            }
            Input::Named(path) | Input::Found(path) => read_file(path, recorder, &mut report),
        };
        match (outcome, input) {
            (Err(problem), Input::Found(_)) => passed_over.push(problem),
            (Err(problem), _) => unusable.push(problem),
            (Ok(()), _) => {}
        }
        read_before += size(input);
    }
    progress.finish_and_clear();
    if unusable.len() + passed_over.len() == inputs.len() {
        unusable.append(&mut passed_over);
        return Err(Failure::unreadable(unusable.join("\n")));
    }
    Ok(Outcome { unusable, passed_over: passed_over.len() as u64 })
}

fn read_file(path: &Path, recorder: &mut Recorder, progress: &mut dyn FnMut(u64)) -> Result<(), String> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    recorder.set_time_of_input(written(&file));
    read_capture(BufReader::with_capacity(1 << 16, file), &name, recorder, progress)
        .map_err(|error| format!("{name}: {error}"))
}

/// When a file was last written to: the time of logs whose lines have none.
fn written(file: &File) -> Timestamp {
    time_of(file.metadata().and_then(|about| about.modified()).unwrap_or_else(|_| SystemTime::now()))
}

fn time_of(time: SystemTime) -> Timestamp {
    let nanos = jiff::Timestamp::try_from(time).map_or(0, jiff::Timestamp::as_nanosecond);
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(0))
}

/// Inputs of all sources, each once, sorted: the order of the arguments does not matter.
pub fn expand<'a>(sources: impl IntoIterator<Item = &'a String>) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for source in sources {
        let path = Path::new(source);
        if source == "-" {
            inputs.push(Input::Stdin);
        } else if path.is_dir() {
            inputs.extend(files_in(path)?.into_iter().map(Input::Found));
        } else if path.exists() {
            inputs.push(Input::Named(path.to_owned()));
        } else {
            inputs.extend(matches(source)?.into_iter().map(Input::Named));
        }
    }
    inputs.sort();
    inputs.dedup();
    Ok(inputs)
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listing = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut files = Vec::new();
    for entry in listing {
        let path = entry.with_context(|| dir.display().to_string())?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::unreadable(format!("{}: no file in this directory", dir.display())));
    }
    Ok(files)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let live = ["goldmane://"];
    if live.iter().any(|scheme| pattern.starts_with(scheme)) {
        return Err(Failure::usage(format!(
            "{pattern}: live sources are not supported yet; give capture files"
        )));
    }
    let paths: Vec<PathBuf> = glob::glob(pattern)
        .ok()
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .collect();
    if paths.is_empty() {
        return Err(Failure::unreadable(format!(
            "{pattern}: no such file, and no file matches it as a pattern"
        )));
    }
    Ok(paths)
}

fn size(input: &Input) -> u64 {
    match input {
        Input::Stdin => 0,
        Input::Named(path) | Input::Found(path) => path.metadata().map_or(0, |m| m.len()),
    }
}

/// A bar on a terminal, after it has taken a while; nothing into a pipe.
fn progress_bar(inputs: &[Input]) -> ProgressBar {
    let total = inputs.iter().map(size).sum();
    if total < (8 << 20) || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// The whole of a small text input, `-` being stdin.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let outcome = if path == Path::new("-") {
        io::stdin().lock().read_to_string(&mut text)
    } else {
        File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    outcome.with_context(|| path.display().to_string())?;
    Ok(text)
}
