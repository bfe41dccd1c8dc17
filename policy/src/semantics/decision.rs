//! What is answered.

use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;

use super::unspecified::Unspecified;

/// What the policies say of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What the policies of the source say.
    pub egress: Verdict,
    /// What the policies of the destination say.
    pub ingress: Verdict,
    /// Why a conforming plugin may answer otherwise; sorted, each reason once.
    pub unspecified: Vec<Unspecified>,
}

impl Decision {
    /// Whether the connection is allowed: its source may send it and its destination take it.
    pub fn allowed(&self) -> bool {
        self.egress.allowed && self.ingress.allowed
    }

    /// The verdict of one direction.
    pub fn direction(&self, direction: Direction) -> &Verdict {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

/// What the policies of one end say. An end that no policy isolates and no tier speaks of allows
/// everything.
///
/// An Accept or Deny of the first ruling is final. After a Pass, or without a ruling of the Admin
/// tier, the NetworkPolicies decide if any isolates the end, else the Baseline tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether this end allows the connection.
    pub allowed: bool,
    /// The policies that isolate this end in this direction, ascending.
    pub isolated_by: Vec<usize>,
    /// The rules that admit the connection, ascending.
    pub admitted_by: Vec<RuleId>,
    /// The rule that each tier applied, in their order; a tier that was not reached, or in which
    /// no rule matched, is not among them.
    pub tiers: Vec<TierRuling>,
    /// Why it is allowed although this end is isolated, whatever the rules say.
    pub exemption: Option<Exemption>,
}

/// The first rule of a tier that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierRuling {
    /// Index of the policy in the list that was compiled.
    pub policy: usize,
    /// Which of its two lists.
    pub direction: Direction,
    /// Index in the list.
    pub rule: usize,
    /// What the rule does.
    pub action: Action,
}

/// What no policy can forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exemption {
    /// Traffic into a pod from the node that it runs on, such as kubelet probes.
    OwnNode,
    /// Traffic of a pod to itself.
    SelfTraffic,
}

/// A rule of a policy of a [`super::PolicySet`]. Orders as read: policy, egress before ingress,
/// rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// Index of the policy in the list that was compiled.
    pub policy: usize,
    /// Which of its two lists.
    pub direction: Direction,
    /// Index in the list.
    pub rule: usize,
}

/// Which entries of one rule a connection used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Matching entries of `from` or `to`; empty where the rule has none and so admits anybody.
    pub peers: Vec<usize>,
    /// Matching entries of `ports`; empty where the rule has none and so admits any.
    pub ports: Vec<usize>,
}
