use std::collections::BTreeSet;

use flowfence_graph::Tally;
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, PortName, Protocol};

use super::proof::{Proof, prove};
use super::{Exposed, Options, Recommendation, Width, recommend};
use crate::judge::testing::{Seen, World, at, connected, workload};

fn run(world: &World, options: &Options) -> (Seen, Recommendation) {
    let seen = world.seen();
    let answer = recommend(&seen.facts, &seen.inventory, &seen.judgement, &seen.today, options);
    (seen, answer)
}

fn recommended(world: &World) -> Recommendation {
    run(world, &Options::default()).1
}

fn proof_of(seen: &Seen, answer: &Recommendation, policies: &[NetworkPolicy]) -> Proof {
    prove(&seen.facts, &seen.inventory, &seen.judgement, policies, &seen.today, &answer.declared)
}

/// Recommends, and checks that the proof holds without excess.
#[track_caller]
fn proved(world: &World, options: &Options) -> Recommendation {
    let (seen, answer) = run(world, options);
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    let proof = proof_of(&seen, &answer, &policies);
    assert!(proof.holds(), "{:#?}", proof.alone.cut);
    assert_eq!(proof.alone.excess, []);
    answer
}

fn port_text(port: &PolicyPort) -> String {
    let number = port.port.as_ref().map_or("*".to_owned(), PortName::to_string);
    format!("{number}/{}", port.protocol)
}

fn peer_text(peer: &PolicyPeer) -> String {
    let pairs = |selector: &flowfence_model::LabelSelector| {
        let equal = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}"));
        let more = selector.match_expressions.iter().map(|r| format!("{r:?}"));
        equal.chain(more).collect::<Vec<_>>().join(",")
    };
    match peer {
        PolicyPeer::Block { cidr, except } if except.is_empty() => cidr.to_string(),
        PolicyPeer::Block { cidr, except } => format!("{cidr} except {}", except.len()),
        PolicyPeer::Pods(pods) => {
            let namespace = pods.namespaces.as_ref().map(|n| format!("[{}] ", pairs(n))).unwrap_or_default();
            format!("{namespace}{}", pairs(pods.pods.as_ref().unwrap()))
        }
    }
}

fn rule_text(rule: &PolicyRule) -> String {
    let peers: Vec<String> = rule.peers.iter().map(peer_text).collect();
    let ports: Vec<String> = rule.ports.iter().map(port_text).collect();
    format!("{}: {}", peers.join(" | "), ports.join(" "))
}

/// The rules of one direction of the policy `NAMESPACE/NAME`.
#[track_caller]
fn rules(answer: &Recommendation, key: &str, direction: Direction) -> Vec<String> {
    let policy = answer.policies.iter().find(|p| p.policy.key() == key);
    let policy = policy.unwrap_or_else(|| panic!("no {key} among {:?}", keys(answer)));
    policy.policy.rules(direction).unwrap().iter().map(rule_text).collect()
}

fn keys(answer: &Recommendation) -> Vec<String> {
    answer.policies.iter().map(|p| p.policy.key()).collect()
}

/// web (2 pods) → api (2 pods) → data/db; DNS in kube-system.
fn shop() -> World {
    let mut world = World::new();
    world
        .deployment("shop/web", "app=web,tier=front", 2)
        .deployment("shop/api", "app=api,tier=back", 2)
        .deployment("data/db", "app=db", 1)
        .deployment("kube-system/coredns", "k8s-app=kube-dns", 1)
        .service("kube-system/kube-dns", "k8s-app=kube-dns", 53, 53, None);
    world.tcp("shop/web-0", "shop/api-1", 9090);
    world.tcp("shop/api-0", "data/db-0", 5432);
    world.udp("shop/api-0", "kube-system/coredns-0", 53);
    world
}

