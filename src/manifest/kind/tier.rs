//! What the kinds of cluster-wide policies share. They differ in the names of a few fields and
//! in how long their lists may be: a [`Dialect`].

use std::collections::BTreeSet;

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, DomainName, TierPeer, TierPort, TierRule};
use flowfence_model::{PeerSelector, PortRange};

use super::{label, strict};
use crate::manifest::refusal::Refusal;
use crate::manifest::tree::Field;

/// Addresses or names that one peer lists at most, in every version.
const MAX_NAMES: usize = 25;
/// Longest name of a rule.
const MAX_RULE_NAME: usize = 100;

/// How one kind spells its rules.
pub(super) struct Dialect {
    /// The actions that it has.
    pub(super) actions: &'static [(&'static str, Action)],
    /// The field of a rule that lists its ports.
    pub(super) ports: &'static str,
    /// Reads one entry of it.
    pub(super) port: fn(&Field<'_>) -> Result<TierPort, Refusal>,
    /// The fields that a peer of an egress rule may have.
    pub(super) egress_peers: &'static [&'static str],
    /// Rules of a direction, peers and ports of a rule at most.
    pub(super) max_entries: usize,
}

/// The fields that a peer of an ingress rule may have: pods only.
const INGRESS_PEERS: &[&str] = &["namespaces", "pods"];

impl Dialect {
    /// The rules of a direction.
    pub(super) fn rules(&self, spec: &Field<'_>, direction: Direction) -> Result<Vec<TierRule>, Refusal> {
        let field = spec.get(direction.token());
        let rules = field.list()?;
        at_most(&field, rules.len(), self.max_entries)?;
        rules.iter().map(|rule| self.rule(rule, direction)).collect()
    }

    fn rule(&self, rule: &Field<'_>, direction: Direction) -> Result<TierRule, Refusal> {
        let (peers, known) = match direction {
            Direction::Egress => ("to", self.egress_peers),
            Direction::Ingress => ("from", INGRESS_PEERS),
        };
        rule.only(&["name", "action", peers, self.ports])?;
        let name = rule.get("name");
        let text = name.text()?.unwrap_or_default();
        if text.chars().count() > MAX_RULE_NAME {
            return Err(name.refuse(format!("may not be longer than {MAX_RULE_NAME} characters")));
        }
        let action = self.action(&rule.get("action"))?;
        let peers = self.peers(&rule.get(peers), known, action)?;
        let ports = self.ports(&rule.get(self.ports))?;
        refuse_names_of_addresses(&rule.get(self.ports), &peers, &ports)?;
        Ok(TierRule { name: text.to_owned(), action, peers, ports })
    }

    fn action(&self, field: &Field<'_>) -> Result<Action, Refusal> {
        let text = strict::required(field)?;
        let known = self.actions.iter().find(|(name, _)| *name == text);
        known.map(|(_, action)| *action).ok_or_else(|| {
            let names: Vec<&str> = self.actions.iter().map(|(name, _)| *name).collect();
            field.refuse(format!("unsupported action {text:?}; supported are {}", names.join(", ")))
        })
    }

    fn peers(&self, field: &Field<'_>, known: &[&str], action: Action) -> Result<Vec<TierPeer>, Refusal> {
        let peers = field.list()?;
        if peers.is_empty() {
            return Err(field.refuse("required: at least one peer"));
        }
        at_most(field, peers.len(), self.max_entries)?;
        peers.iter().map(|entry| peer(entry, known, action)).collect()
    }

    /// An absent list is every port; an empty one is refused, since it reads as none.
    fn ports(&self, field: &Field<'_>) -> Result<Vec<TierPort>, Refusal> {
        let ports = field.list()?;
        if ports.is_empty() && field.is_present() {
            return Err(field.refuse("should have at least 1 item; leave it out to match every port"));
        }
        at_most(field, ports.len(), self.max_entries)?;
        ports.iter().map(|port| (self.port)(port)).collect()
    }
}

/// `spec.subject`: exactly one of `namespaces` and `pods`.
pub(super) fn subject(field: &Field<'_>) -> Result<PeerSelector, Refusal> {
    field.only(INGRESS_PEERS)?;
    match field.keys()[..] {
        ["namespaces"] => {
            Ok(PeerSelector { namespaces: Some(label::selector(&field.get("namespaces"))?), pods: None })
        }
        ["pods"] => pods(&field.get("pods")),
        _ => Err(field.refuse("must specify exactly one of namespaces, pods")),
    }
}

