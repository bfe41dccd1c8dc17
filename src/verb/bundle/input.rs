//! The inputs of a run, with their hashes.

use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use crate::cli::{InputArgs, JudgeArgs};
use crate::exit::Failure;
use crate::manifest;
use crate::output::bundle::{InputRow, sha256_of};
use crate::source;

/// What a run was told to read, and when it began.
pub struct Read<'a> {
    /// Traffic and objects.
    pub input: &'a InputArgs,
    /// Decisions.
    pub judge: &'a JudgeArgs,
    /// Other files: what they were read as.
    pub others: Vec<(&'static str, &'a Path)>,
    /// Whether the kube API was asked.
    pub has_api: bool,
    /// When the run began.
    pub began: SystemTime,
}

/// Every input, sorted. Files are hashed after they were read and before anything is written: one that was written to since
/// the run began is told so.
pub fn rows(read: &Read<'_>) -> Result<Vec<InputRow>, Failure> {
    let Read { input, judge, others, has_api, began } = read;
    let began = *began;
    let mut rows = Vec::new();
    let is_live = |name: &&String| name.contains("://") || name.starts_with("live:");
    let (live, files): (Vec<&String>, Vec<&String>) = input.sources.iter().partition(is_live);
    let at_once = |name: &String| unhashed("source", name, "a live source: what came is gone");
    rows.extend(live.into_iter().map(at_once));
    for file in source::expand(files)? {
        rows.push(match file.path() {
            Some(path) => hashed("source", path, began),
            None => unhashed("source", "-", "standard input, which cannot be read twice"),
        });
    }
    let objects = &input.cluster;
    let clusters = objects.cluster.iter().filter(|path| path.as_os_str() != "none");
    for (role, path) in
        clusters.map(|path| ("cluster", path)).chain(objects.policies.iter().map(|path| ("policies", path)))
    {
        let files = manifest::files_of(path).unwrap_or_else(|_| vec![path.clone()]);
        rows.extend(files.iter().map(|file| hashed(role, file, began)));
    }
    if *has_api {
        rows.push(unhashed("cluster", "kube API", "asked live; `flowfence snapshot` keeps what it says"));
    }
    rows.extend(judge.decisions.iter().map(|file| hashed("decisions", file, began)));
    rows.extend(others.iter().map(|(role, file)| hashed(role, file, began)));
    rows.extend(input.logs.mapping_file().map(|file| hashed("mapping", file, began)));
    rows.sort();
    rows.dedup();
    Ok(rows)
}

fn hashed(role: &'static str, path: &Path, began: SystemTime) -> InputRow {
    let name = path.display().to_string();
    if path == Path::new("-") {
        return unhashed(role, "-", "standard input, which cannot be read twice");
    }
    let is_file = path.metadata().map(|about| about.is_file());
    match is_file {
        Ok(true) => {}
        Ok(false) => {
            return unhashed(
                role,
                &name,
                "no ordinary file (a pipe or a device), which cannot be read twice",
            );
        }
        Err(error) => return unhashed(role, &name, &error.to_string()),
    }
    let read = || {
        let file = File::open(path)?;
        let (octets, sum) = sha256_of(&file)?;
        Ok((octets, sum, file.metadata()?.modified()?))
    };
    match read() {
        Ok((octets, sha256, written)) => {
            let why = (written > began).then(|| "it was written to after the run began".to_owned());
            InputRow { role, name, octets: Some(octets), sha256: Some(sha256), why }
        }
        Err(error) => {
            let error: std::io::Error = error;
            unhashed(role, &name, &error.to_string())
        }
    }
}

fn unhashed(role: &'static str, name: &str, why: &str) -> InputRow {
    InputRow { role, name: name.to_owned(), octets: None, sha256: None, why: Some(why.to_owned()) }
}
