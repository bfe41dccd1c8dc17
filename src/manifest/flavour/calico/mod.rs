//! `projectcalico.org/v3` NetworkPolicy.
//!
//! Selectors are strings; a rule has one action, one protocol and one peer, so that one rule of
//! v1 becomes several. Only Allow is written: what no rule allows is denied at the end of the
//! tier for pods that the policy selects, as long as `types` names the direction. In the default
//! tier with the order of NetworkPolicies, so that those and these add up, and a Deny that a
//! platform orders before them still comes first.

mod read;
mod selector;

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::policy::Direction;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, Requirement,
};
use ipnet::IpNet;

use super::draft::{Draft, metadata, object};
use super::part::{Ledger, Part, by_protocol};
use super::{Flavour, FlavourError, Scene, Sheet, Written};

/// The order that Calico gives to NetworkPolicies of v1.
const ORDER: u32 = 1000;
/// The label that Calico gives to a namespace with its name.
const NAME: &str = "projectcalico.org/name";
/// What tells a pod from a `NetworkSet`, which selectors select too.
const ORCHESTRATOR: (&str, &str) = ("projectcalico.org/orchestrator", "k8s");

pub(super) const FLAVOUR: Flavour = Flavour {
    name: "calico",
    title: "NetworkPolicy of Calico",
    api_version: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    write: |sheets, scene| sheets.iter().map(|sheet| file(sheet, scene)).collect(),
    read: |root, _| read::policy(root),
};

fn file(sheet: &Sheet<'_>, scene: &Scene<'_>) -> Result<Written, FlavourError> {
    let manifest = sheet.manifest;
    let policy = &manifest.policy;
    let unsayable = |what| FlavourError::Unsayable { policy: policy.key(), flavour: FLAVOUR.name, what };
    let mut ledger = Ledger::new(sheet, scene);
    let [egress, ingress] = Direction::BOTH.map(|direction| rules(policy, direction, &mut ledger));
    let types = [("Ingress", &policy.ingress), ("Egress", &policy.egress)];
    let types = types.into_iter().filter_map(|(name, rules)| rules.as_ref().map(|_| name));
    let subject = selector::write(&policy.pod_selector, str::to_owned).map_err(unsayable)?;
    let spec = Draft::map([
        ("order", Some(Draft::Number(ORDER))),
        ("selector", Some(Draft::Text(subject))),
        ("types", Some(Draft::texts(types))),
        ("ingress", Draft::list(ingress.map_err(unsayable)?)),
        ("egress", Draft::list(egress.map_err(unsayable)?)),
    ]);
    let metadata = metadata(&policy.name, Some(&policy.namespace), &manifest.labels, &manifest.annotations);
    let object = object([FLAVOUR.api_version, FLAVOUR.kind], metadata, spec);
    Ok(Written {
        file: sheet.file.to_owned(),
        text: object.to_yaml()?,
        objects: vec![object.to_json()],
        reasons: ledger.reasons,
        notes: Vec::new(),
    })
}

fn rules(
    policy: &NetworkPolicy,
    direction: Direction,
    ledger: &mut Ledger<'_>,
) -> Result<Vec<Draft>, String> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (at, rule) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
        for part in parts(at, rule) {
            let comment = ledger.enter(&policy.key(), direction, drafts.len(), &part);
            drafts.push(draft(&part, direction)?.noted(&comment));
        }
    }
    Ok(drafts)
}

