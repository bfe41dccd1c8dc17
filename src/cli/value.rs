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

/// Formats of what was found: `audit` and `check`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// Columns for people
    #[default]
    Table,
    /// JSON for machines
    Json,
    /// SARIF 2.1.0 for code scanning
    Sarif,
}

/// YAML to apply or JSON with everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum YamlOrJson {
    /// The policies, ready to apply; the proof goes to stderr
    #[default]
    Yaml,
    /// A `Recommendation` object with policies, proof and evidence
    Json,
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
