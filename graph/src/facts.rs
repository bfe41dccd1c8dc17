//! Everything that attribution found out.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use flowfence_model::{Counts, FileReport, Names, Questions, Timestamp};

use crate::contact::{Contact, PodName};
use crate::numbering::Numbering;

/// Who talked to whom, and how much of the cluster could be seen.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Contacts, sorted by their ends, protocol and port.
    pub contacts: Vec<Contact>,
    /// Earliest and latest packet.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Pods all of whose traffic passed some tap.
    pub visible: BTreeSet<PodName>,
    /// Names of outside addresses, from DNS answers.
    pub names: Names,
    /// What clients asked DNS for, of captures that are read from files.
    pub questions: Questions,
    /// What was seen, and what was left out.
    pub completeness: Completeness,
    /// What [`Facts::numbering`] found, once it was asked.
    pub numbered: OnceLock<Numbering>,
}

impl Facts {
    /// The edges between workloads, and which of them each contact is part of.
    pub fn numbering(&self) -> &Numbering {
        self.numbered.get_or_init(|| Numbering::of(&self.contacts))
    }
}

/// The count of records and lines that look at a sample of the packets, as the capture calls it: what is rare was
/// missed, and nobody knows how much of it there was.
pub const SAMPLED: &str = "flows-sampled";

/// What attribution adds to [`Completeness::counts`], with the meaning of each token. Tokens never
/// change.
pub const CAUSES: &[(&str, &str)] = &[
    ("loopback-address", "A flow from or to a loopback address, which every host has: no connection."),
    (
        "log-address-unknown",
        "A conversation of a flow log with a node, or with something outside (Calico's `pub` and `pvt`, network sets), \
         whose address neither the log nor the cluster tells: no rule can be written for it.",
    ),
    (
        "remnants",
        "The last segments of a connection that ended before the capture began: neither connection nor attempt.",
    ),
];

/// How much was seen and what was left out, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Packets that were read.
    pub packets: u64,
    /// Flow records that they made.
    pub records: u64,
    /// Lines of flow logs that tell of a conversation.
    pub lines: u64,
    /// Pods of the inventory that ran during the window.
    pub pods: u64,
    /// Of these, pods whose traffic no tap could see wholly.
    pub pods_unseen: u64,
    /// Distinct inside addresses that could not be given to one holder.
    pub unknown_addresses: u64,
    /// Everything else by cause, as the capture and attribution counted it.
    pub counts: Counts,
    /// What became of each input.
    pub files: Vec<FileReport>,
    /// Formats of flow logs that say what passed, and of which no line shows an answer: what passed counts as
    /// connected.
    pub silent_logs: BTreeSet<&'static str>,
}
