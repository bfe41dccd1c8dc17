//! Rules of the cluster-wide policies, each named after what it says.

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, DomainName, Tier, TierPeer, TierPort};

use super::super::{Cluster, Plugin, PolicySet, Unspecified};
use super::tier_words::{TierWords, anybody, app, deny_in, networks, on, tier, when};
use super::*;

fn decide(
    cluster: &Cluster,
    policies: &[NetworkPolicy],
    tiers: &[ClusterPolicy],
    from: &str,
    to: &str,
    port: u16,
) -> Decision {
    let set = PolicySet::compile_all(cluster, policies, tiers);
    let asked = connection(cluster, from, to, Protocol::Tcp, port);
    let decision = set.decide(&asked);
    assert_eq!(set.allows(&asked), decision.allowed());
    assert_eq!(set.ports(asked.from, asked.to, Protocol::Tcp).contains(port), decision.allowed());
    decision
}

fn is_allowed(policies: &[NetworkPolicy], tiers: &[ClusterPolicy], from: &str, to: &str) -> bool {
    decide(&shop(), policies, tiers, from, to, 80).allowed()
}

#[test]
fn rule_55_admin_goes_before_network_policy_and_that_before_baseline() {
    let admin = tier(Tier::Admin, 5).inward(&[when(Action::Accept, &[app("web")], &[])]);
    let baseline = tier(Tier::Baseline, 0).inward(&[deny_in()]);
    let isolated = [policy("shop").ingress(&[])];
    assert!(is_allowed(&isolated, std::slice::from_ref(&admin), "shop/web", "shop/db"), "Admin overrules");
    assert!(!is_allowed(&isolated, &[], "shop/web", "shop/db"));
    assert!(!is_allowed(&[], std::slice::from_ref(&baseline), "shop/web", "shop/db"));
    let open = [policy("shop").ingress(&[PolicyRule::default()])];
    assert!(
        is_allowed(&open, std::slice::from_ref(&baseline), "shop/web", "shop/db"),
        "NetworkPolicy overrules"
    );
    assert!(is_allowed(&[], &[], "shop/web", "shop/db"), "nothing said, allowed");
    let decision = decide(&shop(), &isolated, &[admin], "shop/web", "shop/db", 80);
    assert_eq!(decision.ingress.tiers[0].action, Action::Accept);
    assert_eq!(decision.ingress.isolated_by, [0], "told, although it was not asked");
}

#[test]
fn a_final_action_of_the_admin_tier_leaves_baseline_unasked() {
    let tiers = [
        tier(Tier::Admin, 1).inward(&[when(Action::Accept, &[anybody()], &[])]),
        tier(Tier::Baseline, 0).inward(&[deny_in()]),
    ];
    let decision = decide(&shop(), &[], &tiers, "shop/web", "shop/db", 80);
    assert!(decision.allowed());
    let asked: Vec<usize> = decision.ingress.tiers.iter().map(|ruling| ruling.policy).collect();
    assert_eq!(asked, [0]);
}

#[test]
fn rule_56_the_lower_priority_number_goes_first_in_its_tier() {
    let strong = tier(Tier::Admin, 1).inward(&[when(Action::Accept, &[anybody()], &[])]);
    let weak = tier(Tier::Admin, 2).inward(&[deny_in()]);
    for order in [[strong.clone(), weak.clone()], [weak, strong]] {
        let decision = decide(&shop(), &[], &order, "shop/web", "shop/db", 80);
        assert!(decision.allowed() && decision.unspecified.is_empty());
    }
}

#[test]
fn rule_56_equal_priorities_that_disagree_are_unspecified() {
    let allow = tier(Tier::Admin, 1).named("a").inward(&[when(Action::Accept, &[anybody()], &[])]);
    let deny = tier(Tier::Admin, 1).named("b").inward(&[deny_in()]);
    let decision = decide(&shop(), &[], &[deny.clone(), allow.clone()], "shop/web", "shop/db", 80);
    assert!(decision.allowed(), "the first by name");
    assert_eq!(decision.unspecified, [Unspecified::EqualPriority]);
    let pass = tier(Tier::Admin, 1).named("b").inward(&[when(Action::Pass, &[anybody()], &[])]);
    let decision = decide(&shop(), &[], &[allow, pass], "shop/web", "shop/db", 80);
    assert!(decision.unspecified.is_empty(), "either way it is allowed");
    let [one, two] = [tier(Tier::Baseline, 0).named("a"), tier(Tier::Baseline, 0).named("b")];
    let both = [one.inward(&[when(Action::Accept, &[app("web")], &[])]), two.inward(&[deny_in()])];
    let decision = decide(&shop(), &[], &both, "shop/web", "shop/db", 80);
    assert_eq!(decision.unspecified, [Unspecified::EqualPriority], "in the Baseline tier too");
}

