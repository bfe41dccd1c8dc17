use flowfence_graph::crew::Alone;
use flowfence_model::object::{Ingress, Object};
use flowfence_model::{NetworkPolicy, Orientation, Privilege};
use proptest::prelude::*;

use super::super::example::world;
use super::super::{audit, lint};
use super::*;
use crate::judge::Roster;
use crate::judge::testing::World;
use crate::reach::{Internet, Radii};
use crate::recommend::recommend;
use crate::semantics::PolicySet;

/// Every finding of a world, ranked.
fn ranked(world: &World) -> Vec<Finding> {
    let seen = world.seen();
    let (facts, inventory, judgement, today) =
        (&seen.facts, &seen.inventory, &seen.judgement, &seen.prepared);
    let mut findings = audit(facts, inventory, judgement, today, &world.settings, &Alone);
    findings.extend(lint(facts, inventory, today, &flowfence_model::Remarks::new(), &Alone));
    let context = Context { facts, inventory, judgement, today, settings: &world.settings, loss: 0.0 };
    rank(&mut findings, &context, &Alone);
    sort(&mut findings);
    findings
}

fn of(world: &World, id: &str) -> Rank {
    let found = ranked(world).into_iter().find(|finding| finding.id.starts_with(id));
    found.unwrap_or_else(|| panic!("no {id}")).rank.map(|rank| *rank).unwrap()
}

const SCAN: &str = "shop/api-0 -> shop/db-0 21-40/TCP refused";

#[test]
fn the_parts_make_the_total_by_the_formula() {
    let rank = of(&world(&[SCAN]), "port-scan:");
    // Nothing isolates it: 4 of 4 others, the internet and the API server.
    assert_eq!((rank.exposure.value, rank.privilege.value, rank.blast_radius.value), (0, 0, 30));
    assert_eq!(rank.formula(), "(20 + 0 + 0 + 30) × 100 % × 100 %");
    assert_eq!(rank.total(), 50);
}

#[test]
fn what_is_published_counts_and_clients_of_the_internet_most() {
    let mut seen = world(&[SCAN]);
    seen.service("shop/api", "app=api", 80, 8080, Some(30080));
    let Some(Object::Service(service)) = seen.objects.last_mut() else { unreachable!() };
    service.kind = "NodePort".to_owned();
    assert_eq!(of(&seen, "port-scan:").exposure.value, 20);
    let mut ingress = Ingress::default();
    ingress.meta.namespace = "shop".to_owned();
    ingress.meta.name = "edge".to_owned();
    ingress.services.insert("api".to_owned());
    seen.objects.push(Object::Ingress(ingress));
    assert_eq!(of(&seen, "port-scan:").exposure.value, 25);
    seen.tcp("192.168.7.7", "shop/api-0", 8080);
    assert_eq!(of(&seen, "port-scan:").exposure.value, 25);
    seen.tcp("203.0.113.7", "shop/api-0", 8080);
    let exposure = of(&seen, "port-scan:").exposure;
    assert_eq!(exposure.value, 30);
    assert_eq!(exposure.why.len(), 3, "{exposure:?}");
}

#[test]
fn privileges_add_up_to_their_most() {
    let with = |privileges: &[Privilege]| {
        let mut seen = world(&[SCAN]);
        seen.pods.get_mut("shop/api-0").unwrap().privileges = privileges.iter().cloned().collect();
        of(&seen, "port-scan:").privilege.value
    };
    assert_eq!(with(&[]), 0);
    assert_eq!(with(&[Privilege::ServiceAccountToken]), 4);
    assert_eq!(with(&[Privilege::ServiceAccountToken, Privilege::Capability("NET_RAW".to_owned())]), 12);
    assert_eq!(with(&[Privilege::Privileged, Privilege::HostPath]), 20);
}

