//! What becomes of a message of a server that streams flows.

use super::entry::Skip;
use crate::recorder::Recorder;

/// Messages that cannot be read of which something is said.
pub(super) const MAX_PROBLEMS: usize = 8;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A flow, or a line about flows; whatever was left out of it was counted.
    News,
    /// It came already, over an earlier connection.
    Repeated,
    /// It could not be read; that was counted as damage of the input.
    Damaged,
}

impl Heard {
    /// Counts a message of an input by what reading it gave.
    pub(super) fn note(
        read: Result<Heard, Skip>,
        octets: usize,
        recorder: &mut Recorder,
        input: u32,
    ) -> Heard {
        if let Some(report) = recorder.report(input) {
            report.octets += octets as u64;
            match read {
                Ok(Heard::Repeated) => {}
                Ok(_) | Err(Skip::Other(_)) => report.packets += 1,
                Err(Skip::Bad(why)) => {
                    report.damaged_records += 1;
                    if report.problems.len() < MAX_PROBLEMS {
                        let number = report.packets + report.damaged_records;
                        report.problems.push(format!("message {number}: {why}"));
                    }
                }
            }
        }
        match read {
            Ok(heard) => heard,
            Err(Skip::Bad(_)) => Heard::Damaged,
            Err(Skip::Other(cause)) => {
                recorder.log(input).tally.add(cause);
                Heard::News
            }
        }
    }
}
