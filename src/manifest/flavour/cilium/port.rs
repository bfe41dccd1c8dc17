//! Ports, and the rule that sends DNS through Cilium's proxy.

use std::collections::BTreeSet;

use flowfence_model::{NetworkPolicy, PolicyPort, PolicyRule, PortName, PortRange, Protocol};

use crate::manifest::flavour::draft::Draft;
use crate::manifest::kind::{network_policy, strict};
use crate::manifest::refusal::Refusal;
use crate::manifest::tree::Field;

/// Ports of one entry of `toPorts` at most.
const MOST: usize = 40;
/// Every name, at any depth.
const ANY_NAME: &str = "*";

/// Whether the policy lets its pods ask DNS at one of these ports.
pub(super) fn asks_dns(policy: &NetworkPolicy, dns: &BTreeSet<u16>) -> bool {
    let rules = policy.egress.as_deref().unwrap_or_default();
    let asks = |rule: &PolicyRule| rule.ports.iter().any(|port| is_dns(port, dns));
    rules.iter().any(asks)
}

/// `toPorts`; nothing for every port of every protocol. Ports of DNS get a rule that admits every
/// question, so that Cilium sees the answers.
pub(super) fn drafts(ports: &[PolicyPort], dns: Option<&BTreeSet<u16>>) -> Option<Draft> {
    let asks = |port: &PolicyPort| dns.is_some_and(|dns| is_dns(port, dns));
    let (questions, others): (Vec<&PolicyPort>, Vec<&PolicyPort>) = ports.iter().partition(|port| asks(port));
    let every_name = Draft::map([("matchPattern", Some(Draft::text(ANY_NAME)))]);
    let every_name = Draft::map([("dns", Some(Draft::List(vec![every_name])))]);
    let entry = |ports: &[&PolicyPort], rules: Option<&Draft>| {
        let ports = ports.iter().map(|port| draft(port)).collect();
        Draft::map([("ports", Some(Draft::List(ports))), ("rules", rules.cloned())])
    };
    let questions = questions.chunks(MOST).map(|ports| entry(ports, Some(&every_name)));
    let entries = questions.chain(others.chunks(MOST).map(|ports| entry(ports, None)));
    Draft::list(entries.collect())
}

/// DNS rules take no ranges.
fn is_dns(port: &PolicyPort, dns: &BTreeSet<u16>) -> bool {
    let is_number = matches!(&port.port, Some(PortName::Range(range)) if range.first == range.last && dns.contains(&range.first));
    is_number && matches!(port.protocol, Protocol::Tcp | Protocol::Udp)
}

/// A port is a text; `"0"` is every port of the protocol.
fn draft(source: &PolicyPort) -> Draft {
    let (port, end) = match &source.port {
        None => ("0".to_owned(), None),
        Some(PortName::Name(name)) => (name.clone(), None),
        Some(PortName::Range(range)) => {
            (range.first.to_string(), (range.last > range.first).then_some(range.last))
        }
    };
    Draft::map([
        ("port", Some(Draft::Text(port))),
        ("endPort", end.map(|end| Draft::Number(u32::from(end)))),
        ("protocol", Some(Draft::text(source.protocol.token()))),
    ])
}

/// What `toPorts` means, and whether DNS passes the proxy there.
pub(super) fn read(field: &Field<'_>) -> Result<(Vec<PolicyPort>, bool), Refusal> {
    let (mut ports, mut has_dns) = (Vec::new(), false);
    for entry in field.list()? {
        entry.only(&["ports", "rules"])?;
        for port in entry.get("ports").list()? {
            ports.push(port_of(&port)?);
        }
        let rules = entry.get("rules");
        if rules.is_present() {
            rules.only(&["dns"])?;
            every_name(&rules.get("dns"))?;
            has_dns = true;
        }
    }
    // An entry without ports would mean every one.
    if ports.is_empty() && field.is_present() {
        return Err(field.refuse("must name a port"));
    }
    Ok((ports, has_dns))
}

fn every_name(field: &Field<'_>) -> Result<(), Refusal> {
    for entry in field.list()? {
        entry.only(&["matchPattern"])?;
        if entry.get("matchPattern").text()? == Some(ANY_NAME) {
            return Ok(());
        }
    }
    Err(field.refuse("admits some questions only, which no rule of ports can say"))
}

fn port_of(field: &Field<'_>) -> Result<PolicyPort, Refusal> {
    field.only(&["port", "endPort", "protocol"])?;
    let protocol = strict::protocol(&field.get("protocol"))?;
    let port = field.get("port");
    let text = strict::required(&port)?;
    let end = field.get("endPort");
    let last = end.integer()?.map(|last| strict::port(&end, last)).transpose()?;
    let port = match (text.parse::<u16>(), last) {
        (Ok(0), None) => None,
        (Ok(first), last) if last.is_none_or(|last| last >= first) && first > 0 => {
            Some(PortName::Range(PortRange { first, last: last.unwrap_or(first) }))
        }
        (Ok(_), _) => return Err(end.refuse("no range of ports")),
        (Err(_), None) => Some(PortName::Name(network_policy::port_name(&port, text)?)),
        (Err(_), Some(_)) => return Err(end.refuse("may not be specified when `port` is a name")),
    };
    Ok(PolicyPort { protocol, port })
}
