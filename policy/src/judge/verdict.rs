//! What the policies in force say of a contact.

use flowfence_model::{NodeId, Protocol};
use serde::Serialize;

use crate::semantics::{Connection, Decision, Unspecified, Verdict};

/// What the policies of one end say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// No policy isolates the end, or a rule admits the connection.
    Allowed,
    /// `NetworkPolicy` v1 does not say: ICMP, or a pod that reaches itself.
    Unspecified,
    /// The end is isolated and no rule admits the connection.
    Denied,
}

impl Said {
    /// The token in our outputs.
    pub const fn token(self) -> &'static str {
        match self {
            Said::Allowed => "allowed",
            Said::Unspecified => "unspecified",
            Said::Denied => "denied",
        }
    }
}

/// What the policies of both ends say; `None` where an end is no pod that policies select.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EdgeVerdict {
    /// By the policies of the source.
    pub egress: Option<Said>,
    /// By the policies of the destination.
    pub ingress: Option<Said>,
}

impl EdgeVerdict {
    /// Whether an end denies.
    pub fn is_denied(self) -> bool {
        self.egress == Some(Said::Denied) || self.ingress == Some(Said::Denied)
    }

    /// Of both the worse, end by end: what holds for an edge of several contacts.
    #[must_use]
    pub fn worst(self, other: EdgeVerdict) -> EdgeVerdict {
        EdgeVerdict { egress: self.egress.max(other.egress), ingress: self.ingress.max(other.ingress) }
    }

    pub(crate) fn of(connection: &Connection, decision: &Decision, from: &NodeId, to: &NodeId) -> Self {
        let open = connection.protocol == Protocol::Icmp;
        let itself = decision.unspecified.contains(&Unspecified::SelfTraffic);
        let said = |verdict: &Verdict| {
            if open || (itself && !verdict.isolated_by.is_empty()) {
                Said::Unspecified
            } else if verdict.allowed {
                Said::Allowed
            } else {
                Said::Denied
            }
        };
        EdgeVerdict {
            egress: from.is_workload().then(|| said(&decision.egress)),
            ingress: to.is_workload().then(|| said(&decision.ingress)),
        }
    }
}
