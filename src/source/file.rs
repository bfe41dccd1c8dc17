//! Traffic from files and stdin: finds the inputs, shows progress, fills a recording.

mod random;
mod turns;

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;
use std::time::SystemTime;

use anyhow::Context;
use flowfence_capture::{RandomAccess, Recorder, read_capture, read_table};
use flowfence_model::Timestamp;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::Failure;
use turns::{Turn, Turns};

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

    fn name(&self) -> String {
        self.path().map_or_else(|| "-".to_owned(), |path| path.display().to_string())
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

/// Reads every input, `jobs` of them at a time, with the same outcome as one after another. One that cannot be used does
/// not stop the others; when none can be used, that is an error.
pub fn read(inputs: &[Input], recorder: &mut Recorder, jobs: usize) -> Result<Outcome, Failure> {
    let progress = progress_bar(inputs);
    let told = if inputs.len() < 2 || jobs < 2 {
        inputs.iter().map(|input| read_one(input, recorder, &progress)).collect()
    } else {
        at_once(inputs, recorder, jobs.min(inputs.len()), &progress)
    };
    progress.finish_and_clear();
    outcome(inputs, told)
}

/// Likewise, one after another into the recorder itself, which hands over meanwhile what it has.
pub fn read_in_turn(inputs: &[Input], recorder: &mut Recorder) -> Result<Outcome, Failure> {
    let progress = progress_bar(inputs);
    let told = inputs.iter().map(|input| read_one(input, recorder, &progress)).collect();
    progress.finish_and_clear();
    outcome(inputs, told)
}

/// What became of one input.
type Told = Result<(), String>;

fn outcome(inputs: &[Input], told: Vec<Told>) -> Result<Outcome, Failure> {
    let (mut unusable, mut passed_over) = (Vec::new(), Vec::new());
    for (input, told) in inputs.iter().zip(told) {
        match (told, input) {
            (Err(problem), Input::Found(_)) => passed_over.push(problem),
            (Err(problem), _) => unusable.push(problem),
            (Ok(()), _) => {}
        }
    }
    if unusable.len() + passed_over.len() == inputs.len() {
        unusable.append(&mut passed_over);
        return Err(Failure::unreadable(unusable.join("\n")));
    }
    Ok(Outcome { unusable, passed_over: passed_over.len() as u64 })
}

/// Reads inputs in `jobs` threads, this one among them. Each input has a recorder of its own, and waits with it for the
/// turn of the input: there are no more recorders than threads, and one.
fn at_once(inputs: &[Input], recorder: &mut Recorder, jobs: usize, progress: &ProgressBar) -> Vec<Told> {
    let blanks: Vec<Recorder> = (0..jobs).map(|_| recorder.apart(jobs)).collect();
    let turns = Turns::new(recorder);
    let next = AtomicUsize::new(0);
    let work = |blank: Recorder| {
        let mut told = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = inputs.get(number) else { return told };
            told.push((number, read_apart(input, blank.apart(1), turns.claim(number), progress)));
        }
    };
    let mut told: Vec<(usize, Told)> = std::thread::scope(|scope| {
        let mut blanks = blanks.into_iter();
        let own = blanks.next();
        let named = || Builder::new().name("file".to_owned());
        // A thread that the system does not give is one less.
        let others: Vec<_> =
            blanks.filter_map(|blank| named().spawn_scoped(scope, || work(blank)).ok()).collect();
        let mut told = own.map(work).unwrap_or_default();
        // One that broke down is said by the inputs that are missing.
        told.extend(others.into_iter().filter_map(|thread| thread.join().ok()).flatten());
        told
    });
    let mut all: Vec<Told> =
        inputs.iter().map(|input| Err(format!("{}: the reading of it broke down", input.name()))).collect();
    for (number, one) in told.drain(..) {
        if let Some(place) = all.get_mut(number) {
            *place = one;
        }
    }
    all
}

/// Reads an input by itself, and puts it where its turn is. What cannot be read twice is read when its turn has come; so
/// is, for the second time, what reached a bound.
fn read_apart(input: &Input, mut apart: Recorder, turn: Turn<'_, '_>, progress: &ProgressBar) -> Told {
    if !input.path().is_some_and(Path::is_file) {
        return turn.take(|recorder| read_one(input, recorder, progress));
    }
    let told = read_one(input, &mut apart, progress);
    turn.take(
        |recorder| {
            if recorder.join(apart) { told } else { read_one(input, recorder, &ProgressBar::hidden()) }
        },
    )
}

fn read_one(input: &Input, recorder: &mut Recorder, progress: &ProgressBar) -> Told {
    let mut before = 0;
    let mut report = |octets: u64| {
        progress.inc(octets.saturating_sub(before));
        before = before.max(octets);
    };
    let told = match input {
        Input::Stdin => {
            recorder.set_time_of_input(time_of(SystemTime::now()));
            read_capture(io::stdin().lock(), "-", recorder, &mut report)
                .map_err(|error| format!("-: {error}"))
        }
        Input::Named(path) | Input::Found(path) => read_file(path, recorder, &mut report),
    };
    // What was not looked at is done with as well.
    progress.inc(size(input).saturating_sub(before));
    told
}

fn read_file(path: &Path, recorder: &mut Recorder, progress: &mut dyn FnMut(u64)) -> Told {
    let name = path.display().to_string();
    let mut file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    recorder.set_time_of_input(written(&file));
    let told = match random::OnDisk::of_table(&mut file) {
        Some(table) => {
            let table: Arc<dyn RandomAccess> = Arc::new(table);
            read_table(&table, &name, recorder, progress)
        }
        None => read_capture(BufReader::with_capacity(1 << 16, file), &name, recorder, progress),
    };
    told.map_err(|error| format!("{name}: {error}"))
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
