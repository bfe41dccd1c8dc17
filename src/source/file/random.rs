//! A file whose octets are read in any order.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use flowfence_capture::{PARQUET, RandomAccess};

/// A table in Parquet on a disk.
pub struct OnDisk {
    file: Mutex<File>,
    size: u64,
}

impl OnDisk {
    /// The file, when it is such a table and can be read in any order; otherwise it is again at its beginning.
    pub fn of_table(file: &mut File) -> Option<Self> {
        let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let mut first = Vec::new();
        let read = file.by_ref().take(PARQUET.len() as u64).read_to_end(&mut first);
        file.rewind().ok()?;
        read.ok().filter(|_| first == PARQUET)?;
        let file = Mutex::new(file.try_clone().ok()?);
        Some(OnDisk { file, size: about.len() })
    }
}

impl RandomAccess for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn octets(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        // No more room than there are octets: whoever asks believes the file.
        let left = self.size.saturating_sub(offset);
        if length as u64 > left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut octets = vec![0; length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut octets)?;
        Ok(octets)
    }
}
