use proptest::prelude::*;

use super::*;
use crate::recommend::gather::gather;
use crate::recommend::subject::Subjects;

/// The peers of `shop/db`'s one rule when all of `clients` (NAMESPACE/NAME, labels) came.
#[track_caller]
fn peers(clients: &[(&str, &str)], others: &[(&str, &str)]) -> String {
    let mut world = World::new();
    world.deployment("shop/db", "app=db", 1);
    for (name, labels) in clients.iter().chain(others) {
        world.deployment(name, labels, 1);
    }
    for (name, _) in clients {
        world.tcp(&format!("{name}-0"), "shop/db-0", 5432);
    }
    let [rule] = rules(&proved(&world, &Options::default()), "shop/flowfence-db", Direction::Ingress)
        .try_into()
        .unwrap();
    rule.strip_suffix(": 5432/TCP").unwrap().to_owned()
}

#[test]
fn several_values_of_a_workloads_name_are_one_entry() {
    let clients = [("shop/a", "app=a,tier=back"), ("shop/b", "app=b,tier=back")];
    assert_eq!(peers(&clients, &[]), "app in a,b", "who they are, not what they share today");
}

#[test]
fn a_name_that_others_bear_too_is_no_entry() {
    let clients = [("shop/a", "app=x,track=a"), ("shop/b", "app=x,track=b"), ("shop/c", "app=c")];
    assert_eq!(peers(&clients, &[("shop/d", "app=x,track=d")]), "track in a,b | app=c");
}

#[test]
fn two_releases_of_one_chart_that_both_came_are_named_one_by_one() {
    let one = "app.kubernetes.io/name=redis,app.kubernetes.io/instance=one";
    let two = "app.kubernetes.io/name=redis,app.kubernetes.io/instance=two";
    let clients = [("shop/one", one), ("shop/two", two)];
    assert_eq!(peers(&clients, &[]), "app.kubernetes.io/instance in one,two", "and no third release");
}

#[test]
fn namespaces_that_need_the_same_selector_share_an_entry() {
    let clients = [("one/agent", "app=agent"), ("two/agent", "app=agent"), ("shop/agent", "app=agent")];
    let all = "[kubernetes.io/metadata.name in one,shop,two] app=agent";
    assert_eq!(peers(&clients, &[]), all);
    let crossed = [("one/a", "app=a"), ("one/b", "app=b"), ("two/a", "app=a"), ("two/b", "app=b")];
    assert_eq!(peers(&crossed, &[]), "[kubernetes.io/metadata.name in one,two] app in a,b");
    let others = [("two/b", "app=b")];
    let without = "[kubernetes.io/metadata.name=one] app in a,b | [kubernetes.io/metadata.name=two] app=a";
    let found = peers(&crossed[..3], &others);
    assert!(found == without || found.matches('|').count() == 1, "{found}");
}

#[test]
fn a_workload_that_shares_its_name_label_needs_what_tells_it_apart() {
    let clients = [("shop/a", "app=x,part=a,zone=z"), ("shop/b", "app=x,part=b,zone=z")];
    let others = [("shop/c", "app=y,part=a"), ("shop/d", "app=y,part=b"), ("shop/e", "app=x,part=c")];
    assert_eq!(peers(&clients, &others), "zone=z", "nothing shorter selects both and nobody else");
}

/// Label sets of up to six workloads in two namespaces.
fn worlds() -> impl Strategy<Value = Vec<(usize, [usize; 3])>> {
    prop::collection::vec((0..2_usize, [0..3_usize, 0..3, 0..3]), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn entries_select_exactly_who_is_wanted_and_are_never_more_than_they(
        workloads in worlds(),
        chosen in prop::collection::vec(any::<bool>(), 8),
    ) {
        let mut world = World::new();
        for (n, (namespace, values)) in workloads.iter().enumerate() {
            let keys = ["app", "app.kubernetes.io/component", "team"];
            let labels: Vec<String> = keys
                .iter()
                .zip(values)
                .filter(|(_, value)| **value > 0)
                .map(|(key, value)| format!("{key}=v{value}"))
                .collect();
            world.deployment(&format!("{}/w{n}", ["one", "two"][*namespace]), &labels.join(","), 1);
        }
        let inventory = world.seen().inventory;
        let subjects = Subjects::new(&inventory);
        let selectable = subjects.iter().filter(|(_, subject)| subject.selector.is_some());
        let wanted: BTreeSet<usize> = selectable.map(|(at, _)| at).filter(|at| chosen[*at]).collect();
        let entries = gather(&wanted, "one", &subjects);
        prop_assert!(entries.len() <= wanted.len());
        for (at, subject) in subjects.iter() {
            for pod in inventory.pods().iter().filter(|known| subject.members.contains(&known.workload)) {
                let labels = &pod.pod.meta.labels;
                let namespace = pod.pod.meta.namespace.as_str();
                let names = [("kubernetes.io/metadata.name".to_owned(), namespace.to_owned())].into();
                let is_selected = entries.iter().any(|entry| match entry {
                    PolicyPeer::Pods(peer) => {
                        let here = peer.namespaces.as_ref().map_or(namespace == "one", |n| n.matches(&names));
                        here && peer.pods.as_ref().unwrap().matches(labels)
                    }
                    PolicyPeer::Block { .. } => false,
                });
                prop_assert_eq!(is_selected, wanted.contains(&at), "{:?} of {:?}", pod.pod.meta, entries);
            }
        }
    }
}
