//! How likely something is by chance alone: draws without replacement (the hypergeometric distribution).

/// The chance to see at least so many with the place on one side, if both sides go there equally
/// often (Fisher's exact test, one-sided). Each side is how many with the place, and of how many.
pub(super) fn fisher([with, of]: [u32; 2], [other_with, other_of]: [u32; 2]) -> f64 {
    let all_with = with + other_with;
    (with..=all_with.min(of))
        .map(|k| {
            let logarithm = choose(of, k) + choose(other_of, all_with - k) - choose(of + other_of, all_with);
            logarithm.exp()
        })
        .sum::<f64>()
        .min(1.0)
}

/// The chance that all of `drawn` come from the last `late` of `all`.
pub(super) fn all_late(drawn: u32, late: u32, all: u32) -> f64 {
    (choose(late, drawn) - choose(all, drawn)).exp().min(1.0)
}

/// The logarithm of how many ways there are to choose `k` of `n`; none are impossible.
fn choose(n: u32, k: u32) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    (0..k.min(n - k)).map(|i| (f64::from(n - i) / f64::from(i + 1)).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chances_are_those_of_the_tea_taster_and_of_tables() {
        // Fisher 1935: four cups of eight, all told rightly.
        assert!((fisher([4, 4], [0, 4]) - 1.0 / 70.0).abs() < 1e-12);
        assert!((fisher([3, 4], [1, 4]) - 17.0 / 70.0).abs() < 1e-12);
        assert!((fisher([0, 4], [4, 4]) - 1.0).abs() < 1e-12);
        assert!((fisher([12, 24], [0, 48]) - 2.704_156e6 / choose(72, 12).exp()).abs() < 1e-12);
    }

    #[test]
    fn draws_that_all_come_late_are_rarer_the_more_they_are() {
        assert!((all_late(1, 12, 24) - 0.5).abs() < 1e-12);
        assert!((all_late(2, 12, 24) - 66.0 / 276.0).abs() < 1e-12);
        assert!((all_late(4, 4, 4) - 1.0).abs() < 1e-12);
        assert!(all_late(5, 4, 24).abs() < 1e-12);
    }
}
