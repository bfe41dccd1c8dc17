//! Scans, with what they reached.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::judge::{SCAN_RATIO, SCAN_TARGETS, Scan};

pub(super) const DETECTOR: Detector = Detector {
    id: "port-scan",
    level: Level::Error,
    title: "many new targets or ports, most of which failed",
    meaning: "Somebody looks for what can be reached: a broken workload, or a scanner that nobody announced. \
              What it reached since is withheld from the recommendation.",
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
    let scans = scene.judgement.scans.iter().enumerate();
    scans.filter(|(_, scan)| !scan.accepted).map(|(index, scan)| describe(scene, index, scan)).collect()
}

fn describe(scene: &Scene<'_>, index: usize, scan: &Scan) -> Finding {
    let title = format!(
        "{} tried {} targets on {} addresses that did not answer, {} ports in all",
        scan.source,
        scan.targets,
        scan.addresses,
        scan.ports.len()
    );
    let ports: Vec<String> = scan.ports.iter().map(|(protocol, port)| format!("{port}/{protocol}")).collect();
    let mut edges: BTreeSet<EdgeKey> = scene
        .judged()
        .filter(|(_, judged)| judged.scan == Some(index))
        .map(|(contact, _)| EdgeKey::of(contact))
        .collect();
    let asked: BTreeSet<String> = edges.iter().map(|edge| edge.to.to_string()).collect();
    edges.extend(scan.answered.iter().cloned());
    let fix = format!(
        "inspect {0} and cut it off; when it scans on purpose, trust it with --accept {1}:{0}",
        scan.source, DETECTOR.id
    );
    let mut finding = Finding::new(DETECTOR.id, Level::Error, &scan.source.to_string(), title)
        .fixed_by(fix)
        .with("targets", scan.targets)
        .with("addresses", scan.addresses)
        .with("ports", ports.as_slice())
        .with("asked", &asked)
        .with("answered", scan.answered.as_slice())
        .with("firstKnock", scan.first_knock)
        .with("lastKnock", scan.last_knock)
        .with("threshold", format!("{SCAN_TARGETS} targets, {SCAN_RATIO} failed for one that answered"));
    finding.from = Some(scan.source.clone());
    finding.edges = edges.into_iter().collect();
    finding
}
