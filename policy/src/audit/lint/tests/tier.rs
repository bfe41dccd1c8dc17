use flowfence_model::object::Object;
use flowfence_model::{
    Action, ClusterPolicy, ClusterPolicyKind, LabelSelector, PeerSelector, PortRange, Protocol, Tier,
    TierPeer, TierPort, TierRule,
};

use super::{ids, only, shop};

fn pods(app: &str) -> PeerSelector {
    let pods = (!app.is_empty()).then(|| LabelSelector::labels([("app", app)]));
    PeerSelector { namespaces: Some(LabelSelector::everything()), pods }
}

fn tiered(name: &str, priority: u16, subject: &str, rules: &[(Action, TierPeer, u16)]) -> Object {
    let rule = |(action, peer, port): &(Action, TierPeer, u16)| TierRule {
        name: String::new(),
        action: *action,
        peers: vec![peer.clone()],
        ports: vec![TierPort::Numbers { protocol: Protocol::Tcp, range: PortRange::single(*port) }],
    };
    Object::ClusterPolicy(ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name: name.to_owned(),
        tier: Tier::Admin,
        priority,
        subject: pods(subject),
        ingress: rules.iter().map(rule).collect(),
        egress: Vec::new(),
    })
}

fn from(app: &str) -> TierPeer {
    TierPeer::Pods(pods(app))
}

#[test]
fn equal_priorities_that_disagree_on_a_connection_are_told_with_it() {
    let mut world = shop();
    world.objects.push(tiered("a", 5, "", &[(Action::Accept, from("web"), 80)]));
    world.objects.push(tiered("b", 5, "db", &[(Action::Deny, from(""), 80)]));
    let finding = only(&world, "priorities-overlap");
    assert_eq!(finding.id, "priorities-overlap:ClusterNetworkPolicy/a:ClusterNetworkPolicy/b");
    assert!(finding.fix.unwrap().contains("spec.priority of ClusterNetworkPolicy/b"));
}

#[test]
fn equal_priorities_that_agree_or_do_not_meet_are_silent() {
    let accept = (Action::Accept, from("web"), 80);
    for other in [
        tiered("b", 6, "db", &[(Action::Deny, from(""), 80)]),
        tiered("b", 5, "db", &[(Action::Accept, from(""), 80)]),
        tiered("b", 5, "db", &[(Action::Deny, from(""), 81)]),
        tiered("b", 5, "db", &[(Action::Deny, from("db"), 80)]),
        // The first rule that matches decides; the second one is never asked about web.
        tiered("b", 5, "db", &[(Action::Accept, from("web"), 80), (Action::Deny, from(""), 80)]),
    ] {
        let mut world = shop();
        world.objects.push(tiered("a", 5, "db", std::slice::from_ref(&accept)));
        world.objects.push(other.clone());
        assert_eq!(ids(&world), [""; 0], "{other:?}");
    }
}

#[test]
fn a_policy_that_cluster_wide_ones_decide_before_has_no_effect() {
    use super::{Words, app, policy, tcp};
    let mut world = shop();
    let mut all = tiered("all", 1, "", &[(Action::Deny, TierPeer::Networks(Vec::new()), 80)]);
    if let Object::ClusterPolicy(policy) = &mut all {
        policy.ingress[0].peers = vec![from("")];
        policy.ingress[0].ports.clear();
    }
    world.objects.push(all);
    world.today = vec![policy("deny", "db").deny(), policy("p", "db").ingress(&[app("web")], &[tcp(80)])];
    assert_eq!(ids(&world), ["policy-without-effect:shop/p"]);
}
