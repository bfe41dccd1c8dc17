//! Policies of today and of the recommended set, side by side.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::NetworkPolicy;
use serde_json::Value;

use super::rule::{name, why};
use crate::exit::Failure;
use crate::manifest::flavour::Written;
use crate::output::page::{PolicyRow, State, change};
use crate::verb::observed::Observed;
use crate::verb::recommend::{Proved, TextsOfToday};

/// Every policy by name.
pub(super) fn rows(proved: &Proved, observed: &Observed) -> Result<Vec<PolicyRow>, Failure> {
    let texts = TextsOfToday::read(observed);
    let today: BTreeMap<String, &NetworkPolicy> =
        observed.cluster.policies.iter().map(|policy| (policy.key(), policy)).collect();
    let removed: BTreeSet<&String> = proved.report.supersedes.iter().collect();
    let is_plain = !proved.candidate.is_foreign;
    let mut rows = Vec::new();
    let mut replaced = BTreeSet::new();
    for file in &proved.files {
        for object in &file.objects {
            let name = name(object);
            // An object of another kind takes the place of none of its name.
            let was = today.get(&name).filter(|_| is_plain);
            let now = proved.candidate.policies.iter().find(|policy| policy.key() == name);
            let row = recommended(file, object, name.clone());
            rows.push(match was {
                None => row,
                Some(was) => {
                    replaced.insert(name.clone());
                    let place = observed.cluster.places.get(&name).map(|place| place.file.clone());
                    let (file, before) = (place.or_else(|| row.file.clone()), texts.of(was)?);
                    if now == Some(*was) {
                        PolicyRow { state: State::Kept, file, ..row }
                    } else {
                        let diff = change(file.as_deref().unwrap_or(&name), &before, &row.yaml);
                        PolicyRow {
                            state: State::Changed,
                            file,
                            before: Some(before),
                            diff: Some(diff),
                            ..row
                        }
                    }
                }
            });
        }
    }
    for (name, policy) in today {
        if replaced.contains(&name) {
            continue;
        }
        let file = observed.cluster.places.get(&name).map(|place| place.file.clone());
        let yaml = texts.of(policy)?;
        let is_removed = removed.contains(&name);
        let diff = is_removed.then(|| change(file.as_deref().unwrap_or(&name), &yaml, ""));
        rows.push(PolicyRow {
            kind: "NetworkPolicy".to_owned(),
            state: if is_removed { State::Removed } else { State::Kept },
            file,
            before: is_removed.then(|| yaml.clone()),
            yaml,
            diff,
            evidence: Vec::new(),
            name,
        });
    }
    let kept = cluster_wide(&rows, observed);
    rows.extend(kept);
    rows.sort_by(|one, other| {
        (&one.name, &one.kind, one.state).cmp(&(&other.name, &other.kind, other.state))
    });
    Ok(rows)
}

fn recommended(file: &Written, object: &Value, name: String) -> PolicyRow {
    let own = file.reasons.iter().filter(|reason| reason.object == name).map(|reason| &reason.evidence);
    let evidence = own.map(|seen| format!("{}[{}]: {}", seen.direction, seen.rule, why(seen)));
    PolicyRow {
        kind: object["kind"].as_str().unwrap_or_default().to_owned(),
        state: State::New,
        file: Some(file.file.clone()),
        yaml: file.text.clone(),
        before: None,
        diff: None,
        evidence: evidence.collect(),
        name,
    }
}

/// Cluster-wide policies stay, unless the set has one of their name.
fn cluster_wide(rows: &[PolicyRow], observed: &Observed) -> Vec<PolicyRow> {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let kept = observed.cluster.tiers.iter().filter(|policy| !names.contains(policy.key().as_str()));
    kept.map(|policy| {
        let name = policy.key();
        PolicyRow {
            kind: name.split_once('/').map(|(kind, _)| kind.to_owned()).unwrap_or_default(),
            state: State::Kept,
            file: observed.cluster.places.get(&name).map(|place| place.file.clone()),
            yaml: String::new(),
            before: None,
            diff: None,
            evidence: Vec::new(),
            name,
        }
    })
    .collect()
}