#[test]
fn a_test_environment_ranks_lower_and_one_that_says_nothing_does_not() {
    let environment = |line: &str| of(&world(&[line, SCAN]), "port-scan:").environment.value;
    assert_eq!(environment("namespace shop env=test"), 50);
    assert_eq!(environment("namespace shop env=staging"), 70);
    assert_eq!(environment("namespace shop x=y"), 100);
    // Test that reaches production is worth what production is.
    let lines =
        ["namespace shop env=production", "namespace ops env=test", "ops/scraper-0 -> shop/db-0 5432/TCP"];
    assert_eq!(of(&world(&lines), "cross-environment:").environment.value, 100);
}

#[test]
fn who_opened_counts_when_nobody_saw_it() {
    let mut seen = world(&["shop/web-0 -> shop/api-0 4444/TCP"]);
    assert_eq!(of(&seen, "undeclared-port:").confidence.value, 100);
    seen.contacts[0].contact.orientation = Orientation::Inferred;
    assert_eq!(of(&seen, "undeclared-port:").confidence.value, 90);
}

#[test]
fn findings_of_a_level_are_sorted_by_rank_and_keep_their_order_else() {
    let lines = ["ops/scraper-0 -> shop/db-0 21-40/TCP refused", SCAN, "namespace ops env=test"];
    let ids: Vec<String> = ranked(&world(&lines)).into_iter().map(|finding| finding.id).collect();
    let place = |id: &str| ids.iter().position(|found| found == id).unwrap();
    assert!(place("port-scan:shop/Deployment/api") < place("port-scan:ops/Deployment/scraper"), "{ids:?}");
}

/// What is said to be left is what the recommended policies let through.
#[test]
fn the_radius_after_is_that_of_the_recommendation() {
    let lines = [
        "shop/web-0 -> shop/api-0 8080/TCP",
        "shop/web-1 -> shop/api-0 8080/TCP",
        "shop/web-2 -> shop/api-0 8080/TCP",
        "shop/api-0 -> shop/db-0 5432/TCP",
        "shop/api-0 -> 203.0.113.7 443/TCP",
        "ops/scraper-0 -> apiserver 6443/TCP",
        "ops/scraper-0 -> shop/api-0 8080/TCP",
        "ops/scraper-0 -> shop/web-0 8080/TCP",
    ];
    let world = world(&lines);
    let seen = world.seen();
    let answer = recommend(&seen.facts, &seen.inventory, &seen.judgement, &[], &Options::default());
    let policies: Vec<NetworkPolicy> = answer.policies.into_iter().map(|policy| policy.policy).collect();
    let roster = Roster::new(&seen.inventory);
    let today = PolicySet::compile(roster.cluster(), &[]);
    let set = PolicySet::compile(roster.cluster(), &policies);
    let reach = Reach::new(&seen.facts, &seen.inventory, &seen.judgement, &roster, &today);
    let blasts = Blasts::new(reach, fenced(&seen.facts, &seen.inventory, &Options::default()));
    let radii = Radii::new(&seen.inventory, &roster, &set);
    for id in roster.workloads().keys().filter(|id| id.namespace() != Some("kube-system")) {
        let (before, after) = blasts.of(id, false).1.unwrap();
        let real = radii.of(id).unwrap();
        assert_eq!(after.workloads, real.count(), "{id}");
        assert_eq!((after.internet, after.api_server), (real.internet, real.api_server), "{id}");
        assert_eq!((before.workloads, before.internet), (4, Internet::Anywhere), "{id}");
    }
}

prop_compose! {
    fn parts()(values in prop::array::uniform5(0u32..120)) -> Rank {
        let [exposure, privilege, blast_radius, environment, confidence] = values.map(|value| Part::new(value, []));
        Rank { exposure, privilege, blast_radius, environment, confidence, spread: None }
    }
}

proptest! {
    #[test]
    fn more_of_any_part_never_ranks_lower_and_never_above_a_hundred(rank in parts(), part in 0usize..5, more in 0u32..50) {
        let mut grown = rank.clone();
        let parts = [
            &mut grown.exposure, &mut grown.privilege, &mut grown.blast_radius, &mut grown.environment,
            &mut grown.confidence,
        ];
        for (at, of) in parts.into_iter().enumerate() {
            of.value += if at == part { more } else { 0 };
        }
        prop_assert!(grown.total() >= rank.total());
        prop_assert!(grown.total() <= 100);
    }
}
