//! Files, each replaced as a whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::exit::Failure;

/// A file as it is and as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileChange {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds; `None` when it is not there yet.
    pub before: Option<String>,
    /// What it should hold.
    pub after: String,
}

/// A file with its new text, beside what it holds.
pub(super) fn change(path: PathBuf, after: String) -> FileChange {
    FileChange { before: std::fs::read_to_string(&path).ok(), path, after }
}

/// Writes files one after the other.
pub(super) fn write_all(changes: &[FileChange]) -> Result<(), Failure> {
    changes.iter().try_for_each(write)
}

/// Writes beside the target and renames: never a half-written file. Whoever may read the file may
/// go on reading it, and a link goes on leading to it.
pub(super) fn write(change: &FileChange) -> Result<(), Failure> {
    let path = std::fs::canonicalize(&change.path).unwrap_or_else(|_| change.path.clone());
    let parent = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(parent)?;
        let mut file = tempfile::NamedTempFile::new_in(parent)?;
        file.write_all(change.after.as_bytes())?;
        if let Ok(known) = std::fs::metadata(&path) {
            if known.permissions().readonly() {
                return Err(std::io::ErrorKind::PermissionDenied.into());
            }
            file.as_file().set_permissions(known.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| change.path.display().to_string())?;
    Ok(())
}