#[test]
fn rule_57_pass_skips_the_rest_of_the_tier_and_not_only_of_the_policy() {
    let pass = tier(Tier::Admin, 1).inward(&[when(Action::Pass, &[app("web")], &[])]);
    let deny = tier(Tier::Admin, 2).inward(&[deny_in()]);
    let both = [pass, deny];
    assert!(is_allowed(&[], &both, "shop/web", "shop/db"));
    assert!(!is_allowed(&[], &both, "shop/db", "shop/web"));
    let isolated = [policy("shop").ingress(&[])];
    assert!(!is_allowed(&isolated, &both, "shop/web", "shop/db"), "NetworkPolicies decide then");
}

#[test]
fn rule_58_a_policy_without_rules_of_a_direction_does_not_isolate() {
    let only_out = tier(Tier::Admin, 1).outward(&[when(Action::Accept, &[app("db")], &[])]);
    assert!(is_allowed(&[], std::slice::from_ref(&only_out), "shop/db", "shop/web"));
    assert!(is_allowed(&[], &[only_out], "shop/web", "203.0.113.1"), "no match, next tier");
}

#[test]
fn rule_59_network_policy_is_final_for_a_pod_that_it_isolates_even_after_a_pass() {
    let tiers = [
        tier(Tier::Admin, 1).inward(&[when(Action::Pass, &[anybody()], &[])]),
        tier(Tier::Baseline, 0).inward(&[deny_in()]),
    ];
    let admits_web = [policy("shop").ingress(&[rule(&[pods(&labelled("app", "web"))], &[])])];
    let decision = decide(&shop(), &admits_web, &tiers, "shop/web", "shop/db", 80);
    assert!(decision.allowed());
    assert_eq!(decision.ingress.tiers.len(), 1, "Baseline never runs");
}

#[test]
fn rule_60_baseline_rules_a_pod_that_a_network_policy_isolates_in_the_other_direction_only() {
    let egress_only = [policy("shop").egress(&[])];
    let baseline = [tier(Tier::Baseline, 0).inward(&[deny_in()])];
    let decision = decide(&shop(), &egress_only, &baseline, "ops/probe", "shop/web", 80);
    assert!(!decision.allowed());
    assert_eq!(decision.unspecified, [Unspecified::BaselineBesideNetworkPolicy]);
    let decision = decide(&shop(), &[], &baseline, "ops/probe", "shop/web", 80);
    assert!(decision.unspecified.is_empty(), "without a NetworkPolicy nothing is open");
    let set = PolicySet::compile_all(&shop(), &egress_only, &baseline);
    let set = set.with_plugin(Some(Plugin::KubeNetworkPolicies));
    let asked = connection(&shop(), "ops/probe", "shop/web", Protocol::Tcp, 80);
    let decision = set.decide(&asked);
    assert!(decision.allowed() && decision.unspecified.is_empty(), "that plugin skips Baseline");
    assert!(set.ports(asked.from, asked.to, Protocol::Tcp).contains(80));
}

#[test]
fn rule_61_ingress_peers_are_pods_and_a_deny_of_all_leaves_the_internet_open() {
    let deny = [tier(Tier::Admin, 1).inward(&[deny_in()])];
    assert!(!is_allowed(&[], &deny, "ops/probe", "shop/db"));
    assert!(is_allowed(&[], &deny, "203.0.113.1", "shop/db"));
}

#[test]
fn rule_62_networks_match_pods_too_unless_a_pass_goes_before() {
    let deny_all = when(Action::Deny, &[networks(&["0.0.0.0/0"])], &[]);
    let deny = [tier(Tier::Admin, 1).outward(std::slice::from_ref(&deny_all))];
    let decision = decide(&shop(), &[], &deny, "shop/web", "shop/db", 80);
    assert!(!decision.allowed() && decision.unspecified.is_empty(), "the text says so");
    assert!(!is_allowed(&[], &deny, "shop/web", "203.0.113.1"));
    let spared = [tier(Tier::Admin, 1).outward(&[when(Action::Pass, &[anybody()], &[]), deny_all])];
    assert!(is_allowed(&[], &spared, "shop/web", "shop/db"));
    assert!(!is_allowed(&[], &spared, "shop/web", "203.0.113.1"));
}

