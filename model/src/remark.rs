//! What the spelling of a policy tells that its checked form no longer shows.

use std::collections::BTreeMap;
use std::fmt;

use crate::policy::Direction;

/// Something that was written and means other than it seems, noticed where the object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remark {
    /// Rules of a direction that `policyTypes` does not list: nobody reads them.
    RulesIgnored {
        /// The direction.
        direction: Direction,
        /// How many.
        rules: usize,
    },
    /// Without `policyTypes`, and with an `egress` that is empty: egress stays open.
    EgressLeftOpen,
    /// Without `policyTypes`, `ingress` and `egress`: ingress is denied, egress stays open.
    OnlyIngressDenied,
    /// Without `policyTypes` and `ingress`, but with egress rules: ingress is denied as well.
    IngressDeniedToo,
    /// An empty `from` or `to` that was written out: it admits everybody, not nobody.
    EmptyPeers {
        /// The direction.
        direction: Direction,
        /// The place of the rule in its list.
        rule: usize,
    },
}

/// Remarks by the policy's `NAMESPACE/NAME`.
pub type Remarks = BTreeMap<String, Vec<Remark>>;

impl Remark {
    /// The field under `spec` that it is about.
    pub fn field(&self) -> String {
        match self {
            Remark::RulesIgnored { direction, .. } => direction.token().to_owned(),
            Remark::EgressLeftOpen | Remark::IngressDeniedToo => Direction::Egress.token().to_owned(),
            Remark::OnlyIngressDenied => "podSelector".to_owned(),
            Remark::EmptyPeers { direction, rule } => {
                format!("{direction}[{rule}].{}", direction.peers())
            }
        }
    }
}

impl fmt::Display for Remark {
    /// The token of its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remark::RulesIgnored { .. } => "rules-ignored",
            Remark::EgressLeftOpen => "egress-left-open",
            Remark::OnlyIngressDenied => "only-ingress-denied",
            Remark::IngressDeniedToo => "ingress-denied-too",
            Remark::EmptyPeers { .. } => "empty-peers",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_knows_its_field() {
        let remark = Remark::EmptyPeers { direction: Direction::Egress, rule: 2 };
        assert_eq!((remark.field().as_str(), remark.to_string().as_str()), ("egress[2].to", "empty-peers"));
    }
}
