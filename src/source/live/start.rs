//! The readers: a thread and a recorder for each ring of each interface.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use flowfence_capture::{Limits, Recorder, Session};

use super::open::Opened;
use super::reader::Reader;
use super::watched::Watched;
use super::{Handing, Live, spawn};
use crate::exit::Failure;
use crate::sandbox;

/// Words of readers that wait at most; one takes a second to come.
const WORDS: usize = 64;

impl Live {
    /// Begins to read what was opened.
    pub(super) fn start(
        &mut self,
        opened: Vec<Opened>,
        is_confined: bool,
        limits: &Limits,
        handing: Handing,
    ) -> Result<(), Failure> {
        let (sender, words) = sync_channel(WORDS);
        self.words = words;
        let readers: usize = opened.iter().map(|(_, captures)| captures.len()).sum();
        // Together they keep what one may.
        let limits = Limits { max_flows: (limits.max_flows / readers.max(1)).max(1), ..limits.clone() };
        for (interface, captures) in opened {
            let watched = Watched::new(interface, captures.len());
            for (number, capture) in captures.into_iter().enumerate() {
                let session = Session {
                    id: handing.run,
                    reader: u32::try_from(self.readers.len()).unwrap_or(u32::MAX),
                };
                let mut recorder = Recorder::new(limits.clone()).with_session(session);
                if handing.forgets {
                    recorder = recorder.forgetting();
                }
                let reader = Reader {
                    number: self.readers.len(),
                    capture,
                    input: recorder.begin_input(&watched.name()),
                    recorder,
                    stop: Arc::clone(&self.stop),
                    is_gone: Arc::clone(&watched.is_gone),
                    words: sender.clone(),
                    every: handing.every,
                };
                let run = move || {
                    if is_confined {
                        sandbox::confine_reader();
                    }
                    reader.run();
                };
                self.readers.push((self.interfaces.len(), number));
                self.threads.push(spawn("reader", run)?);
            }
            self.interfaces.push(watched);
        }
        Ok(())
    }
}
