//! Entries of the baseline whose last day is over.

use super::decision_expired::about;
use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "baseline-expired",
    level: Level::Warning,
    title: "entries of the baseline that are to be reviewed again",
    meaning: "Somebody reviewed an edge or a finding until a day that is over. It is known no longer: if it happens \
              still, it is told as new.",
    doubt: "The day is that of the machine, or of SOURCE_DATE_EPOCH.",
    fix: "Review it again and write a later `until`, or take the entry out.",
    unasked: Unasked::Told,
    silence: "Take the entry out of the baseline, or renew it.",
    found: &["known shop/Deployment/api -> shop/Deployment/db 5432/TCP until 2026-12-30"],
    not_found: &["known shop/Deployment/api -> shop/Deployment/db 5432/TCP until 2026-12-31"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let expired = scene.settings.baseline.iter().flat_map(super::Baseline::expired);
    expired
        .map(|entry| {
            let until = entry.until.map(|day| day.to_string()).unwrap_or_default();
            let title =
                format!("{} was reviewed by {} until {until}, which is over", entry.subject, entry.by);
            about(DETECTOR.id, Level::Warning, entry, title)
                .with("until", until)
                .fixed_by("review it again and write a later `until`, or take the entry out of the baseline")
        })
        .collect()
}
