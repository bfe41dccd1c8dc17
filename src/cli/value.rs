//! Words that flags take.

use clap::ValueEnum;

/// Text for people or JSON for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// Sentences for people
    #[default]
    Text,
    /// JSON for machines
    Json,
}

/// `--by`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Topmost controllers and bare pods
    #[default]
    Workload,
    /// Single pods
    Pod,
    /// Whole namespaces
    Namespace,
}

/// Formats of `graph`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Columns for people
    #[default]
    Table,
    /// A `CommunicationGraph` object
    Json,
    /// Graphviz
    Dot,
}

/// A table for people or JSON for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableOrJson {
    /// Columns for people
    #[default]
    Table,
    /// JSON for machines
    Json,
}

/// Formats of `recommend`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RecommendFormat {
    /// The policies, ready to apply; the proof goes to stderr
    #[default]
    Yaml,
    /// A `Recommendation` object with policies, proof and evidence
    Json,
    /// A unified diff from the files of today, for `git apply` or `patch -p1`
    Patch,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A set that stands alone and supersedes what is there
    #[default]
    Replace,
    /// Only what is missing beside today's policies
    Add,
    /// Today's policies, narrowed to what was used of them
    Tighten,
}

/// `--default-deny`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DefaultDeny {
    /// Only where every workload of the namespace is fenced
    #[default]
    Safe,
    /// Wherever a workload is fenced: others of the namespace are cut off
    All,
}

/// `--dns`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Dns {
    /// Each policy has the rules for DNS that its workload needs
    #[default]
    Workload,
    /// One policy a namespace has them, where every workload of it is fenced
    Namespace,
}

/// Formats of `reach`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReachFormat {
    /// Columns for people
    #[default]
    Table,
    /// More columns: family, kinds, pods
    Wide,
    /// JSON for machines
    Json,
    /// Comma-separated values
    Csv,
    /// Graphviz
    Dot,
}

/// `--plugin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PluginName {
    /// Calico
    Calico,
    /// Cilium
    Cilium,
    /// kube-router
    KubeRouter,
    /// kube-network-policies of kubernetes-sigs
    KubeNetworkPolicies,
    /// Amazon VPC CNI with its network policy agent
    Aws,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors only
    #[default]
    Error,
    /// Warnings and errors
    Warning,
    /// Any finding
    Note,
    /// No finding
    Never,
}

/// `--exposed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Exposed {
    /// Everybody outside, for plugins differ in whether they see the client or the node
    #[default]
    Any,
    /// The clients that were seen, and every node address
    Observed,
}
