//! What would have to change for the other verdict.

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, Tier};
use flowfence_policy::explain::{Explanation, Reason, Story};
use flowfence_policy::semantics::{Connection, PolicySet, TierRuling};

/// A connection and the names of its ends.
pub(super) struct Ends<'a> {
    pub(super) connection: &'a Connection,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

impl Ends<'_> {
    /// The end that policies of a direction speak of, and the other one.
    fn of(&self, direction: Direction) -> (&str, &str) {
        match direction {
            Direction::Egress => (self.from, self.to),
            Direction::Ingress => (self.to, self.from),
        }
    }

    fn port(&self) -> String {
        if self.connection.protocol.has_ports() {
            format!("port {}/{}", self.connection.port, self.connection.protocol)
        } else {
            self.connection.protocol.to_string()
        }
    }
}

/// A sentence for each direction that denies.
pub(super) fn to_allow(told: &Explanation, ends: &Ends<'_>, policies: &PolicySet) -> Vec<String> {
    let denying = [&told.egress, &told.ingress].into_iter().filter_map(|story| match story.reason {
        Reason::Denied => Some(admit(story, ends, policies)),
        Reason::Tier(ruling) if ruling.action == Action::Deny => overrule(&ruling, ends, policies),
        _ => None,
    });
    denying.collect()
}

/// The smallest change: the port added to a rule that already holds the peer, else a new rule.
fn admit(story: &Story, ends: &Ends<'_>, policies: &PolicySet) -> String {
    let direction = story.direction;
    let (_, peer) = ends.of(direction);
    let what = ends.port();
    let key = |policy: usize| {
        policies.policies().get(policy).map_or_else(String::new, flowfence_model::NetworkPolicy::key)
    };
    // A rule with ports cannot speak of ICMP, whatever is added to it.
    let near = story.policies.iter().flat_map(|policy| &policy.rules);
    let near = near.filter(|_| ends.connection.protocol.has_ports()).find(|rule| rule.peer);
    match (near, story.policies.first()) {
        (Some(rule), _) => format!(
            "add {what} to {direction} rule {} of {}, which opens it to all peers of that rule",
            rule.rule.rule,
            key(rule.rule.policy)
        ),
        (None, Some(policy)) => {
            format!("add a rule to {direction} of {} that admits {peer} on {what}", key(policy.policy))
        }
        (None, None) => format!("add a policy whose {direction} admits {peer} on {what}"),
    }
}

fn overrule(ruling: &TierRuling, ends: &Ends<'_>, policies: &PolicySet) -> Option<String> {
    let policy = policies.cluster_policies().get(ruling.policy)?;
    let (direction, rule, key) = (ruling.direction, ruling.rule, policy.key());
    let (subject, peer) = ends.of(direction);
    let before = format!("put a rule that accepts it before {direction} rule {rule} of {key}");
    Some(match policy.tier {
        Tier::Admin => before,
        Tier::Baseline => format!(
            "{before}, or isolate {subject} for {direction} by a NetworkPolicy that admits {peer} on {}",
            ends.port()
        ),
    })
}

/// A sentence for each direction in which policies could deny what is allowed.
pub(super) fn to_deny(told: &Explanation, ends: &Ends<'_>, policies: &PolicySet) -> Vec<String> {
    if !told.decision.allowed() {
        return Vec::new();
    }
    [&told.egress, &told.ingress].into_iter().filter_map(|story| shut(story, ends, policies)).collect()
}

fn shut(story: &Story, ends: &Ends<'_>, policies: &PolicySet) -> Option<String> {
    let direction = story.direction;
    let (subject, peer) = ends.of(direction);
    match story.reason {
        Reason::NotIsolated => Some(format!(
            "isolate {subject} for {direction} by a policy that admits what it needs and not {peer} on {}",
            ends.port()
        )),
        Reason::Admitted => {
            let admitting =
                story.policies.iter().flat_map(|policy| &policy.rules).filter(|rule| rule.admits());
            let rules = admitting.filter_map(|rule| {
                let policy = policies.policies().get(rule.rule.policy)?;
                Some(format!("rule {} of {}", rule.rule.rule, policy.key()))
            });
            let rules: Vec<String> = rules.collect();
            Some(format!("take {peer} or {} out of {direction} {}", ends.port(), rules.join(" and ")))
        }
        Reason::Tier(ruling) => {
            let policy = policies.cluster_policies().get(ruling.policy)?;
            Some(format!(
                "put a rule that denies it before {direction} rule {} of {}",
                ruling.rule,
                policy.key()
            ))
        }
        // No policy speaks of an address, forbids what comes from a pod's own node, or was there
        // to admit anything.
        Reason::NoPod | Reason::Exempt(_) | Reason::Denied => None,
    }
}
