//! From a story of indices to one of names and places.

use flowfence_model::object::Pod;
use flowfence_model::tier::Action;
use flowfence_policy::explain::{Explanation, Open, PolicyStory, Reason, Story, TierStory};
use flowfence_policy::semantics::{Connection, Exemption, Party, PolicySet};

use super::change;
use crate::cluster::Cluster;
use crate::output::explain::{
    EntryRow, ExplainReport, PlaceRow, PluginRow, PolicyRow, RuleRow, StoryRow, TierRow, UnspecifiedRow,
};
use crate::output::policy;

/// The report of one connection.
pub(super) fn report(
    told: &Explanation,
    connection: &Connection,
    policies: &PolicySet,
    cluster: &Cluster,
) -> ExplainReport {
    let name = |party: &Party| match party.pod {
        Some(pod) => pod_name(policies.cluster().pod(pod)),
        None => party.address.to_string(),
    };
    let (from, to) = (name(&connection.from), name(&connection.to));
    let ends = change::Ends { connection, from: &from, to: &to };
    ExplainReport {
        api_version: crate::output::API_VERSION,
        kind: "Explanation",
        plugin: None,
        protocol: connection.protocol,
        port: connection.protocol.has_ports().then_some(connection.port),
        allowed: told.decision.allowed(),
        pairs: 1,
        egress: story(&told.egress, told.decision.egress.allowed, policies, cluster),
        ingress: story(&told.ingress, told.decision.ingress.allowed, policies, cluster),
        unspecified: told.open.iter().map(unspecified).collect(),
        to_allow: change::to_allow(told, &ends, policies),
        to_deny: change::to_deny(told, &ends, policies),
        objects: None,
        from,
        to,
    }
}

fn pod_name(pod: &Pod) -> String {
    format!("{}/{}", pod.meta.namespace, pod.meta.name)
}

fn unspecified(open: &Open) -> UnspecifiedRow {
    let (answer, other_answer) = open.reason.answers();
    let plugins = open.plugins.iter().map(|known| PluginRow {
        plugin: known.plugin.token(),
        allowed: known.allowed,
        answer: known.choice.answer,
        source: known.choice.source,
    });
    UnspecifiedRow {
        reason: open.reason.token(),
        meaning: open.reason.label(),
        answer,
        other_answer,
        allowed_otherwise: open.otherwise,
        plugins: plugins.collect(),
    }
}

fn story(story: &Story, allowed: bool, policies: &PolicySet, cluster: &Cluster) -> StoryRow {
    let reason = match story.reason {
        Reason::NoPod => "no-pod",
        Reason::Tier(_) => "tier",
        Reason::NotIsolated => "not-isolated",
        Reason::Exempt(Exemption::OwnNode) => "own-node",
        Reason::Exempt(Exemption::SelfTraffic) => "self-traffic",
        Reason::Admitted => "admitted",
        Reason::Denied => "denied",
    };
    let other_tiers = story.other_tiers.iter().filter_map(|at| policies.cluster_policies().get(*at));
    let other_direction = story.other_direction.iter().filter_map(|at| policies.policies().get(*at));
    StoryRow {
        allowed,
        reason,
        tiers: story.tiers.iter().filter_map(|told| tier(told, policies, cluster)).collect(),
        other_tiers: other_tiers.map(|policy| place(policy.key(), cluster)).collect(),
        policies: story.policies.iter().filter_map(|told| rules(told, story, policies, cluster)).collect(),
        other_direction: other_direction.map(|policy| place(policy.key(), cluster)).collect(),
    }
}

fn rules(told: &PolicyStory, story: &Story, policies: &PolicySet, cluster: &Cluster) -> Option<PolicyRow> {
    let object = policies.policies().get(told.policy)?;
    let written = object.rules(story.direction).unwrap_or_default();
    let rules = told.rules.iter().zip(written).map(|(rule, written)| RuleRow {
        rule: rule.rule.rule,
        admits: rule.admits(),
        peer: rule.peer,
        port: rule.port,
        peers: entries(&rule.entries.peers, &written.peers, |peer| policy::peer(peer, &object.namespace)),
        ports: entries(&rule.entries.ports, &written.ports, policy::port),
        seen: None,
    });
    Some(PolicyRow { rules: rules.collect(), place: place(object.key(), cluster) })
}

fn tier(told: &TierStory, policies: &PolicySet, cluster: &Cluster) -> Option<TierRow> {
    let ruling = told.ruling;
    let object = policies.cluster_policies().get(ruling.policy)?;
    let written = object.rules(ruling.direction).get(ruling.rule)?;
    Some(TierRow {
        place: place(object.key(), cluster),
        tier: object.tier.token(),
        rule: ruling.rule,
        name: written.name.clone(),
        action: match ruling.action {
            Action::Accept => "Accept",
            Action::Deny => "Deny",
            Action::Pass => "Pass",
        },
        peers: entries(&told.entries.peers, &written.peers, policy::tier_peer),
        ports: entries(&told.entries.ports, &written.ports, policy::tier_port),
    })
}

fn entries<T>(matching: &[usize], written: &[T], text: impl Fn(&T) -> String) -> Vec<EntryRow> {
    let all = written.iter().enumerate();
    all.map(|(entry, item)| EntryRow { entry, matches: matching.contains(&entry), text: text(item) })
        .collect()
}

fn place(policy: String, cluster: &Cluster) -> PlaceRow {
    let place = cluster.places.get(&policy);
    PlaceRow { policy, file: place.map(|place| place.file.clone()), line: place.map(|place| place.line) }
}
