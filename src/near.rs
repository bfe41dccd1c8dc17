//! What somebody may have meant by a name that nothing has.

/// Names that are shown at most.
const SHOWN: usize = 3;

/// The nearest of `names`, nearest first, none that differs in more than a third; the last part of a name alone may
/// be near as well.
pub fn nearest(text: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
    let wanted = text.to_lowercase();
    let mut near: Vec<(usize, String)> = names
        .filter_map(|name| {
            let whole = strsim::osa_distance(&wanted, &name.to_lowercase());
            // A name in the wrong namespace, or without its kind, is near by its end alone.
            let part = strsim::osa_distance(&last(text), &last(&name)) + 1;
            let distance = whole.min(part);
            let length = last(text).chars().count().min(last(&name).chars().count());
            (distance <= length.div_ceil(3)).then_some((distance, name))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().map(|(_, name)| name).take(SHOWN).collect()
}

/// `; nearest: A, B`, or nothing.
pub fn advice(text: &str, names: impl Iterator<Item = String>) -> String {
    let near = nearest(text, names);
    if near.is_empty() { String::new() } else { format!("; nearest: {}", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_little_is_near() {
        let names = || {
            ["shop/Deployment/web", "shop/Deployment/worker", "data/StatefulSet/db"]
                .map(str::to_owned)
                .into_iter()
        };
        assert_eq!(nearest("shop/wroker", names()), ["shop/Deployment/worker"]);
        assert_eq!(nearest("Worker", names()), ["shop/Deployment/worker"]);
        assert!(nearest("ledger", names()).is_empty());
        assert_eq!(advice("shop/wroker", names()), "; nearest: shop/Deployment/worker");
    }
}
