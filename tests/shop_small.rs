//! How small the policies for the shop are, beside what no set that admits the same can undercut.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use support::shop;

/// Who is asked or asks, and on which port.
type Cell = (String, String);

/// What each direction of each policy must admit, from the evidence; DNS on both protocols.
fn needs(report: &Value) -> BTreeMap<(String, String), BTreeSet<Cell>> {
    let mut needs: BTreeMap<(String, String), BTreeSet<Cell>> = BTreeMap::new();
    for row in report["evidence"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let direction = text(&row["direction"]);
        let other = if direction == "egress" { "to" } else { "from" };
        let cells = needs.entry((text(&row["policy"]), direction)).or_default();
        for edge in row["edges"].as_array().unwrap() {
            let (protocol, port) = (text(&edge["protocol"]), edge["port"].as_u64().unwrap());
            let protocols =
                if port == 53 { vec!["TCP".to_owned(), "UDP".to_owned()] } else { vec![protocol] };
            cells.extend(
                protocols.into_iter().map(|protocol| (text(&edge[other]), format!("{port}/{protocol}"))),
            );
        }
    }
    needs
}

/// The most cells of which no two fit into one rule: two cells do when the peer of each is needed
/// on the port of the other. No set of rules without excess has fewer (a fooling set).
fn least_rules(cells: &BTreeSet<Cell>) -> usize {
    fn grow(chosen: &mut Vec<Cell>, left: &[Cell], cells: &BTreeSet<Cell>) -> usize {
        let Some((first, rest)) = left.split_first() else { return chosen.len() };
        let without = grow(chosen, rest, cells);
        let fits = |other: &Cell| {
            cells.contains(&(first.0.clone(), other.1.clone()))
                && cells.contains(&(other.0.clone(), first.1.clone()))
        };
        if chosen.iter().any(fits) {
            return without;
        }
        chosen.push(first.clone());
        let with = grow(chosen, rest, cells);
        chosen.pop();
        with.max(without)
    }
    let all: Vec<Cell> = cells.iter().cloned().collect();
    grow(&mut Vec::new(), &all, cells)
}

#[test]
fn no_set_that_admits_the_same_has_fewer_policies_or_rules() {
    let report = shop::inputs().run("recommend", &["-o", "json"]).ends(0).json();
    let policies = report["policies"].as_array().unwrap();
    let subjects: BTreeSet<String> =
        policies.iter().map(|policy| policy["spec"]["podSelector"].to_string()).collect();
    assert_eq!(policies.len(), subjects.len(), "one for each workload that is fenced on its own");
    let mut rules: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut peers, mut ports) = (0, 0);
    for policy in policies {
        let meta = &policy["metadata"];
        let key = format!("{}/{}", meta["namespace"].as_str().unwrap(), meta["name"].as_str().unwrap());
        for (direction, other) in [("ingress", "from"), ("egress", "to")] {
            for rule in policy["spec"][direction].as_array().into_iter().flatten() {
                *rules.entry((key.clone(), direction.to_owned())).or_default() += 1;
                peers += rule[other].as_array().unwrap().len();
                ports += rule["ports"].as_array().unwrap().len();
            }
        }
    }
    let least: BTreeMap<(String, String), usize> =
        needs(&report).into_iter().map(|(key, cells)| (key, least_rules(&cells))).collect();
    assert_eq!(rules, least);
    let figures = [policies.len(), rules.values().sum(), peers, ports];
    assert_eq!(figures, [14, 33, 42, 43], "policies, rules, peers, ports; docs/recommend.md says them");
}