fn with_agent() -> Cluster {
    let mut agent = pod("ops", "agent", "192.168.0.1").label("app", "agent").on("node1");
    agent.host_network = true;
    let db = pod("shop", "db", "10.0.1.2").label("app", "db").on("node2");
    let web = pod("shop", "web", "10.0.1.1").label("app", "web").on("node1");
    let mut nodes =
        [node("node1", "192.168.0.1", "10.9.1.0/24"), node("node2", "192.168.0.2", "10.9.2.0/24")];
    nodes[0].meta.labels.insert("zone".to_owned(), "a".to_owned());
    Cluster::new(vec![agent, db, web], [], nodes)
}

#[test]
fn rule_63_subjects_and_peers_exclude_host_network_pods() {
    let deny = [tier(Tier::Admin, 1).inward(&[deny_in()]).outward(&[deny_in()])];
    let decision = decide(&with_agent(), &[], &deny, "shop/db", "ops/agent", 80);
    assert!(decision.ingress.allowed && decision.ingress.tiers.is_empty(), "no subject");
    assert!(decision.egress.allowed, "no peer");
    assert_eq!(decision.unspecified, [Unspecified::HostNetworkPeer]);
}

#[test]
fn rule_64_a_port_name_means_the_number_and_protocol_that_the_destination_gives_it() {
    let cluster = Cluster::new(
        vec![
            pod("n", "a", "10.0.0.1").port("http", 80, Protocol::Tcp),
            pod("n", "b", "10.0.0.2").port("http", 8080, Protocol::Tcp),
            pod("n", "c", "10.0.0.3").port("http", 80, Protocol::Udp),
        ],
        [],
        [],
    );
    let http = TierPort::Named("http".to_owned());
    let deny =
        [tier(Tier::Admin, 1).inward(&[when(Action::Deny, &[anybody()], std::slice::from_ref(&http))])];
    for (to, port, expected) in
        [("n/a", 80, false), ("n/a", 8080, true), ("n/b", 8080, false), ("n/b", 80, true)]
    {
        assert_eq!(decide(&cluster, &[], &deny, "n/c", to, port).allowed(), expected, "{to} {port}");
    }
    assert!(decide(&cluster, &[], &deny, "n/a", "n/c", 80).allowed(), "its name is of UDP");
    let decision = decide(&cluster, &[], &deny, "n/c", "n/b", 80);
    assert!(decision.unspecified.is_empty(), "v1alpha2 says what it means");
}

#[test]
fn rule_64_a_port_name_of_v1alpha1_is_unspecified_where_the_number_decides() {
    let cluster = Cluster::new(
        vec![pod("n", "a", "10.0.0.1"), pod("n", "b", "10.0.0.2").port("http", 80, Protocol::Tcp)],
        [],
        [],
    );
    let rule = when(Action::Deny, &[anybody()], &[TierPort::Named("http".to_owned())]);
    let mut policy = tier(Tier::Admin, 1).inward(&[rule]);
    policy.kind = ClusterPolicyKind::AdminNetworkPolicy;
    let policies = [policy];
    assert!(decide(&cluster, &[], &policies, "n/a", "n/b", 80).unspecified.is_empty());
    let decision = decide(&cluster, &[], &policies, "n/a", "n/b", 81);
    assert!(decision.allowed());
    assert_eq!(decision.unspecified, [Unspecified::AdminNamedPort]);
    let set = PolicySet::compile_all(&cluster, &[], &policies);
    let set = set.with_plugin(Some(Plugin::KubeNetworkPolicies));
    let asked = connection(&cluster, "n/a", "n/b", Protocol::Tcp, 81);
    assert!(!set.allows(&asked) && set.ports(asked.from, asked.to, Protocol::Udp).is_empty());
}

#[test]
fn rule_66_a_nodes_peer_means_node_addresses_and_not_the_pods_on_them() {
    let accept = TierPeer::Nodes(labelled("zone", "a"));
    let tiers = [
        tier(Tier::Admin, 1).outward(&[when(Action::Accept, &[accept], &[])]),
        tier(Tier::Admin, 2).outward(&[when(Action::Deny, &[networks(&["0.0.0.0/0"])], &[])]),
    ];
    let ask = |from, to| decide(&with_agent(), &[], &tiers, from, to, 80);
    assert!(ask("shop/db", "192.168.0.1").allowed() && !ask("shop/db", "192.168.0.2").allowed());
    assert!(!ask("shop/db", "10.9.1.1").allowed(), "a pod gateway is not in status.addresses");
    let to_pod = ask("shop/db", "shop/web");
    assert!(!to_pod.allowed(), "web runs on a node of zone a, and is no node");
    assert_eq!(to_pod.unspecified, [Unspecified::NodePeer]);
}

