//! `cilium.io/v2` `CiliumNetworkPolicy`.
//!
//! What v1 can only say by address has a name here: nodes, the API server, everybody outside, and
//! hosts that DNS led to. A rule has peers of one kind, so that one rule of v1 becomes up to four.
//!
//! `toFQDNs` knows addresses from answers that pass Cilium's DNS proxy, and only a rule about DNS
//! sends them there. Such a rule also filters what may be asked; it therefore admits every name,
//! for pods ask for far more than they connect to (search domains, services), and names that the
//! recording missed must not fail. A workload that was not seen to ask DNS keeps addresses.

mod address;
mod entity;
mod label;
mod port;
mod read;

use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyPeer, PolicyRule};

use super::draft::{Draft, metadata, object, selector};
use super::part::{Ledger, Part};
use super::{Flavour, FlavourError, Note, Rules, Scene, Sheet, Written};
use address::Split;
use entity::Entity;

pub(super) const FLAVOUR: Flavour = Flavour {
    name: "cilium",
    title: "CiliumNetworkPolicy: nodes, API server, world and DNS names by name",
    api_version: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    write: |sheets, scene| sheets.iter().map(|sheet| file(sheet, scene)).collect(),
    read: |root, scene| read::policy(root, scene).map(Rules::Policy),
};

fn file(sheet: &Sheet<'_>, scene: &Scene<'_>) -> Result<Written, FlavourError> {
    let manifest = sheet.manifest;
    let policy = &manifest.policy;
    let mut writer = Writer {
        policy,
        scene,
        asks_dns: port::asks_dns(policy, &sheet.dns_ports),
        uses_names: false,
        ledger: Ledger::new(sheet, scene),
        notes: Vec::new(),
    };
    let mut lists = [Vec::new(), Vec::new()];
    for (direction, list) in Direction::BOTH.into_iter().zip(&mut lists) {
        *list = writer.rules(direction);
    }
    writer.note_labels();
    let dns = writer.uses_names.then_some(&sheet.dns_ports);
    let [egress, ingress] = lists.map(|rules| rules.into_iter().map(|rule| rule.draft(dns)).collect());
    let spec = Draft::map([
        ("endpointSelector", Some(selector(&policy.pod_selector, str::to_owned))),
        ("ingress", policy.ingress.as_ref().map(|_| closed(ingress))),
        ("egress", policy.egress.as_ref().map(|_| closed(egress))),
    ]);
    let metadata = metadata(&policy.name, Some(&policy.namespace), &manifest.labels, &manifest.annotations);
    let object = object([FLAVOUR.api_version, FLAVOUR.kind], metadata, spec);
    Ok(Written {
        file: sheet.file.to_owned(),
        text: object.to_yaml()?,
        objects: vec![object.to_json()],
        reasons: writer.ledger.reasons,
        notes: writer.notes,
    })
}

/// A list with a rule isolates its direction; the empty rule does and admits nothing. An empty
/// list would leave the direction open.
fn closed(rules: Vec<Draft>) -> Draft {
    Draft::list(rules).unwrap_or_else(|| Draft::List(vec![Draft::Map(Vec::new())]))
}

/// A rule before its ports are written.
struct Rule {
    direction: Direction,
    /// The field after `from` or `to`, and its entries.
    peers: (&'static str, Vec<Draft>),
    part: Part,
    comment: String,
}

impl Rule {
    fn draft(self, dns: Option<&std::collections::BTreeSet<u16>>) -> Draft {
        let prefix = self.direction.peers();
        let (kind, entries) = self.peers;
        let dns = dns.filter(|_| self.direction == Direction::Egress);
        let mut fields = vec![(format!("{prefix}{kind}"), Draft::List(entries))];
        let ports = port::drafts(&self.part.ports, dns).map(|ports| ("toPorts".to_owned(), ports));
        fields.extend(ports);
        Draft::Map(fields).noted(&self.comment)
    }
}

struct Writer<'a> {
    policy: &'a NetworkPolicy,
    scene: &'a Scene<'a>,
    asks_dns: bool,
    uses_names: bool,
    ledger: Ledger<'a>,
    notes: Vec<Note>,
}

