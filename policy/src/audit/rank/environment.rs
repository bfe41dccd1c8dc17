//! What the environment of a finding is worth.

use std::collections::BTreeSet;

use flowfence_graph::Inventory;

use super::super::environment::environment;
use super::super::settings::Settings;
use super::score::Part;

/// Per cent of an environment. One that nobody named, or named by a word of their own, may be production.
fn per_cent(said: &str) -> u32 {
    match said {
        "staging" => 70,
        "test" => 50,
        "development" => 40,
        _ => 100,
    }
}

/// What counts for namespaces: the most of them. Those of `homes` count as production where they say nothing, those of
/// `others`, which are only talked to, not at all.
pub(super) fn of(
    inventory: &Inventory,
    settings: &Settings,
    homes: &BTreeSet<&str>,
    others: &BTreeSet<&str>,
) -> Part {
    let said = |namespace: &&str| {
        environment(inventory, settings, namespace)
            .map(|said| (per_cent(&said), format!("namespace {namespace} is {said}")))
    };
    let of_homes = homes
        .iter()
        .map(|namespace| said(namespace).unwrap_or((100, format!("namespace {namespace} says nothing"))));
    let most = of_homes.chain(others.iter().filter_map(said)).max_by_key(|(worth, _)| *worth);
    most.map_or_else(|| Part::new(100, []), |(worth, why)| Part::new(worth, [why]))
}
