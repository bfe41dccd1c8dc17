//! For each edge what the policies in force say, and which of them.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::EdgeKey;
use flowfence_model::{Direction, NetworkPolicy};
use flowfence_policy::judge::{EdgeVerdict, Judgement, Roster, Said, Standing, Withholding};
use flowfence_policy::semantics::PolicySet;
use serde::Serialize;

use crate::verb::observed::Observed;

/// An edge with its verdict.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerdictRow {
    /// `FROM -> TO PORT/PROTOCOL`.
    edge: String,
    egress: Option<&'static str>,
    ingress: Option<&'static str>,
    /// `genuine`, `withheld`, `denied`, `undirected`, `inexpressible` or `attempt`: all that its contacts are.
    standings: BTreeSet<&'static str>,
    /// Policies that isolate an end, by direction: `egress shop/web`.
    isolated_by: BTreeSet<String>,
    /// Rules that admit it: `ingress[0] of shop/web`.
    admitted_by: BTreeSet<String>,
}

/// Every edge, in order.
pub(super) fn rows(observed: &Observed, judgement: &Judgement) -> Vec<VerdictRow> {
    let inventory = &observed.cluster.inventory;
    let roster = Roster::new(inventory);
    let rules = observed.cluster.rules(None);
    let set = rules.compile(roster.cluster());
    let keys: Vec<String> = set.policies().iter().map(NetworkPolicy::key).collect();
    let mut found: BTreeMap<EdgeKey, (EdgeVerdict, VerdictRow)> = BTreeMap::new();
    for (contact, judged) in observed.facts.contacts.iter().zip(&judgement.contacts) {
        let key = EdgeKey::of(contact);
        let new = || (EdgeVerdict::default(), blank(&key));
        let (verdict, row) = found.entry(key.clone()).or_insert_with(new);
        *verdict = verdict.worst(judged.verdict);
        row.standings.insert(token(judged.standing));
        note(row, &set, &keys, &roster.connection(contact));
    }
    let finish = |(verdict, row): (EdgeVerdict, VerdictRow)| VerdictRow {
        egress: verdict.egress.map(Said::token),
        ingress: verdict.ingress.map(Said::token),
        ..row
    };
    found.into_values().map(finish).collect()
}

fn blank(edge: &EdgeKey) -> VerdictRow {
    VerdictRow {
        edge: edge.to_string(),
        egress: None,
        ingress: None,
        standings: BTreeSet::new(),
        isolated_by: BTreeSet::new(),
        admitted_by: BTreeSet::new(),
    }
}

fn note(
    row: &mut VerdictRow,
    set: &PolicySet,
    keys: &[String],
    connection: &flowfence_policy::semantics::Connection,
) {
    let decision = set.decide(connection);
    for direction in Direction::BOTH {
        let verdict = decision.direction(direction);
        let name = |policy: usize| keys.get(policy).map_or("", String::as_str);
        row.isolated_by
            .extend(verdict.isolated_by.iter().map(|policy| format!("{direction} {}", name(*policy))));
        let admitting = verdict.admitted_by.iter();
        row.admitted_by
            .extend(admitting.map(|rule| format!("{direction}[{}] of {}", rule.rule, name(rule.policy))));
    }
}

fn token(standing: Standing) -> &'static str {
    match standing {
        Standing::Genuine => "genuine",
        Standing::Withheld(Withholding::Scan(_)) => "withheld",
        Standing::Withheld(Withholding::Denied) => "denied",
        Standing::Undirected => "undirected",
        Standing::Inexpressible => "inexpressible",
        Standing::Attempt => "attempt",
    }
}
