//! Which environment a namespace belongs to.

use flowfence_graph::Inventory;

use super::settings::Settings;

/// What environments are called, first as we say it.
const WORDS: &[&[&str]] = &[
    &["production", "prod", "prd", "live"],
    &["staging", "stage", "stg", "preprod", "preproduction"],
    &["test", "testing", "tst", "qa", "uat"],
    &["development", "dev", "devel", "sandbox"],
];

/// The environment of a namespace, where it says one.
pub(super) fn environment(inventory: &Inventory, settings: &Settings, namespace: &str) -> Option<String> {
    let labels = inventory.namespaces().get(namespace).map(|object| &object.meta.labels);
    let said = settings.environment_labels.iter().find_map(|key| labels?.get(key));
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        let said = said.to_lowercase();
        return Some(canonical(&said).map_or(said, str::to_owned));
    }
    namespace.split('-').find_map(canonical).map(str::to_owned)
}

fn canonical(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|words| words.contains(&word)).and_then(|words| words.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_where_no_label_does_and_only_by_whole_parts() {
        assert_eq!("shop-prod".split('-').find_map(canonical), Some("production"));
        assert_eq!("product-devices".split('-').find_map(canonical), None);
    }
}