#[test]
fn both_ends_of_an_edge_get_one_policy_each_with_both_directions() {
    let answer = proved(&shop(), &Options::default());
    assert_eq!(keys(&answer), ["data/flowfence-db", "shop/flowfence-api", "shop/flowfence-web"]);
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Ingress), ["app=web: 9090/TCP"]);
    assert_eq!(
        rules(&answer, "shop/flowfence-api", Direction::Egress),
        [
            "[kubernetes.io/metadata.name=data] app=db: 5432/TCP",
            "[kubernetes.io/metadata.name=kube-system] k8s-app=kube-dns: 53/TCP 53/UDP",
        ],
        "the namespace of the peer, and DNS on both protocols"
    );
    assert_eq!(
        rules(&answer, "shop/flowfence-web", Direction::Ingress),
        [""; 0],
        "denied where nothing came"
    );
    assert_eq!(answer.policies[1].file, "shop/api.yaml");
    let unfenced: BTreeSet<String> = answer.unfenced.iter().map(|u| format!("{} {}", u.id, u.why)).collect();
    assert_eq!(unfenced, ["kube-system/Deployment/coredns system".to_owned()].into());
}

#[test]
fn dns_behind_another_pod_port_admits_the_twin_of_its_service() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("dns/resolver", "app=dns", 1);
    world.service("dns/dns", "app=dns", 53, 1053, None);
    world.udp("shop/web-0", "dns/resolver-0", 1053);
    let answer = proved(&world, &Options::default());
    let both = ["[kubernetes.io/metadata.name=dns] app=dns: 1053/TCP 1053/UDP"];
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), both);
    assert!(answer.declared.iter().any(|d| d.kind == Width::Dns && d.protocol == Protocol::Tcp));
}

#[test]
fn deleting_any_rule_or_peer_or_port_makes_the_proof_fail() {
    let mut world = shop();
    world.deployment("shop/pay", "app=pay", 1).api_server("172.30.0.1");
    world.tcp("shop/web-0", "shop/pay-0", 8000);
    world.tcp("shop/pay-0", "203.0.113.10", 443);
    world.tcp("shop/api-1", "172.30.0.1", 6443);
    world.service("shop/api", "app=api", 80, 9090, None);
    world.tcp("shop/api-0", "shop/api-0", 9090).hairpin = true;
    world.service("shop/web", "app=web", 80, 8080, Some(30080));
    world.tcp("172.30.0.12", "shop/web-0", 8080).behind = ["198.51.100.7".parse().unwrap()].into();
    let (seen, answer) = run(&world, &Options::default());
    let whole: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    assert!(proof_of(&seen, &answer, &whole).holds());
    let mut mutants = 0;
    for (index, policy) in whole.iter().enumerate() {
        for direction in Direction::BOTH {
            for (rule, written) in policy.rules(direction).unwrap().iter().enumerate() {
                let mut edits: Vec<(String, Option<PolicyRule>)> = vec![("rule".to_owned(), None)];
                for peer in (0..written.peers.len()).filter(|_| written.peers.len() > 1) {
                    let mut less = written.clone();
                    let text = peer_text(&less.peers.remove(peer));
                    // IPv6 was not seen, nor the gateways: widths that are declared.
                    if !text.contains("::/0") && !text.starts_with("10.244.") {
                        edits.push((text, Some(less)));
                    }
                }
                for port in (0..written.ports.len()).filter(|_| written.ports.len() > 1) {
                    let mut less = written.clone();
                    let text = port_text(&less.ports.remove(port));
                    if text != "53/TCP" {
                        edits.push((text, Some(less)));
                    }
                }
                for (what, edit) in edits {
                    let mut mutant = whole.clone();
                    let lists = match direction {
                        Direction::Egress => mutant[index].egress.as_mut().unwrap(),
                        Direction::Ingress => mutant[index].ingress.as_mut().unwrap(),
                    };
                    match edit {
                        Some(less) => lists[rule] = less,
                        None => drop(lists.remove(rule)),
                    }
                    mutants += 1;
                    let proof = proof_of(&seen, &answer, &mutant);
                    assert!(!proof.holds(), "{} {direction}[{rule}] without {what}", policy.key());
                }
            }
        }
    }
    assert!(mutants >= 14, "{mutants}");
}

#[test]
fn a_workload_without_traffic_is_never_isolated() {
    let mut world = shop();
    world.deployment("shop/idle", "app=idle", 1);
    world.tcp("10.244.1.1", "shop/idle-0", 8080).probe = true;
    world.contacts.last_mut().unwrap().contact.own_node = true;
    let answer = recommended(&world);
    assert_eq!(answer.unobserved, [workload("shop/Deployment/idle")]);
    assert!(!keys(&answer).contains(&"shop/flowfence-idle".to_owned()));
}