/// One part for each peer and protocol. Blocks without exceptions share one; an exception counts
/// for the whole of a rule, so that blocks with some stand alone.
fn parts(at: usize, rule: &PolicyRule) -> Vec<Part> {
    let is_bare = |peer: &&PolicyPeer| matches!(peer, PolicyPeer::Block { except, .. } if except.is_empty());
    let bare: Vec<PolicyPeer> = rule.peers.iter().filter(is_bare).cloned().collect();
    let others = rule.peers.iter().filter(|peer| !is_bare(peer)).map(|peer| vec![peer.clone()]);
    let mut peers: Vec<Vec<PolicyPeer>> = others.collect();
    if !bare.is_empty() || rule.peers.is_empty() {
        peers.push(bare);
    }
    let ports = by_protocol(&rule.ports);
    let of = |peers: &Vec<PolicyPeer>| {
        let part = |ports: &Vec<PolicyPort>| Part { rule: at, peers: peers.clone(), ports: ports.clone() };
        ports.iter().map(part).collect::<Vec<_>>()
    };
    peers.iter().flat_map(of).collect()
}

fn draft(part: &Part, direction: Direction) -> Result<Draft, String> {
    let protocol = part.ports.first().map(|port| Draft::text(port.protocol.token()));
    let mut peer = entity(&part.peers)?;
    let ports = ports(&part.ports).map(|ports| ("ports".to_owned(), ports));
    let (source, destination) = match direction {
        Direction::Ingress => (peer, ports.into_iter().collect()),
        Direction::Egress => {
            peer.extend(ports);
            (Vec::new(), peer)
        }
    };
    let some = |fields: Vec<_>| (!fields.is_empty()).then_some(Draft::Map(fields));
    Ok(Draft::map([
        ("action", Some(Draft::text("Allow"))),
        ("protocol", protocol),
        ("source", some(source)),
        ("destination", some(destination)),
    ]))
}

/// The fields that name the peers of one part: one selector, or blocks.
fn entity(peers: &[PolicyPeer]) -> Result<Vec<(String, Draft)>, String> {
    let mut fields = Vec::new();
    let mut nets: Vec<IpNet> = Vec::new();
    for peer in peers {
        match peer {
            PolicyPeer::Pods(PeerSelector { namespaces, pods }) => {
                let everything = LabelSelector::everything();
                let pods = only_pods(pods.as_ref().unwrap_or(&everything));
                fields.push(("selector".to_owned(), Draft::Text(selector::write(&pods, str::to_owned)?)));
                if let Some(namespaces) = namespaces {
                    let text = selector::write(namespaces, namespace_key)?;
                    fields.push(("namespaceSelector".to_owned(), Draft::Text(text)));
                }
            }
            PolicyPeer::Block { cidr, except } => {
                nets.push(*cidr);
                if !except.is_empty() {
                    fields.push(("notNets".to_owned(), Draft::texts(except)));
                }
            }
        }
    }
    if !nets.is_empty() {
        fields.insert(0, ("nets".to_owned(), Draft::texts(nets)));
    }
    Ok(fields)
}

/// A selector that demands no label would select each `NetworkSet` of the namespace too, which
/// are addresses.
fn only_pods(selector: &LabelSelector) -> LabelSelector {
    let demands = |r: &Requirement| matches!(r, Requirement::In(..) | Requirement::Exists(_));
    let mut selector = selector.clone();
    if selector.match_labels.is_empty() && !selector.match_expressions.iter().any(demands) {
        let (key, value) = ORCHESTRATOR;
        selector.match_labels.insert(key.to_owned(), value.to_owned());
    }
    selector
}

fn namespace_key(key: &str) -> String {
    if key == NAMESPACE_NAME { NAME.to_owned() } else { key.to_owned() }
}

/// Ports of one protocol; nothing when all are meant.
fn ports(ports: &[PolicyPort]) -> Option<Draft> {
    let port = |port: &PolicyPort| match &port.port {
        None => None,
        Some(PortName::Name(name)) => Some(Draft::text(name)),
        Some(PortName::Range(range)) if range.first == range.last => {
            Some(Draft::Number(u32::from(range.first)))
        }
        Some(PortName::Range(range)) => Some(Draft::Text(format!("{}:{}", range.first, range.last))),
    };
    Draft::list(ports.iter().map(port).collect::<Option<Vec<Draft>>>()?)
}
