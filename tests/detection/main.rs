//! How much of what intruders do is found, and how often something is found where nobody did anything.
//!
//! Small clusters of every shape with hours of ordinary traffic (`ordinary`), in half of which intruders do what intruders
//! do (`attack`), packet by packet and each from a seed. The program audits the captures, and `score` holds its findings
//! against what really happened.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod attack;
mod ordinary;
mod page;
mod random;
mod score;
#[path = "../support/mod.rs"]
mod support;
mod town;

use std::collections::BTreeSet;
use std::ops::Range;

use attack::ATTACKS;

/// Two clusters for each way to do something, of all that are made, and one left in peace beside each three.
const ALL: Range<u64> = 0..68;
/// Every way to scan, to carry data out and to tunnel.
const FEW: Range<u64> = 0..22;

fn path() -> std::path::PathBuf {
    support::shop::path("docs/detection.md")
}

#[test]
fn what_is_injected_is_found_and_nothing_else_is() {
    let score = score::score(FEW);
    let known: BTreeSet<&str> =
        ATTACKS.iter().filter(|attack| attack.missed.is_some()).map(|attack| attack.style).collect();
    let missed: Vec<&str> = score
        .attacks
        .iter()
        .filter(|((_, style), count)| count.found < count.injected && !known.contains(style))
        .map(|((_, style), _)| *style)
        .collect();
    assert_eq!(missed, [""; 0], "not found any more, and nothing says why");
    for rule in ["port-scan", "exfiltration", "dns-tunnel"] {
        let count = score.of(rule);
        assert!(count.injected >= 7 && count.found * 100 >= count.injected * 85, "{rule}: {count:?}");
    }
    assert!(score.hours > 500.0, "{} hours", score.hours);
    // The report that is sent once a day may be told, and what is new since the morning is; see the page.
    let behaviour = score.alarms.iter().filter(|(rule, _)| !score::REVIEWED.contains(rule));
    let told = behaviour.flat_map(|(_, ids)| ids);
    let others: Vec<&String> = told.filter(|id| !id.contains("finance/Deployment/reporter")).collect();
    assert_eq!(others, Vec::<&String>::new(), "nobody did anything there");
}

#[test]
fn the_page_is_as_it_is_written_today() {
    let written = std::fs::read_to_string(path()).unwrap();
    let rendered = page::render(&ALL, &score::Score::default());
    assert_eq!(page::shape(&written), page::shape(&rendered), "run `make detection`");
    assert!(written.contains(&format!("Seeds {} to {}: {} clusters", ALL.start, ALL.end - 1, ALL.end)));
}

#[test]
#[ignore = "some minutes: `make detection`"]
fn write_the_page() {
    let score = score::score(ALL);
    for id in score.alarms.values().flatten() {
        eprintln!("a false alarm, by seed: {id}");
    }
    for ((rule, style), count) in score.attacks.iter().filter(|(_, count)| count.found < count.injected) {
        eprintln!("missed: {rule}, {style}: {count:?}");
    }
    std::fs::write(path(), page::render(&ALL, &score)).unwrap();
}
