use std::collections::BTreeSet;

use flowfence_graph::crew::Alone;
use flowfence_graph::{LogWord, Tally};
use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule, Protocol};

use super::finding::LISTED;
use super::{Finding, Level, Value, audit, by_edge, detectors};
use crate::decision::Choice;
use crate::judge::testing::{World, at, connected, decided};

fn findings(world: &World) -> Vec<Finding> {
    let seen = world.seen();
    audit(&seen.facts, &seen.inventory, &seen.judgement, &seen.prepared, &world.settings, &Alone)
}

fn of<'f>(findings: &'f [Finding], rule: &str) -> Vec<&'f Finding> {
    findings.iter().filter(|finding| finding.rule == rule).collect()
}

fn list(finding: &Finding, name: &str) -> Vec<String> {
    match &finding.evidence[name] {
        Value::List(list) => list.names.clone(),
        other => panic!("{other:?}"),
    }
}

fn policy(name: &str, app: &str, rules: Vec<PolicyRule>) -> NetworkPolicy {
    NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector: LabelSelector::labels([("app", app)]),
        ingress: Some(rules),
        egress: None,
    }
}

fn everybody_near() -> PolicyRule {
    let pods = Some(LabelSelector::everything());
    PolicyRule { peers: vec![PolicyPeer::Pods(PeerSelector { namespaces: None, pods })], ports: Vec::new() }
}

fn trio() -> World {
    let mut world = World::new();
    world.deployment("shop/a", "app=a", 1).deployment("shop/b", "app=b", 1).deployment("shop/c", "app=c", 1);
    world
}

#[test]
fn ordinary_traffic_of_covered_workloads_finds_nothing() {
    let mut world = trio();
    world.tcp("shop/a-0", "shop/b-0", 80);
    world.tcp("10.244.1.1", "shop/a-0", 8080).probe = true;
    world.contacts.last_mut().unwrap().contact.own_node = true;
    world.tcp("shop/a-0", "shop/c-0", 81).tally.unanswered = 3;
    world.udp("shop/c-0", "shop/b-0", 53);
    for app in ["a", "b", "c"] {
        let clients = ["a", "b", "c"].map(|from| {
            let pods = Some(LabelSelector::labels([("app", from)]));
            PolicyPeer::Pods(PeerSelector { namespaces: None, pods })
        });
        let used: Vec<PolicyPeer> = match app {
            "b" => vec![clients[0].clone(), clients[2].clone()],
            "c" => vec![clients[0].clone()],
            _ => Vec::new(),
        };
        let rules =
            if used.is_empty() { Vec::new() } else { vec![PolicyRule { peers: used, ports: Vec::new() }] };
        world.today.push(policy(app, app, rules));
    }
    assert_eq!(findings(&world), []);
}

#[test]
fn a_connection_that_policies_deny_is_unexpected() {
    let mut world = trio();
    world.tcp("shop/a-0", "shop/b-0", 80);
    world.today = vec![policy("shut", "b", Vec::new())];
    let found = findings(&world);
    let [finding] = of(&found, "unexpected-connection").try_into().unwrap();
    assert_eq!(finding.level, Level::Error);
    assert_eq!(finding.id, "unexpected-connection:shop/Deployment/a->shop/Deployment/b:80/TCP");
    assert_eq!(list(finding, "deniedBy"), ["shop/shut"]);
    assert_eq!(by_edge(&found).len(), 1);
}

#[test]
fn refusals_are_grouped_and_silence_is_a_note() {
    let mut world = trio();
    world.refused("shop/a-0", "shop/b-0", 8081, 5);
    world.refused("shop/a-0", "shop/b-0", 8082, 6);
    world.sees(
        "shop/a-0",
        "10.244.2.250",
        Protocol::Tcp,
        80,
        Tally { unanswered: 1, first: at(5), last: at(5), ..Tally::empty() },
    );
    let found = findings(&world);
    let refused = of(&found, "refused-attempt");
    assert_eq!(refused.iter().map(|f| f.level).collect::<Vec<_>>(), [Level::Warning, Level::Note]);
    assert_eq!(list(refused[0], "ports"), ["8081", "8082"]);
    assert_eq!(refused[1].port, Some(80));
}

#[test]
fn an_attempt_at_the_very_end_may_still_be_answered() {
    let mut world = trio();
    let late = Tally { unanswered: 1, first: at(599), last: at(599), ..Tally::empty() };
    world.sees("shop/a-0", "shop/b-0", Protocol::Tcp, 80, late);
    assert!(of(&findings(&world), "refused-attempt").is_empty());
}

