//! Pods and traffic that are special: own nodes, host networks, finished pods, the pod itself.

use flowfence_model::{LabelSelector, PolicyRule};

use super::super::{Cluster, Exemption, Plugin, PolicySet, Unspecified};
use super::*;

fn two_nodes() -> Cluster {
    let mut agent = pod("shop", "agent", "192.168.0.1").label("app", "agent").on("node1");
    agent.host_network = true;
    let pods_ = vec![
        pod("shop", "db", "10.244.1.5").label("app", "db").on("node1"),
        pod("shop", "web", "10.244.2.5").label("app", "web").on("node2"),
        agent,
    ];
    let nodes =
        [node("node1", "192.168.0.1", "10.244.1.0/24"), node("node2", "192.168.0.2", "10.244.2.0/24")];
    Cluster::new(pods_, [], nodes)
}

#[test]
fn traffic_from_the_pods_own_node_passes_a_deny_all() {
    let deny = [policy("shop").ingress(&[])];
    for (from, expected) in [
        ("192.168.0.1", true),
        ("10.244.1.1", true),
        ("10.244.1.0", true),
        ("192.168.0.2", false),
        ("10.244.2.1", false),
    ] {
        let decision = decide_on(&two_nodes(), &deny, from, "shop/db", Protocol::Tcp, 80);
        assert_eq!(decision.allowed(), expected, "{from}");
        assert_eq!(decision.ingress.exemption, expected.then_some(Exemption::OwnNode), "{from}");
    }
    assert!(allows(&two_nodes(), &deny, "shop/agent", "shop/db", 80), "a host-network pod is its node");
    assert!(!allows(&two_nodes(), &deny, "shop/agent", "shop/web", 80));
}

#[test]
fn traffic_to_the_pods_own_node_follows_the_rules_and_plugins_differ() {
    let deny = [policy("shop").egress(&[])];
    let decision = decide_on(&two_nodes(), &deny, "shop/db", "192.168.0.1", Protocol::Tcp, 80);
    assert!(!decision.allowed());
    assert_eq!(decision.unspecified, [Unspecified::OwnNodeEgress]);
    let other = decide_on(&two_nodes(), &deny, "shop/db", "192.168.0.2", Protocol::Tcp, 80);
    assert!(!other.allowed() && other.unspecified.is_empty());
}

#[test]
fn an_address_that_a_pod_holds_is_no_gateway() {
    let pods_ =
        vec![pod("shop", "db", "10.244.1.5").on("node1"), pod("shop", "first", "10.244.1.1").on("node1")];
    let cluster = Cluster::new(pods_, [], [node("node1", "192.168.0.1", "10.244.1.0/24")]);
    assert!(!allows(&cluster, &[policy("shop").ingress(&[])], "shop/first", "shop/db", 80));
}

#[test]
fn selectors_never_match_host_network_pods_but_blocks_hold_their_address() {
    let by_label = [policy("shop").ingress(&[rule(&[namespaces(&LabelSelector::everything())], &[])])];
    let decision = decide_on(&two_nodes(), &by_label, "shop/agent", "shop/web", Protocol::Tcp, 80);
    assert!(!decision.allowed());
    assert_eq!(decision.unspecified, [Unspecified::HostNetworkPeer]);
    let by_block = [policy("shop").ingress(&[rule(&[block("192.168.0.0/24", &[])], &[])])];
    let decision = decide_on(&two_nodes(), &by_block, "shop/agent", "shop/web", Protocol::Tcp, 80);
    assert!(decision.allowed() && decision.unspecified.is_empty());
}

#[test]
fn a_policy_that_selects_a_host_network_pod_does_not_isolate_it() {
    let cluster = two_nodes();
    let deny = [policy("shop").selecting("app", "agent").ingress(&[])];
    let decision = decide_on(&cluster, &deny, "shop/web", "shop/agent", Protocol::Tcp, 80);
    assert!(decision.allowed() && decision.ingress.isolated_by.is_empty());
    assert_eq!(decision.unspecified, [Unspecified::HostNetworkSubject]);
    assert_eq!(PolicySet::compile(&cluster, &deny).selected(0).count(), 0);
}