#[test]
fn rule_67_domain_names_match_what_was_resolved_and_are_unspecified_when_that_is_unknown() {
    let names = TierPeer::DomainNames(vec![DomainName::new("*.example.org")]);
    let tiers = [
        tier(Tier::Admin, 1).outward(&[when(Action::Accept, &[names], &[])]),
        tier(Tier::Admin, 2).outward(&[when(Action::Deny, &[networks(&["0.0.0.0/0"])], &[])]),
    ];
    let ask = |cluster: &Cluster| decide(cluster, &[], &tiers, "shop/web", "203.0.113.1", 443);
    let unknown = ask(&shop());
    assert!(!unknown.allowed());
    assert_eq!(unknown.unspecified, [Unspecified::DomainNamePeer]);
    let resolved = |name: &str| shop().with_domain_names([("203.0.113.1".parse().unwrap(), name.to_owned())]);
    assert!(ask(&resolved("www.example.org")).allowed());
    assert!(!ask(&resolved("example.org")).allowed(), "a wildcard does not match the name itself");
    let of_pod = shop().with_domain_names([("10.0.1.2".parse().unwrap(), "db.example.org".to_owned())]);
    assert!(!decide(&of_pod, &[], &tiers, "shop/web", "shop/db", 443).allowed(), "a pod is no domain");
}

#[test]
fn rule_68_an_unknown_peer_makes_accept_match_nothing_and_deny_or_pass_deny_everything() {
    let unknown = TierPeer::Unknown("services".to_owned());
    let with =
        |action| [tier(Tier::Admin, 1).inward(&[when(action, &[unknown.clone(), anybody()], &[on(443)])])];
    let isolated = [policy("shop").ingress(&[])];
    assert!(!is_allowed(&isolated, &with(Action::Accept), "shop/web", "shop/db"));
    assert!(is_allowed(&[], &with(Action::Accept), "shop/web", "shop/db"));
    for action in [Action::Deny, Action::Pass] {
        assert!(!is_allowed(&[], &with(action), "shop/web", "shop/db"), "on every port");
        assert!(!is_allowed(&[], &with(action), "203.0.113.1", "shop/db"), "from everybody");
    }
}

#[test]
fn the_first_rule_of_a_policy_that_matches_wins() {
    let rules = [when(Action::Deny, &[app("web")], &[on(80)]), when(Action::Accept, &[anybody()], &[])];
    let tiers = [tier(Tier::Admin, 1).inward(&rules)];
    let set = PolicySet::compile_all(&shop(), &[policy("shop").ingress(&[])], &tiers);
    let asked = connection(&shop(), "shop/web", "shop/db", Protocol::Tcp, 80);
    assert_eq!(set.ports(asked.from, asked.to, Protocol::Tcp).to_string(), "0-79,81-65535");
    let ruling = set.decide(&asked).ingress.tiers[0];
    assert_eq!((ruling.policy, ruling.rule, ruling.direction), (0, 0, Direction::Ingress));
}

#[test]
fn icmp_is_said_by_rules_of_tiers_without_protocols() {
    let ask = |tiers: &[ClusterPolicy]| {
        let set = PolicySet::compile_all(&shop(), &[], tiers);
        set.decide(&connection(&shop(), "shop/web", "shop/db", Protocol::Icmp, 0))
    };
    let denied =
        ask(&[tier(Tier::Admin, 1).outward(&[when(Action::Deny, &[networks(&["0.0.0.0/0"])], &[])])]);
    assert!(!denied.allowed() && denied.unspecified.is_empty());
    let accept = when(Action::Accept, &[anybody()], &[]);
    let half = ask(&[tier(Tier::Admin, 1).outward(std::slice::from_ref(&accept))]);
    assert_eq!(half.unspecified, [Unspecified::Icmp], "the other end has not said it");
    let both = ask(&[tier(Tier::Admin, 1).outward(std::slice::from_ref(&accept)).inward(&[accept])]);
    assert!(both.allowed() && both.unspecified.is_empty());
}
