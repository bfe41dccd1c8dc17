//! Rules that admit everybody.

use flowfence_model::{LabelSelector, PolicyPeer, Remark};

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "rule-open-to-all",
    level: Level::Note,
    title: "a rule that admits everybody",
    meaning: "A rule without peers, or with an empty list of them, admits every pod and every address outside. \
              An empty `namespaceSelector` beside no or an empty `podSelector` admits every pod of every \
              namespace. Where the empty list was written out, somebody may have meant nobody: a warning.",
    doubt: "A port for everybody is meant so where a service faces the world; then the note can stay.",
    fix: "Name the peers; to admit nobody, leave the whole rule out.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{ports: [{port: 8080}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let rules = view::rules(scene);
    rules.flat_map(|rule| without_peers(scene, rule).into_iter().chain(every_namespace(rule))).collect()
}

fn without_peers(scene: &Scene<'_>, rule: view::Rule<'_>) -> Option<Finding> {
    if !rule.object.peers.is_empty() {
        return None;
    }
    let (policy, field) = (rule.policy.key(), words::rule(rule.id.direction, rule.id.rule));
    let peers = rule.id.direction.peers();
    let remark = Remark::EmptyPeers { direction: rule.id.direction, rule: rule.id.rule };
    let is_written = scene.remarks.get(&policy).is_some_and(|remarks| remarks.contains(&remark));
    let how = if is_written { format!("has an empty `{peers}`") } else { format!("has no `{peers}`") };
    let title = format!("{field} of policy {policy} {how} and so admits {}", extent(rule));
    let fix = if is_written {
        format!("list the peers in spec.{field}.{peers} of {policy}; to admit nobody, delete spec.{field}")
    } else {
        format!("write `{peers}` with the peers that are meant into spec.{field} of {policy}")
    };
    let level = if is_written { Level::Warning } else { Level::Note };
    let field = if is_written { format!("{field}.{peers}") } else { field };
    Some(finding(&policy, field, level, title, fix))
}

fn every_namespace(rule: view::Rule<'_>) -> Vec<Finding> {
    let is_open = |of: Option<&LabelSelector>| of.is_some_and(LabelSelector::is_everything);
    let open = rule.peers().filter(|(_, peer)| match peer {
        PolicyPeer::Pods(peer) => {
            is_open(peer.namespaces.as_ref()) && peer.pods.as_ref().is_none_or(LabelSelector::is_everything)
        }
        PolicyPeer::Block { .. } => false,
    });
    let policy = rule.policy.key();
    let describe = |(at, _)| {
        let field = words::peer_field(rule.id.direction, rule.id.rule, at);
        let title = format!("{field} of policy {policy} admits every pod of every namespace");
        let fix =
            format!("write labels into the namespaceSelector or podSelector of spec.{field} of {policy}");
        finding(&policy, field, Level::Note, title, fix)
    };
    open.map(describe).collect()
}

fn extent(rule: view::Rule<'_>) -> String {
    if rule.object.ports.is_empty() {
        return "everybody, outside included, on every port".to_owned();
    }
    let ports = words::some_of(rule.object.ports.iter().map(words::port));
    format!("everybody, outside included, on {ports}")
}

fn finding(policy: &str, field: String, level: Level, title: String, fix: String) -> Finding {
    Finding::new(DETECTOR.id, level, &format!("{policy}:{field}"), title)
        .about(policy, field)
        .fixed_by(fix)
        .with("policy", policy)
}