impl Writer<'_> {
    fn rules(&mut self, direction: Direction) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (at, rule) in self.policy.rules(direction).unwrap_or_default().iter().enumerate() {
            for (kind, entries, peers) in self.kinds(rule, direction) {
                let part = Part { rule: at, peers, ports: rule.ports.clone() };
                let comment = self.ledger.enter(&self.policy.key(), direction, rules.len(), &part);
                rules.push(Rule { direction, peers: (kind, entries), part, comment });
            }
        }
        rules
    }

    /// The peers of a rule by kind: the field, its entries, and the peers of v1 that they say.
    fn kinds(
        &mut self,
        rule: &PolicyRule,
        direction: Direction,
    ) -> Vec<(&'static str, Vec<Draft>, Vec<PolicyPeer>)> {
        if rule.peers.is_empty() {
            return vec![("Entities", vec![Draft::text(Entity::All.token())], Vec::new())];
        }
        let is_egress = direction == Direction::Egress;
        let split = Split::new(&rule.peers, self.scene, is_egress && self.asks_dns);
        self.note(direction, &split);
        self.uses_names |= !split.names.is_empty();
        let pods: Vec<PolicyPeer> =
            rule.peers.iter().filter(|peer| matches!(peer, PolicyPeer::Pods(_))).cloned().collect();
        let endpoints = pods.iter().filter_map(|peer| match peer {
            PolicyPeer::Pods(selector) => Some(label::peer(selector)),
            PolicyPeer::Block { .. } => None,
        });
        let cidrs = split.cidrs.iter().filter_map(cidr);
        let name = |name: &String| Draft::map([("matchName", Some(Draft::text(name)))]);
        let kinds = [
            ("Endpoints", endpoints.collect(), pods.clone()),
            ("Entities", split.entities.iter().map(|e| Draft::text(e.token())).collect(), split.named),
            ("CIDRSet", cidrs.collect(), split.cidrs.clone()),
            ("FQDNs", split.names.iter().map(name).collect::<Vec<Draft>>(), split.behind_names),
        ];
        kinds.into_iter().filter(|(_, entries, _)| !entries.is_empty()).collect()
    }

    fn note(&mut self, direction: Direction, split: &Split) {
        let mut say = |text: String| {
            let note = Note { policy: self.policy.key(), direction, text };
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        };
        if split.is_wider {
            say("Cilium knows nodes and the API server as a whole: the rule holds all their addresses"
                .to_owned());
        }
        for name in &split.names {
            say(format!("by name: whatever outside address {name} leads to"));
        }
        for ip in &split.ambiguous {
            say(format!("{ip} stays an address, for DNS gave it several names"));
        }
    }

    /// Labels that Cilium does not look at by default: the proof fails on them, and this says why.
    fn note_labels(&mut self) {
        let rules = Direction::BOTH
            .into_iter()
            .flat_map(|d| self.policy.rules(d).unwrap_or_default().iter().map(move |rule| (d, rule)));
        let peers = rules.flat_map(|(direction, rule)| rule.peers.iter().map(move |peer| (direction, peer)));
        let pods = peers.filter_map(|(direction, peer)| match peer {
            PolicyPeer::Pods(selector) => Some((direction, selector.pods.as_ref()?)),
            PolicyPeer::Block { .. } => None,
        });
        let own = Direction::BOTH.map(|direction| (direction, &self.policy.pod_selector));
        let mut notes: Vec<Note> = Vec::new();
        for (direction, selector) in own.into_iter().chain(pods) {
            for key in label::unknown_keys(selector) {
                let text = format!(
                    "Cilium leaves the label {key} out of identities by default, so that nothing has it; \
                     its option `labels` can add it"
                );
                notes.push(Note { policy: self.policy.key(), direction, text });
            }
        }
        notes.sort();
        notes.dedup();
        self.notes.extend(notes);
    }
}

fn cidr(peer: &PolicyPeer) -> Option<Draft> {
    let PolicyPeer::Block { cidr, except } = peer else { return None };
    Some(Draft::map([
        ("cidr", Some(Draft::Text(cidr.to_string()))),
        ("except", Draft::list(except.iter().map(|part| Draft::Text(part.to_string())).collect())),
    ]))
}