#[test]
fn a_workload_that_was_only_knocked_at_is_fenced_shut() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/db", "app=db", 1);
    world.refused("shop/web-0", "shop/db-0", 22, 5);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-db", Direction::Ingress), [""; 0]);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), [""; 0]);
}

#[test]
fn blind_and_system_workloads_stay_open_unless_asked() {
    let mut world = shop();
    world.unseen.insert("web-1".to_owned());
    let answer = recommended(&world);
    let open: BTreeSet<String> = answer.unfenced.iter().map(|u| format!("{} {}", u.id, u.why)).collect();
    let expected = ["kube-system/Deployment/coredns system", "shop/Deployment/web blind"];
    assert_eq!(open, expected.map(str::to_owned).into());
    let all = Options { include_blind: true, system: true, ..Options::default() };
    let answer = proved(&world, &all);
    assert_eq!((answer.unfenced.len(), answer.policies.len()), (0, 4));
}

#[test]
fn namespaces_choose_subjects_and_not_peers() {
    let options = Options { namespaces: ["data".to_owned()].into(), ..Options::default() };
    let answer = proved(&shop(), &options);
    assert_eq!(keys(&answer), ["data/flowfence-db"]);
    let from = ["[kubernetes.io/metadata.name=shop] app=api: 5432/TCP"];
    assert_eq!(rules(&answer, "data/flowfence-db", Direction::Ingress), from);
}

#[test]
fn outside_peers_are_whole_addresses_of_either_family() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.pods.get_mut("shop/pay-0").unwrap().ips.push("fd00:10:244:1::5".parse().unwrap());
    world.tcp("shop/pay-0", "203.0.113.10", 443);
    world.tcp("shop/pay-0", "203.0.113.11", 443);
    world.tcp("shop/pay-0", "2001:db8::1", 443);
    let answer = proved(&world, &Options::default());
    let one = ["203.0.113.10/32 | 203.0.113.11/32 | 2001:db8::1/128: 443/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-pay", Direction::Egress), one);
}

#[test]
fn the_api_server_is_its_endpoints_and_never_pods_of_default() {
    let mut world = World::new();
    world.deployment("ops/operator", "app=operator", 1).api_server("172.30.0.1");
    world.tcp("ops/operator-0", "172.30.0.1", 6443);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "ops/flowfence-operator", Direction::Egress), ["172.30.0.1/32: 6443/TCP"]);
}

#[test]
fn a_host_network_peer_is_every_node_and_its_own_node_needs_no_rule() {
    let mut world = World::new();
    world.deployment("ops/scraper", "app=scraper", 1).deployment("shop/web", "app=web", 1);
    world.tcp("ops/scraper-0", "172.30.0.11", 9100);
    world.tcp("10.244.2.1", "shop/web-0", 8080).own_node = true;
    let answer = proved(&world, &Options::default());
    let [egress] = rules(&answer, "ops/flowfence-scraper", Direction::Egress).try_into().unwrap();
    for node in ["172.30.0.11/32", "172.30.0.12/32", "10.244.1.1/32", "10.244.2.1/32"] {
        assert!(egress.contains(node), "{egress}");
    }
    assert!(answer.declared.iter().any(|d| d.kind == Width::Nodes));
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Ingress), [""; 0]);
}

#[test]
fn a_published_port_that_was_used_admits_the_world_but_no_pod() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 2).service("shop/web", "app=web", 80, 8080, Some(30080));
    world.tcp("172.30.0.12", "shop/web-0", 8080).behind = ["198.51.100.7".parse().unwrap()].into();
    let answer = proved(&world, &Options::default());
    let [any] = rules(&answer, "shop/flowfence-web", Direction::Ingress).try_into().unwrap();
    assert!(any.contains("0.0.0.0/0 except 2") && any.contains("::/0"), "{any}");
    assert!(any.contains("10.244.1.1/32"), "gateways lie among the pods: {any}");
    let observed = Options { exposed: Exposed::Observed, ..Options::default() };
    let answer = proved(&world, &observed);
    let [seen] = rules(&answer, "shop/flowfence-web", Direction::Ingress).try_into().unwrap();
    assert!(seen.contains("198.51.100.7/32") && seen.contains("172.30.0.11/32"), "{seen}");
    assert!(!seen.contains("/0"), "{seen}");
}

