//! Sampling: one packet in how many an exporter looks at.

use std::collections::BTreeMap;

use super::element::Item;
use super::record::Record;

/// Ways of sampling that are kept of one exporter; real ones have one an interface.
const MAX_SELECTORS: usize = 256;

/// What an exporter told of its sampling, in records about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    by_selector: BTreeMap<u64, u64>,
    /// Where it does not say which way it speaks of.
    whole: Option<u64>,
}

impl Sampling {
    /// Takes a record about the exporter.
    pub fn note(&mut self, record: &Record<'_>) {
        let Some(rate) = rate(record) else { return };
        match record.number(Item::Selector) {
            None => self.whole = Some(rate),
            Some(selector) => {
                if self.by_selector.len() < MAX_SELECTORS || self.by_selector.contains_key(&selector) {
                    self.by_selector.insert(selector, rate);
                }
            }
        }
    }

    /// One in how many a record stands for. A record of an exporter that has several ways, and does not
    /// say which, stands for the least of them.
    pub fn of(&self, record: &Record<'_>) -> u64 {
        let named = || self.by_selector.get(&record.number(Item::Selector)?).copied();
        let least = || self.by_selector.values().min().copied();
        rate(record).or_else(named).or(self.whole).or_else(least).unwrap_or(1)
    }
}

/// One in how many, as a record says it (RFC 5477 §8.2).
fn rate(record: &Record<'_>) -> Option<u64> {
    let number = |item| record.number(item);
    let ratio = |of: u64, all: u64| (of > 0).then(|| (all.div_ceil(of)).max(1));
    if let Some(interval) = number(Item::SamplingInterval) {
        return Some(interval.max(1));
    }
    if let (Some(taken), Some(passed)) = (number(Item::SamplingPackets), number(Item::SamplingSpace)) {
        return ratio(taken, taken.saturating_add(passed));
    }
    if let (Some(size), Some(population)) = (number(Item::SamplingSize), number(Item::SamplingPopulation)) {
        return ratio(size, population);
    }
    let probability = record.float(Item::SamplingProbability)?;
    // A rate beyond a billion is no sampling of anything.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1e9")]
    (probability > 1e-9 && probability <= 1.0).then(|| (1.0 / probability).round() as u64)
}
