//! Address blocks.

use super::super::fold::Matrix;
use super::super::{Cluster, Plugin, Unspecified};
use super::*;

fn from(blocks: &[PolicyPeer]) -> [NetworkPolicy; 1] {
    [policy("shop").selecting("app", "db").ingress(&[rule(blocks, &[])])]
}

#[test]
fn except_subtracts_only_from_its_own_block() {
    let set = from(&[block("10.0.0.0/8", &["10.1.0.0/16"]), block("10.1.2.0/24", &[])]);
    for (ip, expected) in [("10.9.0.1", true), ("10.1.3.1", false), ("10.1.2.3", true), ("11.0.0.1", false)] {
        assert_eq!(allows(&shop(), &set, ip, "shop/db", 1), expected, "{ip}");
    }
}

#[test]
fn host_bits_of_a_block_are_masked() {
    let set = from(&[block("192.0.2.77/24", &["192.0.2.130/25"])]);
    assert!(allows(&shop(), &set, "192.0.2.1", "shop/db", 1));
    assert!(!allows(&shop(), &set, "192.0.2.200", "shop/db", 1));
}

#[test]
fn a_block_of_one_family_never_holds_an_address_of_the_other() {
    let (v4, v6) = (from(&[block("0.0.0.0/0", &[])]), from(&[block("::/0", &[])]));
    assert!(allows(&shop(), &v4, "203.0.113.1", "shop/db", 1));
    assert!(!allows(&shop(), &v4, "2001:db8::1", "shop/db", 1));
    assert!(allows(&shop(), &v6, "2001:db8::1", "shop/db", 1));
    assert!(!allows(&shop(), &v6, "203.0.113.1", "shop/db", 1));
}

#[test]
fn a_dual_stack_pod_has_one_verdict_a_family() {
    let mut dual = pod("shop", "dual", "10.0.1.9");
    dual.ips.push("fd00::9".parse().unwrap());
    let db = pod("shop", "db", "10.0.1.2").label("app", "db");
    let cluster = Cluster::new(vec![dual, db], [], []);
    let set = PolicySet::compile(&cluster, &from(&[block("fd00::/64", &[])]));
    let mut asked = connection(&cluster, "shop/dual", "shop/db", Protocol::Tcp, 1);
    assert!(!set.allows(&asked));
    asked.from.address = "fd00::9".parse().unwrap();
    assert!(set.allows(&asked));
}

#[test]
fn a_block_matches_a_pods_address_and_says_that_plugins_differ() {
    let set = from(&[block("10.0.0.0/16", &[])]);
    let decision = decide_on(&shop(), &set, "shop/web", "shop/db", Protocol::Tcp, 1);
    assert!(decision.allowed());
    assert_eq!(decision.unspecified, [Unspecified::PodAddressInBlock]);
    let also_by_label = from(&[block("10.0.0.0/16", &[]), pods(&labelled("app", "web"))]);
    let decision = decide_on(&shop(), &also_by_label, "shop/web", "shop/db", Protocol::Tcp, 1);
    assert!(decision.unspecified.is_empty(), "a selector admits it too");
}

#[test]
fn where_blocks_hold_no_pods_a_pod_that_nothing_selects_is_no_address() {
    let set =
        PolicySet::compile(&shop(), &from(&[block("0.0.0.0/0", &[])])).with_plugin(Some(Plugin::Cilium));
    let party = |name: &str| end(&shop(), name);
    let ends = [party("shop/web"), party("203.0.113.1"), party("shop/db")];
    let mut matrix = Matrix::new(&[&set], &ends);
    let kinds = [0, 1, 2].map(|at| matrix.kind(at));
    let into_db = [kinds[0], kinds[1]].map(|from| {
        let allowed = matrix.allowed(0, from, kinds[2]);
        matrix.profile(allowed).is_everything()
    });
    assert_eq!(into_db, [false, true]);
}

#[test]
fn a_service_address_is_left_open_unless_everything_is_admitted() {
    let cluster = shop().with_service_addresses(["10.96.0.10".parse().unwrap()]);
    let unspecified = |set: &[NetworkPolicy]| {
        decide_on(&cluster, set, "shop/web", "10.96.0.10", Protocol::Tcp, 80).unspecified
    };
    let by_block = [policy("shop").egress(&[rule(&[block("10.96.0.0/12", &[])], &[])])];
    assert_eq!(unspecified(&by_block), [Unspecified::ServiceAddressInBlock]);
    assert_eq!(unspecified(&[policy("shop").egress(&[])]), [Unspecified::ServiceAddress]);
    assert_eq!(
        unspecified(&[policy("shop").egress(&[rule(&[], &[tcp(80)])])]),
        [Unspecified::ServiceAddress]
    );
    assert!(unspecified(&[policy("shop").egress(&[rule(&[], &[])])]).is_empty());
    assert!(unspecified(&[]).is_empty());
}