#[test]
fn what_a_flow_log_says_a_policy_stopped_is_told_with_the_policy() {
    let mut world = trio();
    let says = |denied, would_deny| LogWord {
        denied,
        would_deny,
        policies: ["shop/shut".to_owned()].into(),
        ..LogWord::default()
    };
    let late = Tally { unanswered: 1, first: at(599), last: at(599), ..Tally::empty() };
    world.sees("shop/a-0", "shop/b-0", Protocol::Tcp, 80, late).word = Some(Box::new(says(3, 0)));
    // What is only on trial is let through all the same.
    let both = Tally { unanswered: 2, ..connected(2) };
    world.sees("shop/a-0", "shop/c-0", Protocol::Tcp, 80, both).word = Some(Box::new(says(0, 2)));
    let found = findings(&world);
    let [stopped, on_trial] = of(&found, "refused-attempt").try_into().unwrap();
    assert!(stopped.title.ends_with("policies turned it away"), "{}", stopped.title);
    assert_eq!((list(stopped, "deniedBy"), stopped.level), (vec!["shop/shut".to_owned()], Level::Warning));
    assert!(on_trial.title.ends_with("on trial would turn it away"), "{}", on_trial.title);
}

#[test]
fn a_scan_is_one_finding_and_only_what_policies_turned_away_is_told_again() {
    let mut world = trio();
    world.today = vec![policy("shut", "b", Vec::new())];
    for port in 1..20 {
        world.refused("shop/a-0", "shop/b-0", port, i64::from(port));
        world.refused("shop/a-0", "shop/c-0", port, i64::from(port));
    }
    world.sees("shop/a-0", "shop/c-0", Protocol::Tcp, 80, Tally { first: at(30), ..connected(1) });
    let found = findings(&world);
    let [scan] = of(&found, "port-scan").try_into().unwrap();
    assert_eq!((scan.id.as_str(), scan.level), ("port-scan:shop/Deployment/a", Level::Error));
    assert_eq!(list(scan, "answered"), ["shop/Deployment/a -> shop/Deployment/c 80/TCP"]);
    assert_eq!(scan.edges.len(), 39);
    let [refused] = of(&found, "refused-attempt").try_into().unwrap();
    assert_eq!(list(refused, "deniedBy"), ["shop/shut"]);
    assert_eq!(list(refused, "scans"), ["port-scan:shop/Deployment/a"]);
    world.accept = ["port-scan:shop/Deployment/a".to_owned()].into();
    assert!(of(&findings(&world), "port-scan").is_empty());
}

#[test]
fn rules_without_use_and_wide_rules_are_told_apart() {
    let mut world = trio();
    world.tcp("shop/a-0", "shop/b-0", 80);
    world.today =
        vec![policy("wide", "b", vec![everybody_near()]), policy("unused", "c", vec![everybody_near()])];
    let found = findings(&world);
    let ids = |rule: &str| of(&found, rule).iter().map(|f| f.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids("rule-unused"), ["rule-unused:shop/unused:ingress[0]"]);
    assert_eq!(ids("rule-wider-than-used"), ["rule-wider-than-used:shop/wide:ingress[0]"]);
    let wide = of(&found, "rule-wider-than-used")[0];
    assert_eq!(list(wide, "came"), ["shop/Deployment/a"]);
    assert_eq!(list(wide, "beyondUse"), ["shop/Deployment/c"]);
}

#[test]
fn a_long_list_is_cut_and_says_how_many_there_are() {
    let mut world = trio();
    for n in 0..150 {
        world.deployment(&format!("shop/w{n:03}"), "app=many", 1);
    }
    world.tcp("shop/a-0", "shop/b-0", 80);
    world.today = vec![policy("wide", "b", vec![everybody_near()])];
    let found = findings(&world);
    let wide = of(&found, "rule-wider-than-used")[0];
    assert!(wide.title.contains("admits 153 workloads, of which 151 never used it"), "{}", wide.title);
    assert_eq!((list(wide, "admitted").len(), list(wide, "beyondUse").len()), (LISTED, LISTED));
    assert_eq!(list(wide, "beyondUse")[..2], ["shop/Deployment/c", "shop/Deployment/w000"]);
    assert_eq!(wide.evidence["admittedCount"], Value::Count(153));
    assert_eq!(wide.evidence["beyondUseCount"], Value::Count(151));
    assert!(!wide.evidence.contains_key("cameCount"));
}

