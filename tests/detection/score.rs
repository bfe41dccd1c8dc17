//! What was found of what was done, and what was found where nothing was.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::attack::{self, ATTACKS};
use crate::ordinary;
use crate::support::program::Scratch;
use crate::town::Town;

/// The detectors of behaviour: those whose truth the towns know.
pub const RULES: &[&str] = &[
    "port-scan",
    "exfiltration",
    "dns-tunnel",
    "mining",
    "metadata-access",
    "control-plane-access",
    "odd-replica",
    "undeclared-port",
    "cross-environment",
    "clear-text",
    "refused-attempt",
    "unexpected-connection",
];

/// How often one thing was done and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub injected: usize,
    pub found: usize,
}

/// The score of some towns.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub towns: usize,
    pub hours: f64,
    /// By detector and style.
    pub attacks: BTreeMap<(&'static str, &'static str), Count>,
    /// Findings about workloads that nobody touched: detector, and their ids.
    pub alarms: BTreeMap<&'static str, Vec<String>>,
}

impl Score {
    pub fn of(&self, rule: &str) -> Count {
        let all = self.attacks.iter().filter(|((known, _), _)| *known == rule);
        all.fold(Count::default(), |sum, (_, count)| Count {
            injected: sum.injected + count.injected,
            found: sum.found + count.found,
        })
    }

    pub fn alarms_of(&self, rule: &str) -> usize {
        self.alarms.get(rule).map_or(0, Vec::len)
    }

    fn merge(&mut self, other: Score) {
        self.towns += other.towns;
        self.hours += other.hours;
        for (key, count) in other.attacks {
            let known = self.attacks.entry(key).or_default();
            known.injected += count.injected;
            known.found += count.found;
        }
        for (rule, ids) in other.alarms {
            self.alarms.entry(rule).or_default().extend(ids);
        }
    }
}

/// A town of this seed: every other one is left in peace, the others have three intruders.
fn town(seed: u64) -> Town {
    let hours = [2, 4, 12][usize::try_from(seed % 3).unwrap()];
    let mut town = Town::new(seed, hours);
    ordinary::live(&mut town);
    if seed % 2 == 1 {
        let first = usize::try_from(seed / 2).unwrap() * 3;
        for n in 0..3 {
            attack::intrude(&mut town, &ATTACKS[(first + n) % ATTACKS.len()]);
        }
    }
    town
}

fn judge(seed: u64) -> Score {
    let town = town(seed);
    let scratch = Scratch::new();
    let report = town.inputs(&scratch).run("audit", &["-o", "json", "--fail-on", "never"]).ends(0).json();
    let findings = report["findings"].as_array().unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let mut score = Score { towns: 1, hours: town.workload_hours(), ..Score::default() };
    for injected in &town.injected {
        let is_it = |finding: &&Value| {
            let ends = [text(finding, "from"), text(finding, "to")];
            finding["rule"] == injected.rule && ends.contains(&injected.subject)
        };
        let count = score.attacks.entry((injected.rule, injected.style)).or_default();
        count.injected += 1;
        count.found += usize::from(findings.iter().any(|finding| is_it(&finding)));
    }
    for finding in findings.iter().filter(|finding| finding["level"] != "note") {
        let Some(rule) = RULES.iter().find(|rule| finding["rule"] == **rule) else { continue };
        let ends = [text(finding, "from"), text(finding, "to")];
        let is_true = *rule == "refused-attempt" && town.failures.contains(&ends[0]);
        if !is_true && !ends.iter().any(|end| town.touched.contains(end)) {
            score.alarms.entry(rule).or_default().push(format!("{seed}: {}", text(finding, "id")));
        }
    }
    score
}

/// The score of the towns of these seeds, on two threads.
pub fn score(seeds: std::ops::Range<u64>) -> Score {
    let part = |rest: u64| {
        let mut score = Score::default();
        seeds.clone().filter(|seed| seed % 2 == rest).for_each(|seed| score.merge(judge(seed)));
        score
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| part(1));
        let mut score = part(0);
        score.merge(other.join().unwrap());
        score
    })
}
