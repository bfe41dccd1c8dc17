//! `flowfence explain`: which policy and rule allow or deny a connection.

use flowfence_model::object::Pod;
use flowfence_model::tier::Action;
use flowfence_policy::explain::{Explanation, Reason, Story, explain};
use flowfence_policy::semantics::{Connection, Exemption, Party, PolicySet, TierRuling};

use crate::cli::ExplainArgs;
use crate::cluster::{self, Cluster};
use crate::end;
use crate::exit::{Ending, Failure};
use crate::output::explain as output;
use crate::output::explain::{ExplainReport, PolicyRow, RuleRow, StoryRow, TierRow};
use crate::reach;

/// Explains one connection; a workload stands for each of its pods, and the first pair is told
/// unless another differs in verdict.
pub fn run(args: &ExplainArgs) -> Result<Ending, Failure> {
    let cluster = cluster::load(&args.cluster)?;
    let pods = reach::cluster(&cluster.inventory);
    let policies = PolicySet::compile_all(&pods, &cluster.policies, &cluster.tiers);
    let (port, protocol) = end::port(&args.port).map_err(Failure::usage)?;
    let from = end::ends(&args.from, &cluster.inventory, &pods).map_err(Failure::usage)?;
    let to = end::ends(&args.to, &cluster.inventory, &pods).map_err(Failure::usage)?;
    let mut told: Vec<ExplainReport> = Vec::new();
    for source in &from {
        for destination in &to {
            let connection = end::connection(*source, *destination, protocol, port, &pods);
            let report = report(&explain(&policies, &connection), &connection, &policies, &cluster);
            let is_new = |r: &ExplainReport| {
                (r.egress.allowed, r.ingress.allowed) != (report.egress.allowed, report.ingress.allowed)
            };
            if told.iter().all(is_new) {
                told.push(report);
            }
        }
    }
    let mut out = std::io::stdout().lock();
    for report in &told {
        output::write(report, args.output, &mut out)?;
    }
    Ok(Ending::Clean)
}

fn report(
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
    let to_allow = [&told.egress, &told.ingress]
        .into_iter()
        .filter_map(|story| match story.reason {
            Reason::Denied => Some(change(story, connection, &from, &to, policies)),
            Reason::Tier(ruling) if ruling.action == Action::Deny => {
                let policy = policies.cluster_policies().get(ruling.policy)?;
                let rule = ruling.rule;
                Some(format!(
                    "put a rule that accepts it before {} rule {rule} of {}",
                    story.direction,
                    policy.key()
                ))
            }
            _ => None,
        })
        .collect();
    ExplainReport {
        api_version: crate::output::API_VERSION,
        kind: "Explanation",
        protocol: connection.protocol,
        port: connection.protocol.has_ports().then_some(connection.port),
        allowed: told.decision.allowed(),
        egress: story(&told.egress, told.decision.egress.allowed, policies, cluster),
        ingress: story(&told.ingress, told.decision.ingress.allowed, policies, cluster),
        unspecified: told.decision.unspecified.iter().map(output::unspecified).collect(),
        to_allow,
        from,
        to,
    }
}

fn pod_name(pod: &Pod) -> String {
    format!("{}/{}", pod.meta.namespace, pod.meta.name)
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
    let rows = story.policies.iter().filter_map(|told| {
        let key = policies.policies().get(told.policy)?.key();
        let place = cluster.places.get(&key);
        let rules = told
            .rules
            .iter()
            .map(|r| RuleRow { rule: r.rule.rule, admits: r.admits(), peer: r.peer, port: r.port })
            .collect();
        Some(PolicyRow {
            file: place.map(|place| place.file.clone()),
            line: place.map(|place| place.line),
            policy: key,
            rules,
        })
    });
    let tiers = story.tiers.iter().filter_map(|ruling| tier(ruling, policies, cluster));
    StoryRow { allowed, reason, tiers: tiers.collect(), policies: rows.collect() }
}

fn tier(ruling: &TierRuling, policies: &PolicySet, cluster: &Cluster) -> Option<TierRow> {
    let policy = policies.cluster_policies().get(ruling.policy)?;
    let place = cluster.places.get(&policy.key());
    Some(TierRow {
        policy: policy.key(),
        file: place.map(|place| place.file.clone()),
        line: place.map(|place| place.line),
        rule: ruling.rule,
        action: match ruling.action {
            Action::Accept => "Accept",
            Action::Deny => "Deny",
            Action::Pass => "Pass",
        },
    })
}

/// The smallest change: the port added to a rule that already holds the peer, else a new rule.
fn change(story: &Story, connection: &Connection, from: &str, to: &str, policies: &PolicySet) -> String {
    let direction = story.direction.token();
    let peer = if direction == "egress" { to } else { from };
    let what = if connection.protocol.has_ports() {
        format!("port {}/{}", connection.port, connection.protocol)
    } else {
        connection.protocol.to_string()
    };
    let key = |policy: usize| {
        policies.policies().get(policy).map_or_else(String::new, flowfence_model::NetworkPolicy::key)
    };
    let near = story.policies.iter().flat_map(|p| &p.rules).find(|rule| rule.peer);
    match (near, story.policies.first()) {
        (Some(rule), _) => {
            format!("add {what} to {direction} rule {} of {}", rule.rule.rule, key(rule.rule.policy))
        }
        (None, Some(policy)) => {
            format!("add a rule to {direction} of {} that admits {peer} on {what}", key(policy.policy))
        }
        (None, None) => format!("add a policy whose {direction} admits {peer} on {what}"),
    }
}
