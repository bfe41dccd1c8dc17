//! Ends, rows, changes and exposure of small clusters.

use flowfence_graph::Inventory;
use flowfence_model::object::{Meta, Namespace, Node, Object, Owner, Pod};
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol, Requirement,
};

use super::*;
use crate::semantics::{Cluster, PolicySet};

fn pod(namespace: &str, app: &str, number: u8, ip: &str) -> Pod {
    let owner = Owner { kind: "ReplicaSet".to_owned(), name: app.to_owned() };
    Pod {
        meta: Meta {
            namespace: namespace.to_owned(),
            name: format!("{app}-{number}"),
            labels: [("app".to_owned(), app.to_owned())].into(),
            owner: Some(owner),
            ..Meta::default()
        },
        ips: vec![ip.parse().unwrap()],
        ..Pod::default()
    }
}

fn node(name: &str, ip: &str, range: &str) -> Node {
    Node {
        meta: Meta { name: name.to_owned(), ..Meta::default() },
        internal_ips: vec![ip.parse().unwrap()],
        pod_cidrs: vec![range.parse().unwrap()],
        ..Node::default()
    }
}

fn scene(pods: &[Pod]) -> (Inventory, Cluster) {
    let ops = Namespace { meta: Meta { name: "ops".to_owned(), ..Meta::default() } };
    let mut objects: Vec<Object> = pods.iter().cloned().map(Object::Pod).collect();
    objects.push(Object::Node(node("n1", "192.168.0.1", "10.1.0.0/24")));
    objects.push(Object::Node(node("n2", "192.168.0.2", "10.2.0.0/24")));
    objects.push(Object::Namespace(ops));
    let inventory = Inventory::new(vec![objects]);
    let cluster = Cluster::new(
        inventory.pods().iter().map(|known| known.pod.clone()).collect(),
        inventory.namespaces().values().cloned(),
        inventory.nodes().values().cloned(),
    );
    (inventory, cluster)
}

/// Two replicas of web on two nodes, and one db.
fn shop() -> (Inventory, Cluster) {
    scene(&[
        pod("shop", "web", 1, "10.1.0.5"),
        pod("shop", "web", 2, "10.2.0.5"),
        pod("shop", "db", 1, "10.1.0.6"),
    ])
}

fn app(name: &str) -> PolicyPeer {
    PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(LabelSelector::labels([("app", name)])) })
}

fn block(cidr: &str, except: &[&str]) -> PolicyPeer {
    let except = except.iter().map(|part| part.parse().unwrap()).collect();
    PolicyPeer::Block { cidr: cidr.parse().unwrap(), except }
}

fn into_app(name: &str, peers: &[PolicyPeer], port: u16) -> NetworkPolicy {
    let port = PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Range(PortRange::single(port))) };
    NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector: LabelSelector::labels([("app", name)]),
        ingress: Some(vec![PolicyRule { peers: peers.to_vec(), ports: vec![port] }]),
        egress: None,
    }
}

fn text(profile: &Profile) -> String {
    if profile.is_everything() {
        return "everything".to_owned();
    }
    profile.iter().map(|(protocol, ports)| format!("{protocol} {ports}")).collect::<Vec<_>>().join(" ")
}

fn rows_to(survey: &mut Survey, to: &str) -> Vec<(String, String)> {
    let rows = survey.rows(&Selection::everything(survey.ends().len()));
    let ends: Vec<String> = survey.ends().iter().map(|end| end.name.to_string()).collect();
    let told = rows.iter().filter(|row| ends[row.to] == to);
    told.map(|row| (ends[row.from].clone(), text(survey.profile(row.allowed)))).collect()
}

#[test]
fn pods_of_a_workload_on_two_nodes_are_one_end_where_that_makes_no_difference() {
    let (inventory, cluster) = shop();
    let outside = block("0.0.0.0/0", &["10.1.0.0/24", "10.2.0.0/24"]);
    let set = PolicySet::compile(&cluster, &[into_app("db", &[app("web"), outside], 5432)]);
    let mut survey = Survey::new(&inventory, &[&set]);
    let rows = rows_to(&mut survey, "shop/ReplicaSet/db");
    let expected = ["shop/ReplicaSet/web", "node/n1", "node/n2", "external/0.0.0.0/0"];
    assert_eq!(rows, expected.map(|from| (from.to_owned(), "TCP 5432".to_owned())));
    let web = rows_to(&mut survey, "shop/ReplicaSet/web");
    assert!(web.contains(&("shop/ReplicaSet/web".to_owned(), "everything".to_owned())), "two of its pods");
    assert!(
        !rows.iter().any(|(from, _)| from == "shop/ReplicaSet/db"),
        "one pod and itself is nothing to ask policies"
    );
}

#[test]
fn pods_of_a_workload_that_differ_are_ends_of_their_own() {
    let (inventory, cluster) = shop();
    let set = PolicySet::compile(&cluster, &[into_app("db", &[block("10.1.0.0/24", &[])], 5432)]);
    let rows = rows_to(&mut Survey::new(&inventory, &[&set]), "shop/ReplicaSet/db");
    assert_eq!(rows, [("shop/Pod/web-1".to_owned(), "TCP 5432".to_owned())]);
}

