//! Why a connection is allowed or denied: per direction, which policies select the end, which
//! rule admits, how near the others come, what is left open, and how each plugin answers that.

use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;

use crate::semantics::{
    Choice, Connection, Decision, Entries, Exemption, Plugin, PolicySet, RuleId, TierRuling, Unspecified,
    Verdict,
};

/// The whole story of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The verdicts.
    pub decision: Decision,
    /// What the source's policies say.
    pub egress: Story,
    /// What the destination's policies say.
    pub ingress: Story,
    /// The questions that the API leaves open, with their other answers.
    pub open: Vec<Open>,
}

/// One direction of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Which.
    pub direction: Direction,
    /// What decided it.
    pub reason: Reason,
    /// What cluster-wide policies ruled, in the order of their tiers.
    pub tiers: Vec<TierStory>,
    /// Cluster-wide policies that select this end and of which no rule was applied: none
    /// matches, or a stronger one did.
    pub other_tiers: Vec<usize>,
    /// The policies that isolate this end, with each of their rules.
    pub policies: Vec<PolicyStory>,
    /// The policies that select this end for the other direction only.
    pub other_direction: Vec<usize>,
}

/// What decided a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This end is no pod that policies select: an address outside, a node, a host-network pod.
    NoPod,
    /// A rule of a cluster-wide policy accepts or denies it.
    Tier(TierRuling),
    /// No policy isolates the pod in this direction.
    NotIsolated,
    /// No policy can forbid it.
    Exempt(Exemption),
    /// A rule admits it.
    Admitted,
    /// It is isolated and no rule admits it.
    Denied,
}

/// The first rule of a tier that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierStory {
    /// The rule.
    pub ruling: TierRuling,
    /// The entries of it that match.
    pub entries: Entries,
}

/// A policy that isolates the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyStory {
    /// Index into [`PolicySet::policies`].
    pub policy: usize,
    /// Its rules of the direction, in order.
    pub rules: Vec<RuleStory>,
}

/// How one rule meets the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleStory {
    /// The rule.
    pub rule: RuleId,
    /// Whether its peers hold the other end.
    pub peer: bool,
    /// Whether its ports hold the port.
    pub port: bool,
    /// The entries that match; none of a list that the rule does not have, which holds all.
    pub entries: Entries,
}

impl RuleStory {
    /// Whether it admits the connection.
    pub fn admits(&self) -> bool {
        self.peer && self.port
    }
}

/// An open question that bears on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The question.
    pub reason: Unspecified,
    /// Whether the connection is allowed under the other answer; `None` where that depends on
    /// more than policies.
    pub otherwise: Option<bool>,
    /// The plugins whose documentation settles it.
    pub plugins: Vec<PluginAnswer>,
}

/// What one plugin documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginAnswer {
    /// The plugin.
    pub plugin: Plugin,
    /// Its answer to the question.
    pub choice: Choice,
    /// Whether it allows the connection, all that it documents considered.
    pub allowed: bool,
}

/// Tells the story of a connection.
pub fn explain(policies: &PolicySet, connection: &Connection) -> Explanation {
    let decision = policies.decide(connection);
    let egress = story(policies, connection, &decision, Direction::Egress);
    let ingress = story(policies, connection, &decision, Direction::Ingress);
    let open = decision.unspecified.iter().map(|reason| Open {
        reason: *reason,
        otherwise: policies.allows_otherwise(connection, &decision, *reason),
        plugins: answers(policies, connection, *reason),
    });
    Explanation { open: open.collect(), decision, egress, ingress }
}

fn answers(policies: &PolicySet, connection: &Connection, reason: Unspecified) -> Vec<PluginAnswer> {
    let settling = Plugin::ALL.into_iter().filter_map(|plugin| {
        let choice = plugin.choices().iter().find(|choice| choice.question == reason)?;
        Some(PluginAnswer { plugin, choice: *choice, allowed: policies.allows_with(connection, plugin) })
    });
    settling.collect()
}

fn story(policies: &PolicySet, connection: &Connection, decision: &Decision, direction: Direction) -> Story {
    let verdict = decision.direction(direction);
    let subject = match direction {
        Direction::Egress => connection.from.pod,
        Direction::Ingress => connection.to.pod,
    };
    let is_pod = subject.is_some_and(|pod| !policies.cluster().pod(pod).host_network);
    let tiers = verdict.tiers.iter().map(|ruling| TierStory {
        ruling: *ruling,
        entries: policies.tier_matching(ruling, connection).unwrap_or_default(),
    });
    let mut other_tiers = policies.tiers_of(connection, direction);
    other_tiers.retain(|at| verdict.tiers.iter().all(|ruling| ruling.policy != *at));
    let told = verdict.isolated_by.iter().map(|policy| PolicyStory {
        policy: *policy,
        rules: rules(policies, connection, *policy, direction),
    });
    Story {
        direction,
        reason: if is_pod { reason(verdict) } else { Reason::NoPod },
        tiers: tiers.collect(),
        other_tiers,
        policies: told.collect(),
        other_direction: policies.selected_otherwise(connection, direction),
    }
}

/// The Admin tier first, then NetworkPolicies, then the Baseline tier for pods that none isolates.
pub(crate) fn reason(verdict: &Verdict) -> Reason {
    let decides = |ruling: Option<&TierRuling>| ruling.filter(|r| r.action != Action::Pass).copied();
    let before = decides(verdict.tiers.first());
    let after = decides(verdict.tiers.last()).filter(|_| verdict.isolated_by.is_empty());
    match (before.or(after), verdict.exemption) {
        (_, Some(exemption)) if verdict.admitted_by.is_empty() => Reason::Exempt(exemption),
        (Some(ruling), _) => Reason::Tier(ruling),
        _ if verdict.isolated_by.is_empty() => Reason::NotIsolated,
        _ if verdict.admitted_by.is_empty() => Reason::Denied,
        _ => Reason::Admitted,
    }
}

fn rules(
    policies: &PolicySet,
    connection: &Connection,
    policy: usize,
    direction: Direction,
) -> Vec<RuleStory> {
    let Some(rules) = policies.policies().get(policy).and_then(|p| p.rules(direction)) else {
        return Vec::new();
    };
    let meets = |(index, rule): (usize, &flowfence_model::PolicyRule)| {
        let id = RuleId { policy, direction, rule: index };
        let entries = policies.matching(id, connection).unwrap_or_default();
        let peer = rule.peers.is_empty() || !entries.peers.is_empty();
        let port = rule.ports.is_empty() || !entries.ports.is_empty();
        RuleStory { rule: id, peer, port, entries }
    };
    rules.iter().enumerate().map(meets).collect()
}

#[cfg(test)]
mod tests;
