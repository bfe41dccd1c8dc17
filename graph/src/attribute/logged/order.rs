//! A long list in another order, without a second one.

/// Puts the items of these places first, in this order, and leaves out all others. No place may come twice.
pub fn reorder<T>(items: &mut Vec<T>, places: impl Iterator<Item = u32>) {
    let mut from: Vec<u32> = places.collect();
    let taken = from.len();
    let mut is_taken = vec![false; items.len()];
    for place in &from {
        if let Some(is_taken) = is_taken.get_mut(*place as usize) {
            *is_taken = true;
        }
    }
    from.extend((0..).zip(&is_taken).filter(|(_, is_taken)| !**is_taken).map(|(place, _)| place));
    if from.len() != items.len() {
        debug_assert!(false, "a place that is not there, or comes twice");
        return;
    }
    // Round each cycle: every swap brings the item that belongs there, and carries on the one that began.
    for start in 0..from.len() {
        let mut at = start;
        while let Some(place) = from.get_mut(at) {
            let done = u32::try_from(at).unwrap_or(u32::MAX);
            let next = std::mem::replace(place, done) as usize;
            if next == start {
                break;
            }
            items.swap(at, next);
            at = next;
        }
    }
    items.truncate(taken);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_picking_them_one_by_one_gives(
            (count, places) in (0..40_u32).prop_flat_map(|count| {
                let all = prop::sample::subsequence((0..count).collect::<Vec<_>>(), 0..=count as usize);
                (Just(count), all.prop_shuffle())
            })
        ) {
            let mut items: Vec<String> = (0..count).map(|item| item.to_string()).collect();
            let expected: Vec<String> = places.iter().map(ToString::to_string).collect();
            reorder(&mut items, places.into_iter());
            prop_assert_eq!(items, expected);
        }
    }
}
