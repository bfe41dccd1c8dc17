//! How much has not been seen, from how often the rest was.
//!
//! Edges are the species of ecologists, and the parts of a window (or the runs of a CronJob) are
//! their traps: what matters is in how many traps a species was, not how many animals sat in one,
//! for connections of one burst are not independent. Sources:
//!
//! - Good (1953), Biometrika 40: the share of traffic that belongs to edges nobody saw is the
//!   share that was seen once. In the form of Chao and Jost (2012), Ecology 93, for incidences.
//! - Chao (1987), Biometrics 43: a lower bound of how many there are (Chao2), its variance, and an
//!   interval in which the number unseen is log-normal; without doubletons the bias-corrected form
//!   of Chao (2005). Without singletons the interval of `SpadeR` (Chao, Ma, Hsieh, Chiu 2016):
//!   each edge comes at the rate at which it was seen, and may have missed all traps.

/// 97.5 % quantile of the normal distribution, for intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// In how many samples each edge was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incidence {
    /// How many samples there were.
    pub samples: u32,
    /// For each edge the number of samples that hold it; those in none do not count.
    pub counts: Vec<u32>,
}

/// What is estimated from an [`Incidence`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Share of all sightings, past and future, that belong to edges which were seen; 0 to 1.
    pub coverage: f64,
    /// Edges that were not seen, at least.
    pub unseen: f64,
    /// The 95 % interval around `unseen`.
    pub unseen_between: (f64, f64),
}

impl Estimate {
    /// `None` with fewer than two samples, or no edge: there is nothing to compare.
    pub fn of(incidence: &Incidence) -> Option<Self> {
        let counts: Vec<u32> = incidence.counts.iter().copied().filter(|count| *count > 0).collect();
        if incidence.samples < 2 || counts.is_empty() {
            return None;
        }
        let samples = f64::from(incidence.samples);
        let once = counts.iter().filter(|count| **count == 1).count() as f64;
        let twice = counts.iter().filter(|count| **count == 2).count() as f64;
        let shrink = (samples - 1.0) / samples;
        let unseen = if once < 2.0 && twice == 0.0 {
            0.0
        } else if twice > 0.0 {
            shrink * once * once / (2.0 * twice)
        } else {
            shrink * once * (once - 1.0) / 2.0
        };
        let unseen_between = if unseen > 0.0 {
            log_normal(unseen, variance(once, twice, shrink, counts.len() as f64 + unseen))
        } else {
            (0.0, missed(&counts))
        };
        let total: f64 = counts.iter().copied().map(f64::from).sum();
        let deficit = samples * unseen / (samples * unseen + once);
        let coverage = if once > 0.0 { 1.0 - once / total * deficit } else { 1.0 };
        Some(Estimate { coverage, unseen, unseen_between })
    }

    /// The same, when a share of the traffic was lost before anybody looked: what is lost was not
    /// seen, whatever the rest tells.
    #[must_use]
    pub fn with_loss(self, loss: f64) -> Self {
        Estimate { coverage: self.coverage * (1.0 - loss.clamp(0.0, 1.0)), ..self }
    }
}

/// The variance of Chao2.
fn variance(once: f64, twice: f64, shrink: f64, richness: f64) -> f64 {
    if twice > 0.0 {
        let ratio = once / twice;
        let squared = shrink * shrink;
        return twice
            * (shrink * ratio.powi(2) / 2.0 + squared * ratio.powi(3) + squared * ratio.powi(4) / 4.0);
    }
    shrink * once * (once - 1.0) / 2.0 + shrink * shrink * once * (2.0 * once - 1.0).powi(2) / 4.0
        - shrink * shrink * once.powi(4) / (4.0 * richness)
}

/// The interval of a number whose logarithm is normal, from its mean and variance.
fn log_normal(mean: f64, variance: f64) -> (f64, f64) {
    let spread = (Z * (variance.max(0.0) / (mean * mean)).ln_1p().sqrt()).exp();
    (mean / spread, mean * spread)
}

