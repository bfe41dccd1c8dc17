//! Flow files on disk, one after the other.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flowfence_capture::Block;
use flowfence_capture::flowfile::{Header, block_frames, header_frame};

use crate::exit::Failure;

/// Names that are told again in each file, at most.
const MAX_NAMES: usize = 1 << 20;

/// When a file is followed by another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// When it has so many octets.
    pub octets: Option<u64>,
    /// After this time.
    pub every: Option<Duration>,
    /// So many files are kept; older ones of this run are deleted.
    pub keep: Option<usize>,
}

impl Rotation {
    fn is_on(&self) -> bool {
        self.octets.is_some() || self.every.is_some()
    }
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// Octets of all files, those that were deleted included.
    pub octets: u64,
    /// The last file.
    pub last: String,
}

/// Writes blocks, each at once: what was written survives the program.
#[derive(Debug)]
pub struct Writer {
    out: PathBuf,
    is_directory: bool,
    header: Header,
    rotation: Rotation,
    file: File,
    path: PathBuf,
    began: Instant,
    size: u64,
    total: u64,
    files: VecDeque<PathBuf>,
    names: BTreeSet<(IpAddr, String)>,
}

impl Writer {
    /// Begins the first file. It must not be there yet: nothing is ever written over.
    pub fn open(out: &Path, header: Header, rotation: Rotation) -> Result<Self, Failure> {
        let ends_with_slash = out.as_os_str().as_encoded_bytes().ends_with(b"/");
        let is_directory = rotation.is_on() || out.is_dir() || ends_with_slash;
        if is_directory {
            fs::create_dir_all(out).map_err(|error| failed(out, &error))?;
        }
        let path = if is_directory { out.join(name(&header)) } else { out.to_owned() };
        let (file, size) = begin(&path, &header)?;
        Ok(Writer {
            out: out.to_owned(),
            is_directory,
            header,
            rotation,
            file,
            files: VecDeque::from([path.clone()]),
            path,
            began: Instant::now(),
            size,
            total: size,
            names: BTreeSet::new(),
        })
    }

    /// Writes a block, into the next file when this one is full.
    pub fn write(&mut self, mut block: Block) -> Result<(), Failure> {
        if self.is_full() {
            self.rotate()?;
            // Whoever reads this file may not have the ones before.
            let fresh = std::mem::take(&mut block.names);
            self.note(&fresh);
            block.names = self.names.iter().cloned().collect();
        } else {
            let fresh = block.names.clone();
            self.note(&fresh);
        }
        let frames = block_frames(&block).map_err(|error| failed(&self.path, &error))?;
        self.file.write_all(&frames).map_err(|error| failed(&self.path, &error))?;
        self.size += frames.len() as u64;
        self.total += frames.len() as u64;
        Ok(())
    }

    /// Ends the last file.
    pub fn close(self) -> Result<Written, Failure> {
        self.file.sync_all().map_err(|error| failed(&self.path, &error))?;
        Ok(Written { octets: self.total, last: self.path.display().to_string() })
    }

    fn note(&mut self, names: &[(IpAddr, String)]) {
        if self.rotation.is_on() && self.names.len() < MAX_NAMES {
            self.names.extend(names.iter().cloned());
        }
    }

    fn is_full(&self) -> bool {
        self.is_directory
            && (self.rotation.octets.is_some_and(|limit| self.size >= limit)
                || self.rotation.every.is_some_and(|every| self.began.elapsed() >= every))
    }

    fn rotate(&mut self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| failed(&self.path, &error))?;
        self.header.part += 1;
        let path = self.out.join(name(&self.header));
        let (file, size) = begin(&path, &self.header)?;
        (self.file, self.size, self.path, self.began) = (file, size, path.clone(), Instant::now());
        self.total += size;
        self.files.push_back(path);
        while self.rotation.keep.is_some_and(|keep| self.files.len() > keep) {
            let Some(oldest) = self.files.pop_front() else { break };
            fs::remove_file(&oldest).map_err(|error| failed(&oldest, &error))?;
        }
        Ok(())
    }
}

/// Makes a file and writes its header.
fn begin(path: &Path, header: &Header) -> Result<(File, u64), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = opened.map_err(|error| failed(path, &error))?;
    let frame = header_frame(header).map_err(|error| failed(path, &error))?;
    file.write_all(&frame).map_err(|error| failed(path, &error))?;
    Ok((file, frame.len() as u64))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    let what = match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            "is there already, and is not written over; name another --out".to_owned()
        }
        std::io::ErrorKind::StorageFull => {
            "the disk is full: what was written before counts; make room or use --rotate-size with --keep"
                .to_owned()
        }
        _ => error.to_string(),
    };
    Failure::unreadable(format!("{}: {what}", path.display()))
}

/// `NODE-START-PART.flow`, START being the second in which the run began, UTC.
fn name(header: &Header) -> String {
    let second = jiff::Timestamp::from_nanosecond(i128::from(header.start.as_nanos())).unwrap_or_default();
    let start = second.strftime("%Y%m%dT%H%M%SZ");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let node: String = header.node.chars().map(|c| if is_plain(c) { c } else { '_' }).take(63).collect();
    format!("{node}-{start}-{:06}.flow", header.part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowfence_model::Timestamp;

    fn header() -> Header {
        let start = Timestamp::from_secs(1_795_542_599, 0);
        Header { node: "n/../1".to_owned(), start, ..Header::default() }
    }

    #[test]
    fn a_name_stays_in_its_directory() {
        assert_eq!(name(&header()), "n_.._1-20261124T174959Z-000000.flow");
    }

    #[test]
    fn nothing_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.flow");
        Writer::open(&path, header(), Rotation::default()).unwrap().close().unwrap();
        let error = Writer::open(&path, header(), Rotation::default()).unwrap_err();
        assert!(error.error.to_string().contains("not written over"), "{:#}", error.error);
    }

    #[test]
    fn files_follow_one_another_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let rotation = Rotation { octets: Some(1), every: None, keep: Some(2) };
        let mut writer = Writer::open(dir.path(), header(), rotation).unwrap();
        for sequence in 0..5 {
            writer.write(Block { sequence, ..Block::default() }).unwrap();
        }
        writer.close().unwrap();
        let mut left: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|f| f.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left.len(), 2);
        assert!(left[1].ends_with("-000005.flow"), "{left:?}");
    }
}
