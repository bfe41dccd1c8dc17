//! The same question from the other end: by how many each workload may be reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::Radii;
use crate::reach::reached::Radius;

/// The answers for the pods of a workload, each once.
type Answers = Vec<Arc<Radius>>;

impl Radii<'_> {
    /// By how many other workloads each may be reached, by number.
    pub fn reached_by(&self) -> Vec<usize> {
        let roster = self.roster;
        // Workloads of which policies say the same are counted together.
        let mut alike: BTreeMap<Vec<usize>, (Answers, Vec<usize>)> = BTreeMap::new();
        for (number, pods) in roster.workloads().values().enumerate() {
            let mut answers: Answers = pods.iter().map(|pod| self.of_pod(*pod)).collect();
            let place = |answer: &Arc<Radius>| Arc::as_ptr(answer).addr();
            answers.sort_by_key(place);
            answers.dedup_by_key(|answer| place(answer));
            let key = answers.iter().map(place).collect();
            alike.entry(key).or_insert_with(|| (answers, Vec::new())).1.push(number);
        }
        let mut counts = vec![0; self.workloads()];
        for (answers, members) in alike.into_values() {
            let mut reached = FixedBitSet::with_capacity(counts.len());
            for answer in &answers {
                reached.union_with(&answer.workloads);
            }
            reached.ones().for_each(|number| counts[number] += members.len());
            members.iter().filter(|own| reached.contains(**own)).for_each(|own| counts[*own] -= 1);
        }
        counts
    }
}