#[test]
fn a_pod_may_reach_itself_and_plugins_differ() {
    let deny = [policy("shop").ingress(&[]).egress(&[])];
    let decision = decide_on(&shop(), &deny, "shop/web", "shop/web", Protocol::Tcp, 80);
    assert!(decision.allowed());
    assert_eq!(decision.ingress.exemption, Some(Exemption::SelfTraffic));
    assert_eq!(decision.unspecified, [Unspecified::SelfTraffic]);
}

#[test]
fn icmp_is_unspecified_and_follows_rules_without_ports() {
    let ask = |set: &[NetworkPolicy]| decide_on(&shop(), set, "shop/web", "shop/db", Protocol::Icmp, 0);
    for (set, expected) in [
        (vec![], true),
        (vec![policy("shop").ingress(&[PolicyRule::default()])], true),
        (vec![policy("shop").ingress(&[])], false),
        (vec![policy("shop").ingress(&[rule(&[], &[range(Protocol::Tcp, 1, u16::MAX)])])], false),
    ] {
        let decision = ask(&set);
        assert_eq!(decision.allowed(), expected);
        assert_eq!(decision.unspecified, [Unspecified::Icmp]);
    }
}

#[test]
fn a_finished_pod_no_longer_holds_the_address_in_its_status() {
    let mut done = pod("shop", "job", "10.0.0.7");
    done.is_finished = true;
    let cluster = Cluster::new(vec![pod("shop", "new", "10.0.0.7"), done], [], []);
    assert_eq!(cluster.holder("10.0.0.7".parse().unwrap()), cluster.pod_named("shop", "new"));
    assert!(cluster.pod_named("shop", "job").is_some());
}

#[test]
fn of_two_pods_with_one_address_the_later_holds_it() {
    let at = |mut pod: Pod, secs| {
        pod.meta.created = Some(flowfence_model::Timestamp::from_secs(secs, 0));
        pod
    };
    for order in [[0, 1], [1, 0]] {
        let both = [at(pod("shop", "old", "10.0.0.7"), 1), at(pod("shop", "new", "10.0.0.7"), 2)];
        let cluster = Cluster::new(order.map(|i: usize| both[i].clone()).to_vec(), [], []);
        assert_eq!(cluster.holder("10.0.0.7".parse().unwrap()), cluster.pod_named("shop", "new"));
    }
}

#[test]
fn a_pod_without_an_address_is_selected_but_holds_none() {
    let mut pending = pod("shop", "pending", "10.0.0.7");
    pending.ips.clear();
    let cluster = Cluster::new(vec![pending], [], []);
    assert_eq!(PolicySet::compile(&cluster, &[policy("shop").ingress(&[])]).selected(0).count(), 1);
    assert_eq!(cluster.holder("10.0.0.7".parse().unwrap()), None);
}

#[test]
fn a_service_address_of_no_pod_and_a_policy_of_no_namespace_do_no_harm() {
    let set = [policy("elsewhere").ingress(&[])];
    assert!(allows(&shop(), &set, "shop/web", "shop/db", 1));
}

