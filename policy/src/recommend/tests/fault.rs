//! What other recommenders are known to get wrong, a test each. The names in brackets are theirs.

use super::*;

fn selectors(answer: &Recommendation) -> Vec<&flowfence_model::LabelSelector> {
    let policies = answer.policies.iter().map(|p| &p.policy);
    let mut all: Vec<_> = policies.clone().map(|p| &p.pod_selector).collect();
    let rules = policies.flat_map(|p| p.egress.iter().chain(&p.ingress).flatten());
    all.extend(rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
        PolicyPeer::Pods(pods) => pods.pods.as_ref(),
        PolicyPeer::Block { .. } => None,
    }));
    all
}

/// [Inspektor Gadget, kubescape/node-agent 943]
#[test]
fn the_port_is_the_pods_and_not_the_services() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 1);
    world.service("shop/api", "app=api", 80, 8080, None);
    world.tcp("shop/web-0", "shop/api-0", 8080).services = ["shop/api".to_owned()].into();
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["app=api: 8080/TCP"]);
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Ingress), ["app=web: 8080/TCP"]);
}

/// [Inspektor Gadget keeps one protocol of TCP and UDP 53; hubble-audit2policy loses DNS]
#[test]
fn dns_keeps_both_protocols_in_one_rule() {
    let answer = proved(&shop(), &Options::default());
    let egress = rules(&answer, "shop/flowfence-api", Direction::Egress);
    assert!(egress.iter().any(|rule| rule.ends_with("53/TCP 53/UDP")), "{egress:?}");
}

/// [Inspektor Gadget selects all pods of namespace default; Kubescape the service's address]
#[test]
fn the_api_servers_service_without_selector_is_its_endpoints() {
    let mut world = World::new();
    world.deployment("ops/operator", "app=operator", 1).deployment("default/bystander", "app=x", 1);
    world.api_server("172.30.0.1");
    world.tcp("ops/operator-0", "172.30.0.1", 6443);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "ops/flowfence-operator", Direction::Egress), ["172.30.0.1/32: 6443/TCP"]);
}

/// [kubescape/node-agent 942, Inspektor Gadget 39]
#[test]
fn ordinals_of_stateful_sets_and_uids_of_jobs_are_in_no_selector() {
    let mut world = World::new();
    world.controlled("StatefulSet", "data/db", "app=db", 2).controlled("Job", "data/dump", "app=dump", 1);
    for (n, pod) in ["data/db-0", "data/db-1"].iter().enumerate() {
        let labels = &mut world.pods.get_mut(*pod).unwrap().meta.labels;
        labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), format!("db-{n}"));
    }
    let job = &mut world.pods.get_mut("data/dump-0").unwrap().meta.labels;
    for key in ["controller-uid", "batch.kubernetes.io/controller-uid", "job-name"] {
        job.insert(key.to_owned(), "5b1".to_owned());
    }
    world.tcp("data/dump-0", "data/db-1", 5432);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "data/flowfence-dump", Direction::Egress), ["app=db: 5432/TCP"]);
    for selector in selectors(&answer) {
        assert_eq!(selector.match_labels.keys().collect::<Vec<_>>(), ["app"], "{selector:?}");
    }
}

/// [Inspektor Gadget and Kubescape write `podSelector: {}`]
#[test]
fn a_workload_of_which_all_labels_are_volatile_is_never_an_empty_selector() {
    let mut world = World::new();
    world.deployment("shop/bare", "", 1).deployment("shop/api", "app=api", 1);
    world.deployment("shop/other", "", 1);
    world.tcp("shop/bare-0", "shop/api-0", 8080);
    let answer = recommended(&world);
    assert!(selectors(&answer).iter().all(|selector| !selector.is_everything()));
    let open: BTreeSet<String> = answer.unfenced.iter().map(|u| u.id.to_string()).collect();
    assert!(open.contains("shop/Deployment/bare"), "it is said: {open:?}");
}

/// [Kubescape and Inspektor Gadget write /32, 2^96 addresses]
#[test]
fn an_ipv6_address_is_a_block_of_128_bits() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.pods.get_mut("shop/pay-0").unwrap().ips.push("fd00:10:244:1::5".parse().unwrap());
    world.tcp("shop/pay-0", "2001:db8::1", 443);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-pay", Direction::Egress), ["2001:db8::1/128: 443/TCP"]);
}

