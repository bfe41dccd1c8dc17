//! NetworkPolicies: checked and defaulted as the API server does.
//!
//! A policy that the server would refuse is refused whole, since half a policy means something
//! else than the user wrote.

use flowfence_model::object::Object;
use flowfence_model::{
    Direction, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange, Remark,
};

use super::{label, strict};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;
use crate::manifest::tree::{Field, NumberOrText};

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Ok(vec![Object::NetworkPolicy(strict::read(source, |root| policy(root, &[]))?)])
}

/// An object with the spec of a NetworkPolicy, and `more` fields in it, which are left to the
/// caller.
pub(in crate::manifest) fn policy(root: &Field<'_>, more: &[&str]) -> Result<NetworkPolicy, Refusal> {
    root.only(&["apiVersion", "kind", "metadata", "spec", "status"])?;
    let (name, namespace) = strict::metadata(root)?;
    let spec = root.get("spec");
    spec.only(&[&["podSelector", "policyTypes", "ingress", "egress"], more].concat())?;
    let ingress = rules(&spec.get("ingress"), "from")?;
    let egress = rules(&spec.get("egress"), "to")?;
    let (isolates_ingress, isolates_egress) = policy_types(&spec.get("policyTypes"), !egress.is_empty())?;
    Ok(NetworkPolicy {
        // An object without a namespace goes where it is applied; offline that is `default`.
        namespace: namespace.unwrap_or_else(|| "default".to_owned()),
        name,
        pod_selector: label::selector(&spec.get("podSelector"))?,
        ingress: isolates_ingress.then_some(ingress),
        egress: isolates_egress.then_some(egress),
    })
}

/// What the policy says that its checked form no longer shows: defaults that are easily misread,
/// rules that nobody reads, and lists that are empty on purpose.
pub(super) fn remarks(root: &Field<'_>) -> Vec<Remark> {
    let spec = root.get("spec");
    let list = |name: &str| spec.get(name).list().unwrap_or_default();
    let types: Vec<&str> =
        list("policyTypes").iter().filter_map(|entry| entry.text().ok().flatten()).collect();
    let mut remarks = Vec::new();
    for direction in Direction::BOTH {
        let rules = list(direction.token());
        let is_restricted = types.is_empty() || types.contains(&direction.policy_type());
        if !is_restricted && !rules.is_empty() {
            remarks.push(Remark::RulesIgnored { direction, rules: rules.len() });
        }
        let is_empty = |rule: &Field<'_>| {
            let peers = rule.get(direction.peers());
            peers.is_present() && peers.list().is_ok_and(|peers| peers.is_empty())
        };
        let empty = (0..rules.len()).filter(|rule| is_restricted && is_empty(&rules[*rule]));
        remarks.extend(empty.map(|rule| Remark::EmptyPeers { direction, rule }));
    }
    let (ingress, egress) = (spec.get("ingress"), spec.get("egress"));
    match (ingress.is_present(), egress.is_present(), list("egress").is_empty()) {
        _ if !types.is_empty() => {}
        (_, true, true) => remarks.push(Remark::EgressLeftOpen),
        (false, true, false) => remarks.push(Remark::IngressDeniedToo),
        (false, false, _) => remarks.push(Remark::OnlyIngressDenied),
        (true, false, _) | (true, true, false) => {}
    }
    remarks
}

/// Whether it isolates for ingress and for egress. Without policyTypes: ingress always, egress
/// only when it has an egress rule, so that `egress: []` alone leaves egress open.
fn policy_types(field: &Field<'_>, has_egress_rule: bool) -> Result<(bool, bool), Refusal> {
    let types = field.list()?;
    if types.is_empty() {
        return Ok((true, has_egress_rule));
    }
    if types.len() > 2 {
        return Err(field.refuse("may not specify more than two policyTypes"));
    }
    let (mut ingress, mut egress) = (false, false);
    for entry in &types {
        match entry.text()? {
            Some("Ingress") => ingress = true,
            Some("Egress") => egress = true,
            other => {
                let other = other.unwrap_or_default();
                return Err(entry.refuse(format!("{other:?} is neither \"Ingress\" nor \"Egress\"")));
            }
        }
    }
    Ok((ingress, egress))
}