#[test]
fn a_published_port_that_nobody_outside_used_stays_closed() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/job", "app=job", 1);
    world.service("shop/web", "app=web", 80, 8080, Some(30080));
    world.tcp("shop/job-0", "shop/web-0", 8080);
    assert_eq!(
        rules(&proved(&world, &Options::default()), "shop/flowfence-web", Direction::Ingress),
        ["app=job: 8080/TCP"],
        "the port of the pod, not of the service"
    );
}

#[test]
fn a_pod_behind_a_node_port_may_still_come_through() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/job", "app=job", 1);
    let client = world.pods["shop/job-0"].ips[0];
    world.tcp("172.30.0.12", "shop/web-0", 8080).behind = [client].into();
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-job", Direction::Egress), ["app=web: 8080/TCP"]);
    assert!(answer.declared.iter().any(|d| d.kind == Width::Behind));
}

#[test]
fn replicas_that_name_a_port_differently_numbered_get_the_name() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 2);
    world.port("shop/api-0", "http", 8080).port("shop/api-1", "http", 9090);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["app=api: http/TCP"]);
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 2);
    world.port("shop/api-0", "http", 8080).port("shop/api-1", "http", 8080);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    assert_eq!(
        rules(&recommended(&world), "shop/flowfence-web", Direction::Egress),
        ["app=api: 8080/TCP"],
        "a name that says nothing more stays away"
    );
}

#[test]
fn a_hairpin_reaches_the_sibling_too_and_loopback_needs_no_rule() {
    let mut world = World::new();
    world.deployment("shop/api", "app=api", 1);
    world.tcp("shop/api-0", "shop/api-0", 9090).hairpin = true;
    let (seen, answer) = run(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Egress), ["app=api: 9090/TCP"]);
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Ingress), ["app=api: 9090/TCP"]);
    let mut shut = answer.policies[0].policy.clone();
    shut.egress = Some(Vec::new());
    assert!(!proof_of(&seen, &answer, &[shut]).holds(), "the next backend may be a sibling");
    let mut world = World::new();
    world.deployment("shop/api", "app=api", 1);
    world.tcp("shop/api-0", "shop/api-0", 9090);
    assert_eq!(rules(&recommended(&world), "shop/flowfence-api", Direction::Egress), [""; 0]);
}

#[test]
fn peers_that_share_ports_share_a_rule() {
    let mut world = World::new();
    for client in ["a", "b", "c"] {
        world.deployment(&format!("shop/{client}"), &format!("app={client}"), 1);
    }
    world.deployment("shop/db", "app=db", 1);
    for client in ["a", "b"] {
        world.tcp(&format!("shop/{client}-0"), "shop/db-0", 5432);
        world.tcp(&format!("shop/{client}-0"), "shop/db-0", 8008);
    }
    world.tcp("shop/c-0", "shop/db-0", 8008);
    let answer = proved(&world, &Options::default());
    let expected = ["app=a | app=b: 5432/TCP 8008/TCP", "app=c: 8008/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-db", Direction::Ingress), expected);
    let evidence = &answer.policies.iter().find(|p| p.policy.name == "flowfence-db").unwrap().evidence;
    assert_eq!(evidence.iter().map(|e| e.edges.len()).collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn names_never_clash_with_each_other_or_a_users_object() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).controlled("StatefulSet", "shop/store", "app=store", 1);
    world.deployment("shop/store2", "app=store2", 1);
    world.tcp("shop/web-0", "shop/store-0", 80);
    let user = |name: &str| NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector: flowfence_model::LabelSelector::labels([("app", "web")]),
        ingress: Some(vec![PolicyRule::default()]),
        egress: None,
    };
    world.today = vec![user("flowfence-web")];
    let answer = recommended(&world);
    assert_eq!(keys(&answer), ["shop/flowfence-store", "shop/flowfence-web-deployment"]);
    assert_eq!(answer.supersedes, ["shop/flowfence-web"]);
    assert_eq!(answer.policies[1].file, "shop/web-deployment.yaml");
    let ours = Options { ours: ["shop/flowfence-web".to_owned()].into(), ..Options::default() };
    let (_, answer) = run(&world, &ours);
    assert_eq!(keys(&answer), ["shop/flowfence-store", "shop/flowfence-web"]);
    assert!(answer.supersedes.is_empty(), "written anew under its own name");
    world.controlled("StatefulSet", "shop/web", "app=webset", 0);
    world.today.clear();
    assert!(keys(&recommended(&world)).contains(&"shop/flowfence-web-deployment".to_owned()));
}

