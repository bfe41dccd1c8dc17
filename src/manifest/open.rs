//! Files and directories.

use std::fs;
use std::path::{Path, PathBuf};

use super::read::parse_objects;
use super::snapshot::{Level, ManifestError, Problem, Snapshot};

/// Bytes that are read from one file at most: 256 MiB, some 60,000 pods as YAML.
pub const MAX_OCTETS: u64 = 256 * 1024 * 1024;
/// How deep directories are followed.
const MAX_DIRECTORY_DEPTH: usize = 16;

/// Reads the Kubernetes objects of a file, or of every `*.yaml`, `*.yml` and `*.json` of a
/// directory and the directories in it, sorted by path.
///
/// A broken object is a [`Problem`] and costs nothing but itself; an error means that the path
/// as a whole is the wrong thing.
pub fn read_objects(path: &Path) -> Result<Snapshot, ManifestError> {
    let unreadable = |source| ManifestError::Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return read_file(path);
    }
    let mut found = Found::default();
    found.walk(path, 0).map_err(unreadable)?;
    if found.files.is_empty() {
        return Err(ManifestError::NothingToRead { path: path.to_owned(), ignored: found.ignored });
    }
    found.files.sort();
    let mut snapshot = Snapshot { ignored_files: found.ignored, ..Snapshot::default() };
    let mut foreign = None;
    for file in &found.files {
        match read_file(file) {
            Ok(of_file) => snapshot.merge(of_file),
            Err(error) => {
                let is_foreign = matches!(error, ManifestError::NotManifests { .. });
                snapshot.report(Problem {
                    file: file.display().to_string().into(),
                    line: None,
                    object: None,
                    field: None,
                    reason: error.to_string(),
                    level: if is_foreign { Level::Note } else { Level::Error },
                });
                foreign = foreign.or(is_foreign.then_some(error));
            }
        }
    }
    match foreign {
        // Other files beside manifests are noted; a directory of nothing else is the wrong one.
        Some(error) if snapshot.objects.is_empty() && snapshot.ignored_kinds.is_empty() => Err(error),
        _ => Ok(snapshot),
    }
}

/// The files that [`read_objects`] reads of a path, sorted.
pub fn files_of(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Found::default();
    found.walk(path, 0)?;
    found.files.sort();
    Ok(found.files)
}

#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    ignored: u64,
}

impl Found {
    fn walk(&mut self, directory: &Path, depth: usize) -> std::io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            // Links to directories are not followed: they may lead in a circle.
            if entry.file_type()?.is_dir() {
                if depth < MAX_DIRECTORY_DEPTH && !is_hidden {
                    self.walk(&path, depth + 1)?;
                }
            } else if !is_hidden && path.is_file() && is_manifest(&path) {
                self.files.push(path);
            } else {
                self.ignored += 1;
            }
        }
        Ok(())
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn read_file(path: &Path) -> Result<Snapshot, ManifestError> {
    let unreadable = |source| ManifestError::Unreadable { path: path.to_owned(), source };
    let octets = fs::metadata(path).map_err(unreadable)?.len();
    if octets > MAX_OCTETS {
        return Err(ManifestError::TooLarge { path: path.to_owned(), octets, limit: MAX_OCTETS });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let wrong = |(looks_like, hint)| ManifestError::NotManifests { path: path.to_owned(), looks_like, hint };
    if let Some(known) = sniff(&bytes) {
        return Err(wrong(known));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong(("text in another encoding than UTF-8", "Convert it to UTF-8.")))?;
    let snapshot = parse_objects(&text, &path.display().to_string());
    let is_barren = snapshot.objects.is_empty() && snapshot.ignored_kinds.is_empty();
    match sniff_text(&text).filter(|_| is_barren) {
        Some(known) => Err(wrong(known)),
        None => Ok(snapshot),
    }
}

const OBJECTS: &str = "Give what `kubectl get pods,services,… -A -o yaml` printed.";
const CAPTURE: &str = "A capture is a SOURCE: give it without --cluster.";
const PACKED: &str = "Unpack it first.";

/// What a file of bytes is, when it is certainly no text.
fn sniff(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const MAGIC: &[(&[u8], &str, &str)] = &[
        (&[0xd4, 0xc3, 0xb2, 0xa1], "a pcap capture", CAPTURE),
        (&[0xa1, 0xb2, 0xc3, 0xd4], "a pcap capture", CAPTURE),
        (&[0x4d, 0x3c, 0xb2, 0xa1], "a pcap capture", CAPTURE),
        (&[0xa1, 0xb2, 0x3c, 0x4d], "a pcap capture", CAPTURE),
        (&[0x0a, 0x0d, 0x0d, 0x0a], "a pcapng capture", CAPTURE),
        (&[0x1f, 0x8b], "a gzip file", PACKED),
        (&[0x28, 0xb5, 0x2f, 0xfd], "a zstd file", PACKED),
        (b"PK\x03\x04", "a zip archive", PACKED),
        (&[0xff, 0xfe], "text in UTF-16", "Convert it to UTF-8."),
        (&[0xfe, 0xff], "text in UTF-16", "Convert it to UTF-8."),
        (b"\x7fELF", "a program", OBJECTS),
    ];
    let known = MAGIC.iter().find(|(magic, ..)| bytes.starts_with(magic));
    let known = known.map(|(_, looks_like, hint)| (*looks_like, *hint));
    known.or_else(|| bytes.iter().take(8192).any(|b| *b == 0).then_some(("a binary file", OBJECTS)))
}

/// What a text without any object is; `None` for an empty one or one of broken objects.
fn sniff_text(text: &str) -> Option<(&'static str, &'static str)> {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    let words: Vec<&str> = first.split_whitespace().collect();
    let is_table = words.len() > 1 && words.iter().all(|w| w.bytes().all(|b| !b.is_ascii_lowercase()));
    if is_table && words.contains(&"NAME") {
        return Some(("the table that kubectl prints for people", "Add -o yaml to the kubectl command."));
    }
    if text.contains("apiVersion") {
        return None;
    }
    if first.starts_with("kind:") || first.starts_with("items:") {
        return None;
    }
    match first.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => Some(("JSON of something else, such as a flow log", OBJECTS)),
        _ if first.contains(": ") || first.ends_with(':') => Some(("YAML of something else", OBJECTS)),
        _ => Some(("plain text", OBJECTS)),
    }
}
