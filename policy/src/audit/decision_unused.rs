//! Decisions about what was not seen.

use super::decision_expired::{about, said};
use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::decision::Fate;

pub(super) const DETECTOR: Detector = Detector {
    id: "decision-unused",
    level: Level::Note,
    title: "decisions about what was not seen",
    meaning: "No edge that was seen, and no finding that withholds anything, is what a decision is about: it is \
              misspelt, or what it was made for is gone.",
    doubt: "What it is about may come another day.",
    fix: "Mend what the decision is about, or take it out of its file.",
    unasked: Unasked::Told,
    silence: "Take the decision out.",
    found: &["decision deny shop/Deployment/api -> shop/Deployment/db 5432/TCP"],
    not_found: &[
        "decision deny shop/Deployment/api -> shop/Deployment/db 5432/TCP",
        "shop/api-0 -> shop/db-0 5432/TCP",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let unused = scene.judgement.rulings.iter().filter(|ruling| ruling.fate == Fate::Unused);
    let describe = |decision| {
        let title = format!("{}, and nothing that was seen is that", said(decision));
        about(DETECTOR.id, DETECTOR.level, decision, title)
    };
    unused.map(|ruling| describe(&ruling.decision)).collect()
}