#[test]
fn tokens_are_distinct_and_kebab_case() {
    let tokens: std::collections::BTreeSet<&str> = Unspecified::ALL.iter().map(|u| u.token()).collect();
    assert_eq!(tokens.len(), Unspecified::ALL.len());
    assert!(tokens.iter().all(|t| t.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
}

#[test]
fn a_port_name_that_only_a_sidecar_declares_counts_and_plugins_differ() {
    let mut web = pod("shop", "web", "10.0.1.1").port("mesh", 15000, Protocol::Tcp);
    web.sidecar_ports.clone_from(&web.ports);
    let cluster = Cluster::new(vec![web, pod("shop", "db", "10.0.1.2")], [], []);
    let set = [policy("shop").ingress(&[rule(&[], &[named(Protocol::Tcp, "mesh")])])];
    let decision = decide_on(&cluster, &set, "shop/db", "shop/web", Protocol::Tcp, 15000);
    assert!(decision.allowed());
    assert_eq!(decision.unspecified, [Unspecified::SidecarNamedPort]);
    let asked = connection(&cluster, "shop/db", "shop/web", Protocol::Tcp, 15000);
    let set = PolicySet::compile(&cluster, &set).with_plugin(Some(Plugin::KubeNetworkPolicies));
    assert!(!set.allows(&asked) && set.decide(&asked).unspecified.is_empty());
}

#[test]
fn an_outside_source_may_be_hidden_behind_a_node_where_a_port_is_published() {
    let cluster = two_nodes();
    let db = cluster.pod_named("shop", "db").unwrap();
    let published = cluster.clone().with_published_ports([(db, Protocol::Tcp, 80)]);
    let only_client = [policy("shop").ingress(&[rule(&[block("203.0.113.0/24", &[])], &[])])];
    let ask = |cluster: &Cluster, set: &[NetworkPolicy], from, port| {
        decide_on(cluster, set, from, "shop/db", Protocol::Tcp, port).unspecified
    };
    assert_eq!(ask(&published, &only_client, "203.0.113.1", 80), [Unspecified::SnatSource]);
    assert!(ask(&published, &only_client, "203.0.113.1", 81).is_empty(), "another port");
    assert!(ask(&cluster, &only_client, "203.0.113.1", 80).is_empty(), "not published");
    let anybody = [policy("shop").ingress(&[rule(&[], &[tcp(80)])])];
    assert!(ask(&published, &anybody, "203.0.113.1", 80).is_empty(), "nodes are admitted too");
    let every_v6 = [policy("shop").ingress(&[rule(&[block("::/0", &[])], &[])])];
    assert!(ask(&published, &every_v6, "2001:db8::1", 80).is_empty(), "no node has an address of its family");
    let only_one_node = [policy("shop").ingress(&[rule(&[block("192.168.0.2/32", &[])], &[])])];
    assert!(ask(&published, &only_one_node, "10.244.2.1", 80).is_empty(), "a node is nobody hidden");
}

#[test]
fn every_choice_of_a_plugin_settles_its_question_and_has_a_source() {
    for plugin in Plugin::ALL {
        for choice in plugin.choices() {
            assert!(choice.source.starts_with("https://"), "{}", plugin.token());
        }
        assert!(!plugin.choices().is_empty(), "{}", plugin.token());
    }
    let set =
        PolicySet::compile(&shop(), &[policy("shop").ingress(&[rule(&[block("10.0.0.0/8", &[])], &[])])]);
    let asked = connection(&shop(), "shop/web", "shop/db", Protocol::Tcp, 80);
    let by = |plugin| {
        let decision = set.clone().with_plugin(plugin).decide(&asked);
        (decision.allowed(), decision.unspecified)
    };
    assert_eq!(by(None), (true, vec![Unspecified::PodAddressInBlock]));
    assert_eq!(by(Some(Plugin::Calico)), (true, vec![]));
    assert_eq!(by(Some(Plugin::Cilium)), (false, vec![]));
    let outside = [policy("shop").ingress(&[rule(&[block("203.0.113.0/24", &[])], &[])])];
    let by_cilium = PolicySet::compile(&shop(), &outside).with_plugin(Some(Plugin::Cilium));
    let from_outside = connection(&shop(), "203.0.113.1", "shop/db", Protocol::Tcp, 80);
    assert!(by_cilium.allows(&from_outside), "its blocks are for the world outside");
    assert_eq!(by(Some(Plugin::Aws)), (true, vec![Unspecified::PodAddressInBlock]), "not documented");
}
