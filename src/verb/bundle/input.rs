//! The inputs of a run, with their hashes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::AuditArgs;
use crate::exit::Failure;
use crate::manifest;
use crate::output::bundle::{InputRow, sha256_of};
use crate::source;

/// Every input that the arguments name, sorted. Files are hashed after they were read: one that was written to since the
/// run `began` is told so.
pub(super) fn rows(args: &AuditArgs, has_api: bool, began: SystemTime) -> Result<Vec<InputRow>, Failure> {
    let mut rows = Vec::new();
    let is_live = |name: &&String| name.contains("://") || name.starts_with("live:");
    let (live, files): (Vec<&String>, Vec<&String>) = args.input.sources.iter().partition(is_live);
    let at_once = |name: &String| unhashed("source", name, "a live source: what came is gone");
    rows.extend(live.into_iter().map(at_once));
    for input in source::expand(files)? {
        rows.push(match input.path() {
            Some(path) => hashed("source", path, began),
            None => unhashed("source", "-", "standard input, which cannot be read twice"),
        });
    }
    let objects = &args.input.cluster;
    let clusters = objects.cluster.iter().filter(|path| path.as_os_str() != "none");
    for (role, path) in
        clusters.map(|path| ("cluster", path)).chain(objects.policies.iter().map(|path| ("policies", path)))
    {
        let files = manifest::files_of(path).unwrap_or_else(|_| vec![path.clone()]);
        rows.extend(files.iter().map(|file| hashed(role, file, began)));
    }
    if has_api {
        rows.push(unhashed("cluster", "kube API", "asked live; `flowfence snapshot` keeps what it says"));
    }
    let others: [(&str, &[PathBuf]); 2] =
        [("decisions", &args.judge.decisions), ("baseline", &args.baseline.baseline)];
    for (role, files) in others {
        rows.extend(files.iter().map(|file| hashed(role, file, began)));
    }
    rows.extend(args.input.logs.mapping_file().map(|file| hashed("mapping", file, began)));
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