#[test]
fn uncovered_workloads_come_by_how_many_can_reach_them() {
    let mut world = trio();
    world.deployment("shop/d", "app=d", 1);
    world.tcp("shop/a-0", "shop/c-0", 80);
    // d may send to c only; b is covered.
    let to_c = PolicyPeer::Pods(PeerSelector {
        namespaces: None,
        pods: Some(LabelSelector::labels([("app", "c")])),
    });
    let rule = PolicyRule { peers: vec![to_c], ports: Vec::new() };
    world.today = vec![
        NetworkPolicy { ingress: None, egress: Some(vec![rule]), ..policy("d", "d", Vec::new()) },
        policy("b", "b", Vec::new()),
    ];
    let found = findings(&world);
    let order: Vec<&str> = of(&found, "workload-uncovered").iter().map(|f| f.id.as_str()).collect();
    assert_eq!(order, ["workload-uncovered:shop/Deployment/c", "workload-uncovered:shop/Deployment/a"]);
}

#[test]
fn talking_to_nodes_is_noted_once_a_direction() {
    let mut world = trio();
    world.tcp("shop/a-0", "172.30.0.11", 9100);
    world.tcp("shop/a-0", "172.30.0.12", 9100);
    let found = findings(&world);
    let [finding] = of(&found, "grows-with-nodes").try_into().unwrap();
    assert_eq!(finding.id, "grows-with-nodes:shop/Deployment/a:egress");
    assert_eq!(list(finding, "nodesSeen"), ["node/node1", "node/node2"]);
}

#[test]
fn ids_of_detectors_are_kebab_case_and_distinct() {
    let ids: BTreeSet<&str> = detectors().map(|detector| detector.id).collect();
    assert_eq!(ids.len(), detectors().count());
    assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
}

#[test]
fn what_a_person_denied_and_happens_is_found_with_who_and_why() {
    let mut world = trio();
    world.tcp("shop/a-0", "shop/b-0", 80);
    let edge = "shop/Deployment/a -> shop/Deployment/b 80/TCP";
    assert!(of(&findings(&world), "denied").is_empty());
    world.decisions = vec![decided(Choice::Deny, edge, Some("2026-12-31"))];
    let found = findings(&world);
    let [denied] = of(&found, "denied")[..] else { panic!("{found:?}") };
    assert_eq!((denied.id.as_str(), denied.level), (&*format!("denied:{edge}"), Level::Warning));
    assert!(denied.title.contains("ann denied it: agreed (until 2026-12-31)"), "{}", denied.title);
    assert!(denied.title.ends_with("today's policies allow it"), "{}", denied.title);
    assert_eq!(by_edge(&found)[&edge.parse().unwrap()], *std::slice::from_ref(&denied.id));
}

#[test]
fn decisions_that_ended_or_meet_nothing_are_found() {
    let mut world = trio();
    world.tcp("shop/a-0", "shop/b-0", 80);
    let edge = "shop/Deployment/a -> shop/Deployment/b 80/TCP";
    world.decisions = vec![
        decided(Choice::Deny, edge, Some("2026-12-30")),
        decided(Choice::Accept, "shop/Deployment/a -> apiserver 6443/TCP", None),
        decided(Choice::Accept, "port-scan:shop/Deployment/b", None),
    ];
    let found = findings(&world);
    let [ended] = of(&found, "decision-expired")[..] else { panic!("{found:?}") };
    assert_eq!((ended.id.as_str(), ended.level), (&*format!("decision-expired:{edge}"), Level::Warning));
    assert_eq!(ended.title, format!("ann denied {edge} until 2026-12-30, which is over"));
    assert_eq!(ended.evidence["place"], Value::Text("decisions.yaml:7".to_owned()));
    let unused = of(&found, "decision-unused");
    let ids: Vec<(&str, Level)> = unused.iter().map(|finding| (finding.id.as_str(), finding.level)).collect();
    assert_eq!(
        ids,
        [
            ("decision-unused:shop/Deployment/a -> apiserver 6443/TCP", Level::Note),
            ("decision-unused:port-scan:shop/Deployment/b", Level::Note)
        ]
    );
    assert!(of(&found, "denied").is_empty(), "its time is over");
}