#[test]
fn a_suspect_is_fenced_with_what_it_did_before() {
    let mut world = shop();
    for port in 1..40 {
        world.refused("shop/web-0", "data/db-0", port, 100 + i64::from(port));
    }
    world.tcp("shop/web-0", "198.51.100.66", 3333).tally.first = at(200);
    let answer = proved(&world, &Options::default());
    assert_eq!(answer.suspects, [workload("shop/Deployment/web")]);
    assert_eq!(answer.withheld.len(), 1);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["app=api: 9090/TCP"]);
}

#[test]
fn an_address_that_nobody_is_known_to_hold_is_declared_not_cut() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1);
    world.tcp("shop/web-0", "10.244.2.250", 80);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["10.244.2.250/32: 80/TCP"]);
    assert!(answer.declared.iter().any(|d| d.kind == Width::Unknown));
}

#[test]
fn answered_icmp_is_listed_since_isolation_may_cut_it() {
    let mut world = World::new();
    world.deployment("ops/operator", "app=operator", 1);
    world.sees("ops/operator-0", "203.0.113.10", Protocol::Icmp, 0, connected(4));
    world.sees("ops/operator-0", "203.0.113.11", Protocol::Icmp, 0, Tally { unanswered: 1, ..connected(0) });
    let answer = recommended(&world);
    assert_eq!(answer.inexpressible.len(), 1);
    assert_eq!(rules(&answer, "ops/flowfence-operator", Direction::Egress), [""; 0]);
}

#[test]
fn the_order_of_what_was_seen_changes_nothing() {
    let (one, mut other) = (shop(), shop());
    other.contacts.reverse();
    other.objects.reverse();
    assert_eq!(recommended(&one).policies, recommended(&other).policies);
}

#[test]
fn a_merged_subject_counts_its_excess() {
    let mut world = World::new();
    world.deployment("shop/a", "app=same", 1).deployment("shop/b", "app=same", 1);
    world.deployment("shop/c", "app=c", 1);
    world.tcp("shop/a-0", "shop/c-0", 80);
    world.tcp("shop/b-0", "shop/c-0", 81);
    let (seen, answer) = run(&world, &Options::default());
    assert_eq!(keys(&answer), ["shop/flowfence-a", "shop/flowfence-c"]);
    assert_eq!(answer.merged, [vec![workload("shop/Deployment/a"), workload("shop/Deployment/b")]]);
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    let proof = proof_of(&seen, &answer, &policies);
    let excess: Vec<String> =
        proof.alone.excess.iter().map(|e| format!("{} -> {} {}", e.from, e.to, e.ports)).collect();
    assert!(proof.holds());
    assert_eq!(
        excess,
        ["shop/Deployment/a -> shop/Deployment/c 81", "shop/Deployment/b -> shop/Deployment/c 80"]
    );
}

#[test]
fn without_a_label_nothing_is_selected_and_its_peers_stay_open_towards_it() {
    let mut world = World::new();
    world.pod("shop/bare");
    world.deployment("shop/web", "app=web", 1).deployment("shop/other", "team=x", 1);
    world.tcp("shop/web-0", "shop/bare", 80);
    world.tcp("shop/bare", "shop/other-0", 81);
    let (seen, answer) = run(&world, &Options::default());
    let open: Vec<String> =
        answer.unfenced.iter().map(|u| format!("{} {} {}", u.id, u.direction, u.why)).collect();
    assert_eq!(
        open,
        [
            "shop/Deployment/other ingress no stable label selects its peer shop/Pod/bare",
            "shop/Deployment/web egress no stable label selects its peer shop/Pod/bare",
            "shop/Pod/bare egress no stable label selects it",
            "shop/Pod/bare ingress no stable label selects it",
        ]
    );
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    assert!(proof_of(&seen, &answer, &policies).holds());
    assert!(policies.iter().all(|policy| !policy.pod_selector.is_everything()));
}
