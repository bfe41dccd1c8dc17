//! What people tell detectors beside the objects of the cluster.

use std::collections::BTreeSet;

use super::baseline::Baseline;

/// What cannot be read off the cluster: what labels mean here, and what was reviewed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Labels of namespaces whose value is the environment, the first that a namespace has counts.
    pub environment_labels: Vec<String>,
    /// Labels of namespaces that say that what is in them is sensitive: `KEY` or `KEY=VALUE`.
    pub sensitive_labels: BTreeSet<String>,
    /// Labels and annotations that say whose a workload is, before those of [`super::owner::KEYS`].
    pub owner_labels: Vec<String>,
    /// What was reviewed before; where there is none, nothing can be new.
    pub baseline: Option<Baseline>,
}

impl Default for Settings {
    fn default() -> Self {
        let environment = ["environment", "env", "app.kubernetes.io/environment", "stage"];
        Settings {
            environment_labels: environment.map(str::to_owned).to_vec(),
            sensitive_labels: ["flowfence.dev/sensitive".to_owned()].into(),
            owner_labels: Vec::new(),
            baseline: None,
        }
    }
}