/// How many may have missed all samples, at most, when each comes at the rate at which it was seen.
fn missed(counts: &[u32]) -> f64 {
    let seen = counts.len() as f64;
    let rates = || counts.iter().copied().map(f64::from);
    let total: f64 = rates().sum();
    let miss: f64 = rates().map(|rate| (-rate).exp()).sum();
    let spread: f64 = rates().map(|rate| (-rate).exp() - (-2.0 * rate).exp()).sum();
    // The total is given, so that what one edge has more another has less; never negative.
    let bound: f64 = rates().map(|rate| rate * (-rate).exp()).sum::<f64>().powi(2) / total;
    let hit = 1.0 - miss / seen;
    ((seen + Z * (spread - bound).max(0.0).sqrt()) / hit - seen).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// So many edges of each count: `&[(count, edges)]`.
    fn estimate(samples: u32, frequencies: &[(u32, usize)]) -> Estimate {
        let counts = frequencies.iter().flat_map(|(count, edges)| vec![*count; *edges]).collect();
        Estimate::of(&Incidence { samples, counts }).unwrap()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-4 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn chao2_with_doubletons_is_what_a_hand_computes() {
        // T = 10, Q1 = 4, Q2 = 2: 0.9 · 16 / 4 = 3.6 unseen.
        let found = estimate(10, &[(1, 4), (2, 2), (5, 6)]);
        close(found.unseen, 3.6);
        // Variance 2 · (0.9 · 4 / 2 + 0.81 · 8 + 0.81 · 16 / 4) = 23.04;
        // K = exp(1.96 · √ln(1 + 23.04 / 12.96)) = exp(1.96 · √ln 2.777…) = 7.248.
        close(found.unseen_between.0, 3.6 / 7.2482);
        close(found.unseen_between.1, 3.6 * 7.2482);
        // U = 4 + 4 + 30 = 38; 1 − 4/38 · (9 · 4 / (9 · 4 + 2 · 2)) = 1 − 0.105263 · 0.9.
        close(found.coverage, 0.905_263);
    }

    #[test]
    fn chao2_without_doubletons_is_bias_corrected() {
        // T = 24, Q1 = 3, Q2 = 0: 23/24 · 3 · 2 / 2 = 2.875 unseen.
        let found = estimate(24, &[(1, 3), (12, 4)]);
        close(found.unseen, 2.875);
        // 23/24 · 3 + (23/24)² · 3 · 25 / 4 − (23/24)² · 81 / (4 · 9.875) = 18.2109.
        close(variance(3.0, 0.0, 23.0 / 24.0, 9.875), 18.2109);
        // U = 51; 1 − 3/51 · (23 · 2 / (23 · 2 + 2)).
        close(found.coverage, 1.0 - 3.0 / 51.0 * 46.0 / 48.0);
    }

    #[test]
    fn what_was_always_there_hides_nothing() {
        let found = estimate(24, &[(24, 7)]);
        close(found.coverage, 1.0);
        close(found.unseen, 0.0);
        assert!(found.unseen_between.1 < 0.01, "{found:?}");
    }

    #[test]
    fn one_singleton_alone_leaves_room_for_another() {
        // One seen once, four seen ten times: 5 / (1 − e⁻¹/5) − 5 = 0.397, and the spread.
        let found = estimate(24, &[(1, 1), (10, 4)]);
        close(found.unseen, 0.0);
        assert!(found.unseen_between.1 > 0.397 && found.unseen_between.1 < 2.0, "{found:?}");
    }

    #[test]
    fn one_sample_or_no_edge_tells_nothing() {
        assert_eq!(Estimate::of(&Incidence { samples: 1, counts: vec![1, 1] }), None);
        assert_eq!(Estimate::of(&Incidence { samples: 24, counts: vec![0, 0] }), None);
    }

    #[test]
    fn what_was_lost_was_not_covered() {
        close(estimate(24, &[(24, 7)]).with_loss(0.25).coverage, 0.75);
    }

    fn incidences() -> impl Strategy<Value = Incidence> {
        (2_u32..60).prop_flat_map(|samples| {
            proptest::collection::vec(1..=samples, 1..80)
                .prop_map(move |counts| Incidence { samples, counts })
        })
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_estimate_and_nothing_is_negative(incidence in incidences()) {
            let found = Estimate::of(&incidence).unwrap();
            let (low, high) = found.unseen_between;
            prop_assert!(0.0 <= low && low <= found.unseen && found.unseen <= high, "{found:?}");
            prop_assert!((0.0..=1.0).contains(&found.coverage), "{found:?}");
            prop_assert!(high.is_finite());
        }

        #[test]
        fn the_order_of_edges_does_not_matter(mut incidence in incidences()) {
            let found = Estimate::of(&incidence).unwrap();
            incidence.counts.sort_unstable();
            let sorted = Estimate::of(&incidence).unwrap();
            prop_assert!((found.unseen - sorted.unseen).abs() < 1e-12);
            prop_assert!((found.coverage - sorted.coverage).abs() < 1e-12);
        }

        #[test]
        fn an_edge_seen_everywhere_adds_no_doubt(incidence in incidences()) {
            prop_assume!(incidence.samples > 2);
            let mut more = incidence.clone();
            more.counts.push(incidence.samples);
            let (before, after) = (Estimate::of(&incidence).unwrap(), Estimate::of(&more).unwrap());
            prop_assert!((before.unseen - after.unseen).abs() < 1e-12);
            prop_assert!(after.coverage >= before.coverage);
        }
    }
}
