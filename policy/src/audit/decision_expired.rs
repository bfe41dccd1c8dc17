//! Decisions whose last day is over.

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::decision::{Choice, Decision, Fate, Subject};

pub(super) const DETECTOR: Detector = Detector {
    id: "decision-expired",
    level: Level::Warning,
    title: "decisions that no longer hold",
    meaning: "A person decided until a day that is over. What was accepted is withheld again, and what was \
              denied may become a rule, until somebody decides anew or takes the decision out.",
    doubt: "The day is that of the machine, or of SOURCE_DATE_EPOCH.",
    fix: "Decide anew with a later `until`, or take the decision out of its file.",
    unasked: Unasked::Told,
    silence: "Decide anew, or take the decision out.",
    found: &["decision deny shop/Deployment/api -> shop/Deployment/db 5432/TCP until 2026-12-30"],
    not_found: &["decision deny shop/Deployment/api -> shop/Deployment/db 5432/TCP until 2026-12-31"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let ended = scene.judgement.rulings.iter().filter(|ruling| ruling.fate == Fate::Ended);
    ended.map(|ruling| describe(&ruling.decision)).collect()
}

fn describe(decision: &Decision) -> Finding {
    let until = decision.until.map(|day| day.to_string()).unwrap_or_default();
    let title = format!("{} until {until}, which is over", said(decision));
    about(DETECTOR.id, DETECTOR.level, decision, title).with("until", until)
}

/// `ann accepted X`.
pub(super) fn said(decision: &Decision) -> String {
    let verb = match decision.choice {
        Choice::Accept => "accepted",
        Choice::Deny => "denied",
    };
    format!("{} {verb} {}", decision.by, decision.subject)
}

/// A finding about a decision.
pub(super) fn about(rule: &'static str, level: Level, decision: &Decision, title: String) -> Finding {
    let mut finding = Finding::new(rule, level, &decision.subject.to_string(), title)
        .with("decision", decision.choice.token())
        .with("by", decision.by.as_str())
        .with("reason", decision.reason.as_str());
    match &decision.subject {
        Subject::Edge(edge) => {
            finding = finding.between(&edge.from, &edge.to);
            (finding.protocol, finding.port) = (Some(edge.protocol), edge.port);
            finding.edges = vec![edge.clone()];
        }
        // `RULE:NODE`, of the findings that withhold.
        Subject::Finding(id) => finding.from = id.split_once(':').and_then(|(_, node)| node.parse().ok()),
    }
    match &decision.place {
        Some(place) => finding.with("place", place.as_str()),
        None => finding,
    }
}
