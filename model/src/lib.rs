//! The field's vocabulary: what every other crate of flowfence speaks.
//!
//! ```text
//! time, address, protocol, port      the smallest words
//! label ─▶ selector ─▶ object        Kubernetes objects, only the fields that are used
//!                    ├▶ policy       NetworkPolicy, checked
//!                    ├▶ tier         cluster-wide policies, checked
//!                    └▶ remark       what a policy's spelling told beside its meaning
//! flow ─▶ recording                  what the wire showed
//! node                               the name of an end of an edge
//! ```
//!
//! Nothing here does I/O, reads a clock or knows a wire format. Conversions from
//! outside shapes (YAML, packets) live with the crates that read them.

#![forbid(unsafe_code)]

pub mod address;
pub mod flow;
pub mod label;
pub mod logged;
pub mod node;
pub mod object;
pub mod policy;
pub mod port;
mod privilege;
pub mod protocol;
pub mod question;
pub mod recording;
pub mod remark;
pub mod selector;
pub mod tier;
pub mod time;
mod translation;

pub use address::{Address, Endpoint};
pub use flow::{FlowRecord, Half, IcmpType, Orientation, Signs, TapId};
pub use label::Labels;
pub use logged::{Conversation, Logged};
pub use node::{Fold, NodeId, WorkloadName};
pub use policy::{Direction, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName};
pub use port::{PortRange, PortSet};
pub use privilege::Privilege;
pub use protocol::Protocol;
pub use question::{Asked, Questions};
pub use recording::{Counts, FileReport, Names, Recording, Tap};
pub use remark::{Remark, Remarks};
pub use selector::{LabelSelector, Requirement};
pub use tier::{Action, ClusterPolicy, ClusterPolicyKind, DomainName, Tier, TierPeer, TierPort, TierRule};
pub use time::Timestamp;
pub use translation::Translation;
