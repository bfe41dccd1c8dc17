//! Scans, with what they reached.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::EdgeKey;
use flowfence_model::Protocol;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::judge::{SCAN_RATIO, SCAN_TARGETS, SCATTERED_TARGETS, Scan};

pub(super) const DETECTOR: Detector = Detector {
    id: "port-scan",
    level: Level::Error,
    title: "many new targets or ports, most of which failed",
    meaning: "Somebody looks for what can be reached: a broken workload, or a scanner that nobody announced. \
              What it reached since is withheld from the recommendation. Ten targets and more; a warning from five on, \
              where they are inside the cluster, on three ports and more, each tried once or twice, and nobody is known \
              to listen there or policies close them.",
    doubt: "A client whose peers are all gone and unknown to the snapshot looks the same; give a snapshot \
            from before, or accept the finding.",
    fix: "Look into the workload and cut it off; accept the finding when the scanner is yours.",
    unasked: Unasked::Suspect,
    silence: "Accept its id when the scanner is yours; what it reached is a rule again, too.",
    found: &["shop/api-0 -> shop/db-0 21-40/TCP refused"],
    not_found: &["shop/api-0 -> shop/db-0 21-24/TCP refused"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut edges: BTreeMap<u32, BTreeSet<EdgeKey>> = BTreeMap::new();
    for (contact, judged) in scene.judged() {
        if let Some(scan) = judged.scan {
            edges.entry(scan).or_default().insert(EdgeKey::of(contact));
        }
    }
    let scans = (0..).zip(&scene.judgement.scans).filter(|(_, scan)| !scan.accepted);
    scans.map(|(index, scan)| describe(scan, edges.remove(&index).unwrap_or_default())).collect()
}

/// With the edges of what it tried.
fn describe(scan: &Scan, mut edges: BTreeSet<EdgeKey>) -> Finding {
    let title = format!(
        "{} tried {} targets on {} addresses that did not answer, {} ports in all",
        scan.source,
        scan.targets,
        scan.addresses,
        scan.ports.len()
    );
    let level = if scan.targets >= SCAN_TARGETS { Level::Error } else { Level::Warning };
    let port = |(protocol, port): &(Protocol, u16)| match protocol {
        Protocol::Icmp => protocol.to_string(),
        _ => format!("{port}/{protocol}"),
    };
    let ports: Vec<String> = scan.ports.iter().map(port).collect();
    let asked: BTreeSet<String> = edges.iter().map(|edge| edge.to.to_string()).collect();
    edges.extend(scan.answered.iter().cloned());
    let fix = format!(
        "inspect {0} and cut it off; when it scans on purpose, trust it with --accept {1}:{0}",
        scan.source, DETECTOR.id
    );
    let mut finding = Finding::new(DETECTOR.id, level, &scan.source.to_string(), title)
        .fixed_by(fix)
        .with("targets", scan.targets)
        .with("addresses", scan.addresses)
        .with("ports", ports.as_slice())
        .with("asked", &asked)
        .with("answered", scan.answered.as_slice())
        .with("pattern", pattern(scan))
        .with("pace", pace(scan))
        .with("firstKnock", scan.first_knock)
        .with("lastKnock", scan.last_knock)
        .with(
            "threshold",
            format!(
                "{SCAN_TARGETS} targets, {SCAN_RATIO} failed for one that answered; {SCATTERED_TARGETS} on several ports inside"
            ),
        );
    finding.from = Some(scan.source.clone());
    finding.edges = edges.into_iter().collect();
    finding
}

/// Whether it looks for machines or for what listens on one.
fn pattern(scan: &Scan) -> &'static str {
    let is_ping = scan.ports.iter().all(|(protocol, _)| *protocol == Protocol::Icmp);
    match (scan.addresses, scan.ports.len()) {
        _ if is_ping => "echo requests to many addresses",
        (1, _) => "many ports of one address",
        (_, 1) => "one port of many addresses",
        _ => "many ports of many addresses",
    }
}

/// How often a new target was tried: a slow scan stays below what counts in a minute, and is found
/// all the same, for what counts is how many targets failed in all the time that was watched.
fn pace(scan: &Scan) -> String {
    let steps = u32::try_from(scan.targets.saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    let step = scan.last_knock.since(scan.first_knock) / steps;
    format!("a new target each {:.1} s", step.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::example::{of, world};
    use super::*;

    fn only(lines: &[String]) -> Finding {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let [finding] = of(&DETECTOR, &world(&lines)).try_into().unwrap();
        finding
    }

    fn text(finding: &Finding, name: &str) -> String {
        match &finding.evidence[name] {
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_port_of_many_addresses_is_a_scan_with_what_it_reached() {
        let mut lines: Vec<String> = (1..=12)
            .map(|n| format!("shop/api-0 -> 10.244.1.{} 22/TCP unanswered from {n} to {n}", 100 + n))
            .collect();
        lines.push("shop/api-0 -> shop/db-0 22/TCP from 20 to 21".to_owned());
        let finding = only(&lines);
        assert_eq!(text(&finding, "pattern"), "one port of many addresses");
        assert_eq!(
            finding.evidence["answered"],
            Value::from(["shop/Deployment/api -> shop/Deployment/db 22/TCP"].as_slice())
        );
    }

    #[test]
    fn a_slow_scan_is_a_scan_whatever_else_its_source_does() {
        let slow =
            |n: u32| format!("shop/api-0 -> shop/db-0 {}/TCP refused from {} to {}", 20 + n, n * 50, n * 50);
        let mut lines: Vec<String> = (0..12).map(slow).collect();
        let finding = only(&lines);
        assert_eq!(text(&finding, "pattern"), "many ports of one address");
        assert_eq!(text(&finding, "pace"), "a new target each 50.0 s");
        lines.extend((0..20).map(|n| format!("shop/api-0 -> 203.0.113.{n} 443/TCP from 1 to 599")));
        assert_eq!(text(&only(&lines), "pace"), "a new target each 50.0 s");
    }

    #[test]
    fn five_doors_inside_on_several_ports_that_were_let_be_are_a_warning() {
        let lines = |ports: &[u16], many: u32| -> Vec<String> {
            let line = |(n, port): (u32, &u16)| {
                let at = n * 60;
                format!("shop/api-0 -> 10.244.1.{} {port}/TCP refused from {at} to {at}", 100 + n)
            };
            (0..many).zip(ports.iter().cycle()).map(line).collect()
        };
        assert_eq!(only(&lines(&[22, 3306, 6379], 5)).level, Level::Warning);
        for few in [lines(&[22, 3306, 6379], 4), lines(&[22, 3306], 8)] {
            let few: Vec<&str> = few.iter().map(String::as_str).collect();
            assert_eq!(of(&DETECTOR, &world(&few)), [], "{few:?}");
        }
    }

    #[test]
    fn a_sweep_of_pings_is_a_scan_though_some_answer() {
        let line = |n: u32| {
            let how = if n.is_multiple_of(6) { "" } else { " unanswered" };
            format!("shop/api-0 -> 10.244.1.{} 0/ICMP{how} from {n} to {n}", 100 + n)
        };
        let lines: Vec<String> = (0..24).map(line).collect();
        assert_eq!(text(&only(&lines), "pattern"), "echo requests to many addresses");
    }

    #[test]
    fn both_at_once_are_a_scan_of_both() {
        let lines: Vec<String> = ["shop/db-0", "shop/web-0", "shop/web-1"]
            .map(|to| format!("shop/api-0 -> {to} 21-30/TCP refused from 1 to 2"))
            .to_vec();
        assert_eq!(text(&only(&lines), "pattern"), "many ports of many addresses");
    }
}
