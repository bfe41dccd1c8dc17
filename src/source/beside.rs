//! What tells flows over a network: servers that are followed, exporters that are heard, or both at once.
//!
//! Both end together. Each has a recorder of its own, and what the two told is put together behind that: the same flow from
//! both is the same seen by two observers, as it is in two files.

use std::sync::Arc;
use std::time::Duration;

use flowfence_capture::Recorder;

use super::exporter::Listener;
use super::live;
use super::live::stop::Stop;
use super::server::Servers;
use crate::cluster::Objects;
use crate::exit::Failure;

/// Flow exporters that are heard.
#[derive(Debug)]
pub struct Exporters {
    /// Their sockets.
    pub listener: Listener,
    /// When to end.
    pub stop: Arc<Stop>,
    /// After this time at the latest.
    pub duration: Option<Duration>,
}

impl Exporters {
    fn hear(self, recorder: &mut Recorder) {
        self.listener.hear(recorder, &self.stop, self.duration);
    }
}

/// Servers, exporters, or both.
#[derive(Debug)]
pub enum Beside {
    /// Servers that are followed.
    Servers(Servers),
    /// Exporters that are heard.
    Exporters(Exporters),
    /// At once.
    Both(Servers, Exporters),
}

impl Beside {
    /// Whatever there is.
    pub fn of(servers: Option<Servers>, exporters: Option<Exporters>) -> Option<Self> {
        match (servers, exporters) {
            (Some(servers), Some(exporters)) => Some(Beside::Both(servers, exporters)),
            (Some(servers), None) => Some(Beside::Servers(servers)),
            (None, exporters) => exporters.map(Beside::Exporters),
        }
    }

    /// Listens until its end, beside what the recorder has; what a person must know of how it went.
    pub fn read(
        self,
        mut recorder: Recorder,
        objects: Option<Objects>,
    ) -> Result<(Recorder, Vec<String>), Failure> {
        match self {
            Beside::Servers(servers) => servers.read(recorder, objects),
            Beside::Exporters(exporters) => {
                exporters.hear(&mut recorder);
                Ok((recorder, Vec::new()))
            }
            Beside::Both(servers, exporters) => {
                let mut apart = recorder.apart(1);
                let hearing = live::spawn("exporters", move || {
                    exporters.hear(&mut apart);
                    apart
                })?;
                let (mut recorder, mut problems) = servers.read(recorder, objects)?;
                let heard = hearing
                    .join()
                    .map_err(|_| Failure::unreadable("the hearing of flow exporters broke down"))?;
                if !recorder.join(heard) {
                    problems.push(
                        "what flow exporters told was too much beside the rest: see --max-flows".to_owned(),
                    );
                }
                Ok((recorder, problems))
            }
        }
    }
}
