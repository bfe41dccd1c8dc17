//! What is asked with: policies of every kind, and whose reading of them.

use flowfence_model::{ClusterPolicy, NetworkPolicy};

use super::cluster::Cluster;
use super::plugin::Plugin;
use super::set::PolicySet;

/// All that decides a verdict beside the cluster. Whoever compiles by it cannot forget a part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rulebook<'a> {
    /// NetworkPolicies.
    pub policies: &'a [NetworkPolicy],
    /// Cluster-wide policies.
    pub tiers: &'a [ClusterPolicy],
    /// The plugin whose documented answers are taken; `None` for the text of the API.
    pub plugin: Option<Plugin>,
}

impl Rulebook<'_> {
    /// Compiles it over the pods of a cluster.
    pub fn compile(&self, cluster: &Cluster) -> PolicySet {
        PolicySet::compile_all(cluster, self.policies, self.tiers).with_plugin(self.plugin)
    }
}