fn peer(field: &Field<'_>, known: &[&str], action: Action) -> Result<TierPeer, Refusal> {
    field.only_mapping()?;
    let keys = field.keys();
    let [key] = keys[..] else {
        return Err(field.refuse(format!("must specify exactly one of {}", known.join(", "))));
    };
    let value = field.get(key);
    match key {
        // A newer version of the API may know it; leaving the peer out would open a Deny.
        _ if !known.contains(&key) => Ok(TierPeer::Unknown(key.to_owned())),
        "namespaces" => {
            Ok(TierPeer::Pods(PeerSelector { namespaces: Some(label::selector(&value)?), pods: None }))
        }
        "pods" => pods(&value).map(TierPeer::Pods),
        "nodes" => label::selector(&value).map(TierPeer::Nodes),
        "networks" => {
            let blocks = names(&value)?.iter().map(strict::cidr).collect::<Result<Vec<_>, _>>()?;
            Ok(TierPeer::Networks(blocks))
        }
        _ if action != Action::Accept => Err(value.refuse("may only be used with the action that accepts")),
        _ => Ok(TierPeer::DomainNames(names(&value)?.iter().map(domain_name).collect::<Result<_, _>>()?)),
    }
}

fn pods(field: &Field<'_>) -> Result<PeerSelector, Refusal> {
    field.only(&["namespaceSelector", "podSelector"])?;
    let pods = field.get("podSelector");
    if !pods.is_present() {
        return Err(pods.refuse("required; {} selects every pod"));
    }
    let namespaces = label::selector(&field.get("namespaceSelector"))?;
    Ok(PeerSelector { namespaces: Some(namespaces), pods: Some(label::selector(&pods)?) })
}

/// A list of 1 to 25 different texts.
fn names<'a>(field: &Field<'a>) -> Result<Vec<Field<'a>>, Refusal> {
    let entries = field.list()?;
    if entries.is_empty() {
        return Err(field.refuse("should have at least 1 item"));
    }
    at_most(field, entries.len(), MAX_NAMES)?;
    let mut seen = BTreeSet::new();
    for entry in &entries {
        if !seen.insert(strict::required(entry)?) {
            return Err(entry.refuse("duplicate value"));
        }
    }
    Ok(entries)
}

/// `^(\*\.)?(LABEL\.)+LABEL\.?$`, LABEL of letters, digits, `-` and `_`, not at its ends.
fn domain_name(field: &Field<'_>) -> Result<DomainName, Refusal> {
    let text = strict::required(field)?;
    let rest = text.strip_prefix("*.").unwrap_or(&text);
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    let is_label = |label: &str| {
        let ends = [label.bytes().next(), label.bytes().last()];
        ends.iter().all(|byte| byte.is_some_and(|b| b.is_ascii_alphanumeric()))
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if rest.contains('.') && rest.split('.').all(is_label) {
        return Ok(DomainName::new(&text));
    }
    Err(field
        .refuse(format!("{text:?} is not a domain name; expected one like example.org or *.example.org")))
}

/// Addresses and nodes have no named ports.
fn refuse_names_of_addresses(
    field: &Field<'_>,
    peers: &[TierPeer],
    ports: &[TierPort],
) -> Result<(), Refusal> {
    let has_address = peers
        .iter()
        .any(|peer| matches!(peer, TierPeer::Networks(_) | TierPeer::Nodes(_) | TierPeer::DomainNames(_)));
    let has_name = ports.iter().any(|port| matches!(port, TierPort::Named(_)));
    if has_address && has_name {
        return Err(field.refuse(
            "networks/nodes/domainNames peer cannot be set with namedPorts since there are no namedPorts \
             for networks/nodes/domainNames",
        ));
    }
    Ok(())
}

/// `start` and `end`, the second greater than the first.
pub(super) fn range(field: &Field<'_>) -> Result<PortRange, Refusal> {
    let (first, last) = (number(&field.get("start"))?, number(&field.get("end"))?);
    if first >= last {
        return Err(field.refuse("Start port must be less than End port"));
    }
    Ok(PortRange { first, last })
}

/// A port number that must be there.
pub(super) fn number(field: &Field<'_>) -> Result<u16, Refusal> {
    let number = field.integer()?.ok_or_else(|| field.refuse("required"))?;
    strict::port(field, number)
}

/// `spec.priority`.
pub(super) fn priority(field: &Field<'_>) -> Result<u16, Refusal> {
    let number = field.integer()?.ok_or_else(|| field.refuse("required"))?;
    let valid = u16::try_from(number).ok().filter(|priority| *priority <= 1000);
    valid.ok_or_else(|| field.refuse(format!("{number} should be from 0 to 1000")))
}

fn at_most(field: &Field<'_>, count: usize, limit: usize) -> Result<(), Refusal> {
    if count > limit {
        return Err(field.refuse(format!("{count} items, must have at most {limit}")));
    }
    Ok(())
}
