//! What narrowing answers.

use std::collections::BTreeSet;
use std::fmt;

use flowfence_graph::EdgeKey;
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, NodeId, PolicyPeer, PolicyPort, PolicyRule};

use crate::recommend::{Declared, Evidence, Why};

/// Today's policies, narrowed to what was used of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tightening {
    /// Every policy of today, narrowed or not, sorted by namespace and name.
    pub policies: Vec<Tightened>,
    /// What was narrowed, in the order of the policies.
    pub edits: Vec<Edit>,
    /// What could not be narrowed, and why.
    pub kept: Vec<Kept>,
    /// Policies (`NAMESPACE/NAME`) that select no pod and no pod template: they may be deleted.
    pub selects_nothing: Vec<String>,
    /// Genuine edges that today's policies deny. To admit them is another mode's.
    pub denied: Vec<EdgeKey>,
    /// Widths that are kept on purpose.
    pub declared: Vec<Declared>,
}

impl Tightening {
    /// The narrowed set.
    pub fn objects(&self) -> Vec<NetworkPolicy> {
        self.policies.iter().map(|tightened| tightened.policy.clone()).collect()
    }
}

/// One policy of today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tightened {
    /// The policy as it should be: name, selector and isolated directions are today's.
    pub policy: NetworkPolicy,
    /// The workloads that it selects.
    pub subjects: Vec<NodeId>,
    /// What each of its rules was seen to carry, egress before ingress.
    pub evidence: Vec<Evidence>,
    /// Where each of its egress rules comes from.
    pub egress: Vec<Origin>,
    /// Likewise for ingress.
    pub ingress: Vec<Origin>,
}

impl Tightened {
    /// Where the rules of a direction come from.
    pub fn origins(&self, direction: Direction) -> &[Origin] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

/// Where a narrowed rule comes from. Several rules have one origin when it had to be split, and
/// then stand after each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The rule of today, by its place.
    pub rule: usize,
    /// For each peer the entry of today that it stands for; 0 when there was none.
    pub peers: Vec<usize>,
    /// Likewise for ports.
    pub ports: Vec<usize>,
}

/// One narrowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// `NAMESPACE/NAME`.
    pub policy: String,
    /// Which of its lists.
    pub direction: Direction,
    /// The rule of today, by its place.
    pub rule: usize,
    /// What becomes of it.
    pub what: What,
    /// One sentence.
    pub why: String,
    /// What was seen.
    pub evidence: Seen,
}

/// What becomes of a part of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The rule goes.
    RuleRemoved(PolicyRule),
    /// The rule becomes several, for its peers did not use the same ports.
    RuleSplit(Vec<PolicyRule>),
    /// The peer goes.
    PeerRemoved(PolicyPeer),
    /// The peer becomes others.
    PeerReplaced {
        /// Today's.
        was: PolicyPeer,
        /// What stands in its place.
        now: Vec<PolicyPeer>,
    },
    /// The rule admitted everybody, and now these.
    PeersListed(Vec<PolicyPeer>),
    /// The port goes.
    PortRemoved(PolicyPort),
    /// The port becomes others.
    PortReplaced {
        /// Today's.
        was: PolicyPort,
        /// What stands in its place.
        now: Vec<PolicyPort>,
    },
    /// The rule admitted every port of every protocol, and now these.
    PortsListed(Vec<PolicyPort>),
}

impl What {
    /// The token in our outputs.
    pub const fn token(&self) -> &'static str {
        match self {
            What::RuleRemoved(_) => "rule-removed",
            What::RuleSplit(_) => "rule-split",
            What::PeerRemoved(_) => "peer-removed",
            What::PeerReplaced { .. } => "peer-replaced",
            What::PeersListed(_) => "peers-listed",
            What::PortRemoved(_) => "port-removed",
            What::PortReplaced { .. } => "port-replaced",
            What::PortsListed(_) => "ports-listed",
        }
    }
}

/// What was seen of a part of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Genuine edges that the narrowed rule goes on to carry.
    pub edges: BTreeSet<EdgeKey>,
    /// Workloads that today's part admits and that came.
    pub came: BTreeSet<NodeId>,
    /// Workloads that it admits and that never came.
    pub never: BTreeSet<NodeId>,
    /// Of these, workloads of which nothing at all was seen: they may only have been asleep.
    pub unobserved: BTreeSet<NodeId>,
    /// Of these, workloads that came after they had begun to scan.
    pub suspicious: BTreeSet<NodeId>,
    /// Ports that were seen, as text.
    pub ports: BTreeSet<String>,
}

/// Something that stays as wide as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `NAMESPACE/NAME`.
    pub policy: String,
    /// The rule; the whole policy without one.
    pub rule: Option<(Direction, usize)>,
    /// Why.
    pub why: WhyKept,
}

/// Why something stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyKept {
    /// Workloads that the policy selects had no traffic: what they need is not known.
    Unobserved(Vec<NodeId>),
    /// A workload that the policy selects is left open, for this reason.
    Open(NodeId, Why),
    /// No stable label selects a workload that used it.
    NoStableLabel(NodeId),
    /// A block holds only some addresses of a workload that came through it.
    PartlyInBlock(NodeId),
    /// A range of which so many ports were used that a server seems to choose among them.
    DynamicPorts(usize),
    /// The last rule of the direction went: what it isolates stays isolated.
    DeniesAll(Direction),
}

impl WhyKept {
    /// The token in our outputs.
    pub const fn token(&self) -> &'static str {
        match self {
            WhyKept::Unobserved(_) => "unobserved",
            WhyKept::Open(..) => "left-open",
            WhyKept::NoStableLabel(_) => "no-stable-label",
            WhyKept::PartlyInBlock(_) => "partly-in-block",
            WhyKept::DynamicPorts(_) => "dynamic-ports",
            WhyKept::DeniesAll(_) => "denies-all",
        }
    }
}

impl fmt::Display for WhyKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhyKept::Unobserved(ids) => {
                let names: Vec<String> = ids.iter().take(4).map(ToString::to_string).collect();
                let more = ids.len().saturating_sub(4);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, "it selects {}{more}, of which nothing was seen", names.join(", "))
            }
            WhyKept::Open(id, why) => write!(f, "it selects {id}, which is left open: {why}"),
            WhyKept::NoStableLabel(id) => write!(f, "no stable label selects {id}, which used it"),
            WhyKept::PartlyInBlock(id) => {
                write!(f, "a block holds only some addresses of {id}, which came through it")
            }
            WhyKept::DynamicPorts(count) => {
                write!(f, "{count} ports of the range were used: a server seems to choose among them")
            }
            WhyKept::DeniesAll(direction) => {
                write!(f, "no rule for {direction} is left: it stays and denies all of it")
            }
        }
    }
}
