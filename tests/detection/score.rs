//! What was found of what was done, and what was found where nothing was.

use std::collections::{BTreeMap, BTreeSet};

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
    "late-egress",
    "first-egress",
    "new-connection",
];

/// Those that compare with what was reviewed before: here the first half of the day, which nobody disturbed.
pub const REVIEWED: &[&str] = &["first-egress", "new-connection"];

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
    /// Workload-hours.
    pub hours: f64,
    /// Those of towns whose morning was reviewed.
    pub hours_reviewed: f64,
    /// By detector and style.
    pub attacks: BTreeMap<(&'static str, &'static str), Count>,
    /// Findings about workloads that nobody touched: detector, and their ids.
    pub alarms: BTreeMap<&'static str, BTreeSet<String>>,
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
        self.alarms.get(rule).map_or(0, BTreeSet::len)
    }

    /// False alarms in a thousand workload-hours.
    pub fn rate_of(&self, rule: &str) -> f64 {
        let hours = if REVIEWED.contains(&rule) { self.hours_reviewed } else { self.hours };
        self.alarms_of(rule) as f64 * 1_000.0 / hours.max(1.0)
    }

    fn merge(&mut self, other: Score) {
        self.towns += other.towns;
        self.hours += other.hours;
        self.hours_reviewed += other.hours_reviewed;
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
    town.morning = town.wire.until(town.seconds / 2);
    if seed % 2 == 1 {
        let first = usize::try_from(seed / 2).unwrap() * 3;
        for n in 0..3 {
            attack::intrude(&mut town, &ATTACKS[(first + n) % ATTACKS.len()]);
        }
    }
    town
}

fn findings(town: &Town, scratch: &Scratch, more: &[&str]) -> Vec<Value> {
    let args = [&["-o", "json", "--fail-on", "never"], more].concat();
    let report = town.inputs(scratch).run("audit", &args).ends(0).json();
    report["findings"].as_array().unwrap().clone()
}

/// What is told when the morning was reviewed, without a look.
fn new_findings(town: &Town, scratch: &Scratch) -> Vec<Value> {
    let baseline = scratch.path().join("baseline.yaml");
    let baseline = baseline.to_str().unwrap();
    let mut morning = town.inputs(scratch);
    morning.captures = vec![scratch.file("morning.pcap", town.morning.pcap())];
    let review = ["--write-baseline", baseline, "--by", "the test", "--reason", "the morning"];
    morning.run("audit", &[&review, ["-o", "json", "--fail-on", "never"].as_slice()].concat()).ends(0);
    findings(town, scratch, &["--baseline", baseline])
}

fn judge(seed: u64) -> Score {
    let town = town(seed);
    let scratch = Scratch::new();
    let is_reviewed = |rule: &str| REVIEWED.contains(&rule);
    let mut all = findings(&town, &scratch, &[]);
    let mut score = Score { towns: 1, hours: town.workload_hours(), ..Score::default() };
    // One town in four, and where somebody did what only this tells.
    if seed.is_multiple_of(4) || town.injected.iter().any(|injected| is_reviewed(injected.rule)) {
        let new = new_findings(&town, &scratch).into_iter();
        all.extend(new.filter(|finding| is_reviewed(finding["rule"].as_str().unwrap())));
        score.hours_reviewed = score.hours;
    }
    for injected in &town.injected {
        let is_it = |finding: &&Value| {
            let ends = [text(finding, "from"), text(finding, "to")];
            finding["rule"] == injected.rule && ends.contains(&injected.subject)
        };
        let count = score.attacks.entry((injected.rule, injected.style)).or_default();
        count.injected += 1;
        count.found += usize::from(all.iter().any(|finding| is_it(&finding)));
    }
    for finding in all.iter().filter(|finding| finding["level"] != "note") {
        let Some(rule) = RULES.iter().find(|rule| finding["rule"] == **rule) else { continue };
        let ends = [text(finding, "from"), text(finding, "to")];
        let is_true = *rule == "refused-attempt" && town.failures.contains(&ends[0]);
        if !is_true && !ends.iter().any(|end| town.touched.contains(end)) {
            // A workload that meets new places is one to look at, however many they are.
            let what = if is_reviewed(rule) { ends[0].clone() } else { text(finding, "id") };
            score.alarms.entry(rule).or_default().insert(format!("{seed}: {what}"));
        }
    }
    score
}

fn text(finding: &Value, field: &str) -> String {
    finding[field].as_str().unwrap_or_default().to_owned()
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