/// [hubble-audit2policy: 97 % of its ports are those of replies]
#[test]
fn replies_are_no_rule() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 1);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Egress), [""; 0]);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Ingress), [""; 0]);
}

/// [hubble-audit2policy allows what was dropped]
#[test]
fn refused_and_denied_attempts_are_no_rule() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 1);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    world.refused("shop/api-0", "shop/web-0", 22, 5);
    let unanswered = Tally { unanswered: 3, packets: [3, 0], first: at(5), last: at(8), ..Tally::empty() };
    world.sees("shop/api-0", "shop/web-0", Protocol::Tcp, 23, unanswered);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Egress), [""; 0]);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Ingress), [""; 0]);
}

/// [Kubescape drops `instance` and merges two releases of one chart]
#[test]
fn releases_of_one_chart_stay_two() {
    let mut world = World::new();
    for release in ["one", "two"] {
        let labels = format!("app.kubernetes.io/name=redis,app.kubernetes.io/instance={release}");
        world.deployment(&format!("data/{release}"), &labels, 1);
    }
    world.deployment("shop/web", "app=web", 1);
    world.tcp("shop/web-0", "data/one-0", 6379);
    let answer = proved(&world, &Options::default());
    let egress = ["[kubernetes.io/metadata.name=data] app.kubernetes.io/instance=one: 6379/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), egress);
}

/// [`StackRox`: a port of which all peers are gone gets an empty `from`]
#[test]
fn a_peer_that_is_gone_leaves_no_empty_list_of_peers() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1);
    // Held by a pod that is in no snapshot.
    world.tcp("10.244.2.77", "shop/web-0", 8080);
    let answer = proved(&world, &Options::default());
    let rules = answer.policies[0].policy.ingress.as_ref().unwrap();
    assert!(rules.iter().all(|rule| !rule.peers.is_empty()), "{rules:?}");
}

/// [Kubescape denies everything to a workload without traffic; kguardian 1496]
#[test]
fn a_workload_without_traffic_is_left_open_and_told() {
    let mut world = shop();
    world.deployment("shop/nightly", "app=nightly", 1);
    let answer = proved(&world, &Options::default());
    assert!(answer.unobserved.contains(&workload("shop/Deployment/nightly")));
    assert!(!keys(&answer).contains(&"shop/flowfence-nightly".to_owned()));
}

/// [Inspektor Gadget 5300 and 5799 abort]
#[test]
fn a_peer_on_the_host_network_is_its_nodes() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("ops/exporter", "app=exporter", 1);
    let exporter = world.pods.get_mut("ops/exporter-0").unwrap();
    exporter.host_network = true;
    exporter.ips = vec!["172.30.0.12".parse().unwrap()];
    world.tcp("shop/web-0", "172.30.0.12", 9100);
    let answer = proved(&world, &Options::default());
    let [egress] = rules(&answer, "shop/flowfence-web", Direction::Egress).try_into().unwrap();
    assert!(egress.contains("172.30.0.12/32") && !egress.contains("exporter"), "{egress}");
}

/// [kguardian's Cilium flavour, discovery-engine and Theia forget or misname it]
#[test]
fn the_namespace_of_a_peer_is_named() {
    let mut world = shop();
    world.deployment("other/db", "app=db", 1);
    let answer = proved(&world, &Options::default());
    let egress = rules(&answer, "shop/flowfence-api", Direction::Egress);
    assert!(egress.contains(&"[kubernetes.io/metadata.name=data] app=db: 5432/TCP".to_owned()), "{egress:?}");
}

/// The API server takes any name of an owner, so that whoever may create a pod chooses it.
#[test]
fn an_owner_of_any_name_gives_an_object_of_a_sound_name() {
    let mut world = World::new();
    world.controlled("Odd/Kind", "shop/We\nb", "app=web", 1).deployment("shop/api", "app=api", 1);
    world.tcp("shop/We\nb-0", "shop/api-0", 80);
    let answer = proved(&world, &Options::default());
    let names: Vec<&str> = answer.policies.iter().map(|made| made.policy.name.as_str()).collect();
    assert_eq!(names, ["flowfence-api", "flowfence-we-b-772b6f01"]);
}
