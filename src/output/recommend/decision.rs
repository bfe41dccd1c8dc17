//! What became of decisions, for machines and people.

use flowfence_policy::decision::{Choice, Fate, Ruling};
use schemars::JsonSchema;
use serde::Serialize;

/// A decision, and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DecisionRow {
    /// `accept` or `deny`.
    pub decision: &'static str,
    /// The edge, or the id of the finding.
    pub about: String,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds; null for ever.
    pub until: Option<String>,
    /// `FILE:LINE`; null for the command line.
    pub place: Option<String>,
    /// `applied`, `unused` (nothing that was seen is what it is about) or `expired`.
    pub state: &'static str,
}

impl From<&Ruling> for DecisionRow {
    fn from(ruling: &Ruling) -> Self {
        let decision = &ruling.decision;
        DecisionRow {
            decision: decision.choice.token(),
            about: decision.subject.to_string(),
            by: decision.by.clone(),
            reason: decision.reason.clone(),
            until: decision.until.map(|day| day.to_string()),
            place: decision.place.clone(),
            state: ruling.fate.token(),
        }
    }
}

/// Decisions of one fate as lines: where, what, who and why.
pub(super) fn lines(rows: &[DecisionRow], fate: Fate) -> impl Iterator<Item = String> {
    let rows = rows.iter().filter(move |row| row.state == fate.token());
    rows.map(|row| {
        let place = row.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        let until = row.until.as_ref().map_or_else(String::new, |day| format!(", until {day}"));
        format!("{place}{} {} ({}: {}{until})", row.decision, row.about, row.by, row.reason)
    })
}

/// Edges that were accepted, which a person should see again before applying.
pub(super) fn accepted(rows: &[DecisionRow]) -> impl Iterator<Item = String> {
    let accept = Choice::Accept.token();
    let rows: Vec<DecisionRow> = rows.iter().filter(|row| row.decision == accept).cloned().collect();
    lines(&rows, Fate::Applied).collect::<Vec<String>>().into_iter()
}
