//! What people decided is a rule, or none, whatever was seen.

use super::*;
use crate::decision::{Choice, Fate};
use crate::judge::testing::decided;
use crate::judge::{Standing, Withholding};

const WANTED: &str = "shop/Deployment/web -> shop/Deployment/api 8080/TCP";
const DENIED: &str = "shop/Deployment/web -> external/203.0.113.9/32 443/TCP";

fn shop() -> World {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 2).deployment("shop/api", "app=api", 1);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    world.tcp("shop/web-0", "203.0.113.9", 443);
    world
}

/// Everything that rules were written for.
fn edges(answer: &Recommendation) -> BTreeSet<String> {
    let evidence = answer.policies.iter().flat_map(|policy| &policy.evidence);
    evidence.flat_map(|evidence| &evidence.edges).map(ToString::to_string).collect()
}

#[test]
fn a_denied_edge_is_withheld_with_the_persons_reason_and_no_rule() {
    let mut world = shop();
    assert!(edges(&proved(&world, &Options::default())).contains(DENIED));
    world.decisions = vec![decided(Choice::Deny, DENIED, None)];
    let answer = proved(&world, &Options::default());
    assert_eq!(edges(&answer), [WANTED.to_owned()].into());
    let [row] = &answer.withheld[..] else { panic!("{:?}", answer.withheld) };
    assert_eq!((row.edge.to_string().as_str(), row.denied), (DENIED, true));
    assert_eq!(
        (row.finding.as_str(), row.why.as_str()),
        (&*format!("denied:{DENIED}"), "ann denied it: agreed")
    );
    assert!(answer.suspects.is_empty(), "a denied edge makes nobody a suspect");
}

#[test]
fn the_proof_neither_keeps_nor_cuts_what_was_denied() {
    let mut world = shop();
    world.decisions = vec![decided(Choice::Deny, DENIED, None)];
    let (seen, answer) = run(&world, &Options::default());
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    let proof = proof_of(&seen, &answer, &policies);
    assert_eq!((proof.alone.observed, proof.alone.admitted, proof.alone.cut.len()), (1, 1, 0));
    let standings: Vec<Standing> = seen.judgement.contacts.iter().map(|judged| judged.standing).collect();
    assert!(standings.contains(&Standing::Withheld(Withholding::Denied)), "{standings:?}");
}

#[test]
fn a_policy_that_lets_through_what_was_denied_has_excess() {
    let mut world = shop();
    let (_, open) = run(&world, &Options::default());
    let policies: Vec<NetworkPolicy> = open.policies.iter().map(|p| p.policy.clone()).collect();
    world.decisions = vec![decided(Choice::Deny, WANTED, None)];
    let (seen, answer) = run(&world, &Options::default());
    let proof = proof_of(&seen, &answer, &policies);
    assert_eq!(proof.alone.excess.len(), 1, "{:?}", proof.alone.excess);
    assert_eq!(proof.alone.excess[0].to, workload("shop/Deployment/api"));
}

#[test]
fn a_denial_outweighs_an_accepted_scan() {
    let mut world = shop();
    for host in 1..30 {
        world.refused("shop/web-0", &format!("203.0.113.{}", 100 + host), 23, 10 + i64::from(host));
    }
    let edge = "shop/Deployment/web -> external/198.51.100.66/32 3333/TCP";
    world.tcp("shop/web-0", "198.51.100.66", 3333).tally.first = at(60);
    assert!(!edges(&recommended(&world)).contains(edge));
    world.accept = ["port-scan:shop/Deployment/web".to_owned()].into();
    assert!(edges(&recommended(&world)).contains(edge), "the finding is accepted with all of it");
    world.decisions = vec![decided(Choice::Deny, edge, None)];
    let answer = recommended(&world);
    assert!(!edges(&answer).contains(edge));
    assert_eq!(answer.withheld.len(), 1);
}

#[test]
fn a_decision_that_ended_changes_nothing() {
    let mut world = shop();
    let before = edges(&recommended(&world));
    world.decisions = vec![decided(Choice::Deny, DENIED, Some("2026-12-30"))];
    let (seen, answer) = run(&world, &Options::default());
    assert_eq!((edges(&answer), answer.withheld.len()), (before, 0));
    assert_eq!(seen.judgement.rulings[0].fate, Fate::Ended);
}
