//! How much a rule, a peer or a port admits, so that of two the narrower is kept.

use flowfence_model::{PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange};
use ipnet::IpNet;

use super::field::Field;
use crate::recommend::network::size;
use crate::semantics::{PolicySet, RuleId};

/// Orders rules: by how many pairs of ends and ports they admit, then by ends, then by ports.
pub(super) type Width = (u128, u128, u128);

/// Every port of the three protocols that have any.
const EVERY_PORT: u128 = 3 << 16;

/// The width of a rule of a compiled set.
pub(super) fn of_rule(set: &PolicySet, id: RuleId, rule: &PolicyRule) -> Width {
    let subjects = set.selected(id.policy).count() as u128;
    let peers = if rule.peers.is_empty() {
        u128::MAX
    } else {
        let blocks = rule.peers.iter().filter_map(|peer| match peer {
            PolicyPeer::Block { cidr, except } => Some(addresses(*cidr, except)),
            PolicyPeer::Pods(_) => None,
        });
        blocks.fold(set.peers(id).count() as u128, u128::saturating_add)
    };
    let ports = if rule.ports.is_empty() { EVERY_PORT } else { rule.ports.iter().map(of_port).sum() };
    (subjects.saturating_mul(peers).saturating_mul(ports), peers, ports)
}

/// How many pods, or addresses, one peer admits.
pub(super) fn of_peer(field: &Field<'_>, peer: &PolicyPeer, home: &str) -> u128 {
    match peer {
        PolicyPeer::Block { cidr, except } => addresses(*cidr, except),
        PolicyPeer::Pods(selector) => {
            let admitted = field.admitted(selector, home);
            admitted.iter().map(|id| field.roster.pods_of(id).len().max(1) as u128).sum()
        }
    }
}

/// How many ports an entry admits. A name is wider than one number, for pods may give it others.
pub(super) fn of_port(port: &PolicyPort) -> u128 {
    match &port.port {
        None => u128::from(u16::MAX) + 1,
        Some(PortName::Name(_)) => 2,
        Some(PortName::Range(PortRange { first, last })) => u128::from(last - first) + 1,
    }
}

fn addresses(cidr: IpNet, except: &[IpNet]) -> u128 {
    except.iter().fold(size(cidr), |left, part| left.saturating_sub(size(*part)))
}