#[test]
fn a_pod_that_is_finished_or_uses_its_nodes_network_or_has_no_address_is_no_end() {
    let mut done = pod("shop", "done", 1, "10.1.0.7");
    done.is_finished = true;
    let mut agent = pod("shop", "agent", 1, "192.168.0.1");
    agent.host_network = true;
    let mut pending = pod("shop", "pending", 1, "10.1.0.8");
    pending.ips.clear();
    let (inventory, cluster) = scene(&[done, agent, pending, pod("shop", "web", 1, "10.1.0.5")]);
    let survey = Survey::new(&inventory, &[&PolicySet::compile(&cluster, &[])]);
    let ends: Vec<String> = survey.ends().iter().map(|end| end.name.to_string()).collect();
    assert_eq!(ends, ["shop/ReplicaSet/web", "node/n1", "node/n2", "external/0.0.0.0/0"]);
}

#[test]
fn a_difference_names_each_pair_that_changed_and_no_other() {
    let (inventory, cluster) = shop();
    let before = PolicySet::compile(&cluster, &[into_app("db", &[app("web")], 5432)]);
    let after =
        PolicySet::compile(&cluster, &[into_app("db", &[app("web"), block("203.0.113.0/24", &[])], 5433)]);
    let mut survey = Survey::new(&inventory, &[&before, &after]);
    let changes = survey.changes(&Selection::everything(survey.ends().len()));
    let name = |at: usize| survey.ends()[at].name.to_string();
    let told: Vec<(String, String, String, String)> = changes
        .iter()
        .map(|change| {
            let texts = [change.before, change.after].map(|id| text(survey.profile(id)));
            let [before, after] = texts;
            (name(change.from), name(change.to), before, after)
        })
        .collect();
    let row = |from: &str, before: &str| {
        (from.to_owned(), "shop/ReplicaSet/db".to_owned(), before.to_owned(), "TCP 5433".to_owned())
    };
    assert_eq!(told, [row("shop/ReplicaSet/web", "TCP 5432"), row("external/203.0.113.0/24", "")]);
    let mut same = Survey::new(&inventory, &[&before, &before]);
    assert!(same.changes(&Selection::everything(same.ends().len())).is_empty());
}

#[test]
fn families_are_told_apart_only_where_they_differ() {
    let dual = |app: &str, last: u8| {
        let mut pod = pod("shop", app, 1, &format!("10.1.0.{last}"));
        pod.ips.push(format!("fd00::{last}").parse().unwrap());
        pod
    };
    let (inventory, cluster) = scene(&[dual("web", 5), dual("db", 6)]);
    let set = PolicySet::compile(&cluster, &[into_app("db", &[block("::/0", &[])], 1)]);
    let mut survey = Survey::new(&inventory, &[&set]);
    let rows = survey.rows(&Selection::everything(survey.ends().len()));
    let name = |at: usize| survey.ends()[at].name.to_string();
    let between = |from: &str, to: &str| {
        let found = rows.iter().filter(|row| name(row.from) == from && name(row.to) == to);
        found.map(|row| row.family).collect::<Vec<_>>()
    };
    assert_eq!(between("shop/ReplicaSet/web", "shop/ReplicaSet/db"), [Some(Family::V6)]);
    assert_eq!(between("shop/ReplicaSet/db", "shop/ReplicaSet/web"), [None]);
}

#[test]
fn exposure_tells_what_may_enter_from_where_nobody_stands_yet() {
    let (inventory, cluster) = shop();
    let ops = PolicyPeer::Pods(PeerSelector {
        namespaces: Some(LabelSelector::labels([("kubernetes.io/metadata.name", "ops")])),
        pods: Some(LabelSelector {
            match_expressions: vec![Requirement::Exists("scrape".to_owned())],
            ..LabelSelector::default()
        }),
    });
    let policies = [
        into_app("db", &[app("job"), ops], 5432),
        into_app("web", &[block("0.0.0.0/0", &["10.0.0.0/8"])], 80),
    ];
    let told = exposure(&inventory, &cluster, &policies, &[], None);
    let names: Vec<String> = told.iter().map(|exposure| exposure.to.to_string()).collect();
    assert_eq!(names, ["shop/ReplicaSet/db", "shop/ReplicaSet/web"]);
    let (db, web) = (&told[0], &told[1]);
    assert!(db.outside.is_empty() && db.anybody.is_empty() && db.neighbours.is_empty());
    let entries: Vec<String> = db.selected.iter().map(|entry| text(&entry.allowed)).collect();
    assert_eq!(entries, ["TCP 5432", "TCP 5432"], "neither is there, both may come");
    assert_eq!(text(&web.outside), "TCP 80");
    assert!(web.anybody.is_empty(), "a pod that comes has an address among the pods'");
    let open = exposure(&inventory, &cluster, &[], &[], None);
    assert!(open[0].anybody.is_everything() && open[0].selected.is_empty());
}

#[test]
fn a_selector_that_no_labels_satisfy_gives_no_stranger() {
    let (inventory, cluster) = shop();
    let never = LabelSelector {
        match_labels: [("app".to_owned(), "job".to_owned())].into(),
        match_expressions: vec![Requirement::DoesNotExist("app".to_owned())],
    };
    let peer = PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(never) });
    let told = exposure(&inventory, &cluster, &[into_app("db", &[peer], 1)], &[], None);
    assert!(told[0].selected.is_empty());
}
