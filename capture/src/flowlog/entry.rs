//! One line of a flow log, decoded: what every format comes down to.

use flowfence_model::logged::{IdentityId, LoggedVerdict, NameId, ObserverId};
use flowfence_model::{Address, IcmpType, Protocol, Timestamp};

use crate::cause::Cause;
use crate::decode::icmp;

/// One end of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Its address, when the line has one.
    pub address: Option<Address>,
    /// Its port, when the line has one.
    pub port: Option<u16>,
    /// Who the log says it was.
    pub identity: Option<IdentityId>,
}

/// Which end opened, and whether the line itself tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// The source of the line.
    Source,
    /// The destination of the line: it is a reply.
    Destination,
    /// The line does not tell.
    Untold,
}

/// What a line shows of the other end's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The one who was asked answered.
    Answered,
    /// It refused.
    Refused,
    /// This whole connection got no answer.
    Nothing,
    /// The line does not tell; others may.
    Untold,
}

/// One line. Source and destination are as the line has them.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Earliest and latest time that it is about.
    pub time: (Timestamp, Timestamp),
    /// Who sent.
    pub source: End,
    /// Who received.
    pub destination: End,
    /// The numbers of both, where the fold gave them: such ends are no others than hosts.
    pub numbers: [Option<u32>; 2],
    /// The protocol.
    pub protocol: Protocol,
    /// Type and code, for ICMP.
    pub icmp: Option<IcmpType>,
    /// Who opened.
    pub opener: Opener,
    /// What was answered.
    pub answer: Answer,
    /// What became of it.
    pub verdict: LoggedVerdict,
    /// The policy that decided.
    pub policy: Option<NameId>,
    /// The service that it went through.
    pub service: Option<NameId>,
    /// The service address that stood before the one who was asked.
    pub service_address: Option<Address>,
    /// Who wrote it.
    pub observer: ObserverId,
    /// Connections that the line counts itself, 0 when it counts none.
    pub connections: u64,
    /// Packets from source to destination, and back.
    pub packets: [u64; 2],
    /// Octets likewise.
    pub octets: [u64; 2],
}

impl Entry {
    /// A line that tells only who and when.
    pub fn new(
        time: (Timestamp, Timestamp),
        source: End,
        destination: End,
        protocol: Protocol,
        observer: ObserverId,
    ) -> Self {
        Entry {
            time,
            source,
            destination,
            numbers: [None; 2],
            protocol,
            icmp: None,
            opener: Opener::Untold,
            answer: Answer::Untold,
            verdict: LoggedVerdict::Allowed,
            policy: None,
            service: None,
            service_address: None,
            observer,
            connections: 0,
            packets: [0; 2],
            octets: [0; 2],
        }
    }
}

/// Why a line is no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It is about something else, or repeats what other lines say: counted under a cause.
    Other(Cause),
    /// It cannot be read; why, in a few words.
    Bad(&'static str),
}

/// The question that an ICMP message of a log is about, and whether it is the question itself; why
/// not, when it is about none. A question has no code worth telling, but for node information (RFC
/// 4620), and Zeek has the type of the answer in its place.
pub fn icmp_question(shown: IcmpType, is_v6: bool) -> Result<(IcmpType, bool), Cause> {
    const NODE_INFORMATION: u8 = 139;
    let (kind, is_question) = icmp::question(is_v6, shown.kind, shown.code)?;
    let code = if kind == NODE_INFORMATION { shown.code } else { 0 };
    Ok((IcmpType { kind, code }, is_question))
}
