use super::*;

#[test]
fn what_a_sample_alone_shows_is_not_ready_and_says_why() {
    let mut world = shop();
    let with = |world: &World, sampled: u64, wholly: bool| {
        let mut seen = world.seen();
        seen.facts.completeness.counts.add(SAMPLED, sampled);
        if !wholly {
            seen.facts.visible.clear();
        }
        let found = readiness(&seen.facts, &seen.inventory, &seen.judgement, &Options::default(), 0.0);
        let row = row(&found, "shop/Deployment/web");
        let is_told = row.reasons.iter().any(|reason| reason.cause == Cause::Sampled);
        assert_eq!(found.all.causes.iter().any(|(cause, _)| *cause == Cause::Sampled), is_told);
        (row.verdict != Verdict::Ready, is_told)
    };
    assert_eq!(with(&world, 7, false), (true, true));
    assert_eq!(with(&world, 0, false), (true, false));
    // What some tap saw wholly needs no sample.
    world.deployment("shop/db", "app=db", 1);
    assert_eq!(with(&world, 7, true), (false, false));
}
