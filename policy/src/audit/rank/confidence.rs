//! How sure a finding is: how its edges were seen, and how much was not seen at all.

use flowfence_graph::{EdgeKey, Facts, Numbering};
use flowfence_model::Orientation;

use super::super::finding::Finding;
use super::score::Part;

/// Findings that say that something did not happen: the longer one looks, the surer.
const OF_ABSENCE: &[&str] = &["rule-unused", "rule-wider-than-used"];

/// How one edge was seen.
#[derive(Clone, Copy)]
struct Sight {
    orientation: Orientation,
    is_assumed: bool,
}

/// How everything was seen.
pub(super) struct Sights<'a> {
    numbering: &'a Numbering,
    /// By the number of the edge.
    edges: Vec<Option<Sight>>,
    loss: f64,
    hours: u64,
    pods: (u64, u64),
}

impl<'a> Sights<'a> {
    /// `loss` is the share of packets and flows that were lost, 0 to 1.
    pub(super) fn new(facts: &'a Facts, loss: f64) -> Self {
        let numbering = facts.numbering();
        let mut edges: Vec<Option<Sight>> = vec![None; numbering.keys().len()];
        for (contact, edge) in facts.contacts.iter().zip(numbering.numbers()) {
            let Some(sight) = edges.get_mut(edge) else { continue };
            let best = sight.get_or_insert(Sight { orientation: contact.orientation, is_assumed: true });
            best.orientation = best.orientation.min(contact.orientation);
            best.is_assumed &= contact.assumed;
        }
        Sights {
            numbering,
            edges,
            loss,
            hours: facts.window.map_or(0, |(first, last)| last.since(first).as_secs() / 3600),
            pods: (facts.completeness.pods, facts.completeness.pods_unseen),
        }
    }

    fn sight(&self, edge: &EdgeKey) -> Option<Sight> {
        self.edges.get(self.numbering.find(edge)?).copied()?
    }

    /// What counts for a finding: the product of what applies, each step rounded down.
    pub(super) fn of(&self, finding: &Finding) -> Part {
        let mut factors: Vec<(u32, String)> = Vec::new();
        let sights: Vec<Sight> = finding.edges.iter().filter_map(|edge| self.sight(edge)).collect();
        match sights.iter().map(|sight| sight.orientation).min() {
            Some(Orientation::Inferred) => {
                factors.push((90, "who opened was concluded, not seen".to_owned()));
            }
            Some(Orientation::Unknown) => factors.push((70, "who opened is not known".to_owned())),
            Some(Orientation::Seen) | None => {}
        }
        if !sights.is_empty() && sights.iter().all(|sight| sight.is_assumed) {
            factors.push((80, "the logs never show an answer".to_owned()));
        }
        let is_of_absence = OF_ABSENCE.contains(&finding.rule);
        if is_of_absence {
            match self.hours {
                0 => factors.push((60, "less than an hour was watched".to_owned())),
                1..24 => factors.push((80, "less than a day was watched".to_owned())),
                _ => {}
            }
            let (pods, unseen) = self.pods;
            if unseen > 0 && pods > 0 {
                let seen = u32::try_from(100 * pods.saturating_sub(unseen) / pods).unwrap_or(100);
                factors.push((seen.max(10), format!("{unseen} of {pods} pods were not seen wholly")));
            }
        }
        if (is_of_absence || !sights.is_empty()) && self.loss > 0.0 {
            let lost = (self.loss.clamp(0.0, 0.9) * 100.0).ceil();
            let kept = (1..=100u32).rev().find(|kept| f64::from(100 - kept) >= lost).unwrap_or(10);
            factors.push((kept, format!("{:.1} % of packets and flows were lost", self.loss * 100.0)));
        }
        let product = factors.iter().fold(100, |all, (factor, _)| all * factor / 100);
        let words = factors.into_iter().map(|(factor, why)| format!("{factor} %: {why}"));
        Part::new(product, words)
    }
}