/// A null entry is an empty rule, which admits everything.
fn rules(field: &Field<'_>, peers: &str) -> Result<Vec<PolicyRule>, Refusal> {
    let read = |rule: &Field<'_>| {
        rule.only(&[peers, "ports"])?;
        let peers = rule.get(peers).list()?.iter().map(peer).collect::<Result<_, _>>()?;
        let ports = rule.get("ports").list()?.iter().map(port).collect::<Result<_, _>>()?;
        Ok(PolicyRule { peers, ports })
    };
    field.list()?.iter().map(read).collect()
}

fn peer(field: &Field<'_>) -> Result<PolicyPeer, Refusal> {
    field.only(&["podSelector", "namespaceSelector", "ipBlock"])?;
    let (pods, namespaces) = (field.get("podSelector"), field.get("namespaceSelector"));
    let block = field.get("ipBlock");
    if block.is_present() {
        if pods.is_present() || namespaces.is_present() {
            return Err(block.refuse("may not specify both ipBlock and another peer"));
        }
        return ip_block(&block);
    }
    // Matching all would be the other reading of an empty peer; the server refuses it.
    if !pods.is_present() && !namespaces.is_present() {
        return Err(field.refuse("must specify a peer: podSelector, namespaceSelector or ipBlock"));
    }
    let optional = |field: &Field<'_>| field.is_present().then(|| label::selector(field)).transpose();
    Ok(PolicyPeer::Pods(PeerSelector { namespaces: optional(&namespaces)?, pods: optional(&pods)? }))
}

fn ip_block(field: &Field<'_>) -> Result<PolicyPeer, Refusal> {
    field.only(&["cidr", "except"])?;
    let cidr = strict::cidr(&field.get("cidr"))?;
    let mut except = Vec::new();
    for entry in field.get("except").list()? {
        let part = strict::cidr(&entry)?;
        if !cidr.contains(&part) || part.prefix_len() <= cidr.prefix_len() {
            return Err(entry.refuse(format!("{part} must be a strict subset of `cidr` {cidr}")));
        }
        except.push(part);
    }
    Ok(PolicyPeer::Block { cidr, except })
}

fn port(field: &Field<'_>) -> Result<PolicyPort, Refusal> {
    field.only(&["protocol", "port", "endPort"])?;
    let protocol = strict::protocol(&field.get("protocol"))?;
    let port = field.get("port");
    let end = field.get("endPort");
    let last = end.integer()?;
    let port = match (port.number_or_text()?, last) {
        (None, None) => None,
        (None, Some(_)) => return Err(end.refuse("may not be specified when `port` is not specified")),
        (Some(NumberOrText::Text(_)), Some(_)) => {
            return Err(end.refuse("may not be specified when `port` is a name"));
        }
        (Some(NumberOrText::Text(name)), None) => Some(PortName::Name(port_name(&port, name)?)),
        (Some(NumberOrText::Number(first)), last) => {
            let first = strict::port(&port, first)?;
            let last = last.map_or(Ok(first), |last| strict::port(&end, last))?;
            if last < first {
                return Err(end.refuse(format!("{last} must be greater than or equal to `port` {first}")));
            }
            Some(PortName::Range(PortRange { first, last }))
        }
    };
    Ok(PolicyPort { protocol, port })
}

/// `IANA_SVC_NAME`. A number in quotes is a name to the server, and no valid one.
pub(in crate::manifest) fn port_name(field: &Field<'_>, name: String) -> Result<String, Refusal> {
    let is_valid = (1..=15).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_valid {
        return Ok(name);
    }
    let advice =
        if name.bytes().all(|b| b.is_ascii_digit()) { "; write a number without quotes" } else { "" };
    Err(field.refuse(format!(
        "{name:?} is not a port name (at most 15 of a-z, 0-9 and single '-', with a letter){advice}"
    )))
}
