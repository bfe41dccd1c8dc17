//! Words that flags take.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use flowfence_model::{NodeId, PortRange, Protocol};
use flowfence_policy::recommend::ServedRange;
use flowfence_policy::semantics::Plugin;

use crate::manifest::flavour::{FLAVOURS, Flavour};

/// `--flavour`: the names of the table.
pub(super) fn flavour() -> impl TypedValueParser<Value = &'static Flavour> {
    let names = FLAVOURS.iter().map(|flavour| PossibleValue::new(flavour.name).help(flavour.title));
    PossibleValuesParser::new(names)
        .map(|name| Flavour::named(&name).expect("the parser takes names of the table alone"))
}

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
    /// Applications: label app.kubernetes.io/name, else app, else k8s-app; what has none is a workload
    App,
    /// Owners: label app.kubernetes.io/part-of, else team, else owner; what has none is a workload
    Owner,
}

/// `--externals`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Externals {
    /// Single addresses
    #[default]
    Address,
    /// The /24 or /64 that they are in
    Cidr,
    /// Names that DNS answers in the capture gave to them, of several the first; what has none is an address
    Name,
    /// All of them as one
    One,
}

/// `--verdict`: what may be asked of edges. It is no standing: an edge has one of those, and an attempt that is denied is
/// both `denied` and `attempted` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// Connected, and today's policies admit it
    Allowed,
    /// Today's policies deny it, whether it connected or was only tried
    Denied,
    /// Connected, and policies do not say
    Unspecified,
    /// The kubelet's probes
    Probe,
    /// Tried, never connected
    Attempted,
    /// With --reach: allowed, never used
    Unused,
}

/// Formats of `graph`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Columns for people
    #[default]
    Table,
    /// Columns, with packets, octets and times
    Wide,
    /// A `CommunicationGraph` object
    Json,
    /// The same in YAML
    Yaml,
    /// Comma-separated values: a row an edge
    Csv,
    /// Comma-separated values: a row a node
    CsvNodes,
    /// Graphviz
    Dot,
    /// Mermaid; Markdown with several diagrams where one would be refused
    Mermaid,
    /// D2
    D2,
    /// draw.io
    Drawio,
    /// A picture
    Svg,
    /// A picture in pixels
    Png,
    /// Who talks to whom as a tree, as wide as the terminal
    Tree,
    /// Who talks to whom as a matrix, as wide as the terminal
    Matrix,
    /// One HTML file that needs no network: the map, findings, policies and their proof
    Html,
    /// For yEd, Gephi, networkx
    Graphml,
    /// For Gephi, with times
    Gexf,
    /// Cytoscape JSON
    Cytoscape,
    /// JSON Graph Format
    Jgf,
    /// Cypher statements: Neo4j, Memgraph
    Cypher,
}

/// Formats of what `audit` found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// Columns for people
    #[default]
    Table,
    /// JSON for machines
    Json,
    /// SARIF 2.1.0 for code scanning
    Sarif,
    /// Test results in XML, for Jenkins and others: a test a finding
    Junit,
    /// GitLab's Code Quality
    Gitlab,
    /// GitHub's workflow commands: annotations of a run
    Github,
    /// A comment on a pull request
    Markdown,
    /// Report objects (openreports.io/v1alpha1), one a namespace and one of the cluster
    Policyreport,
    /// The same as older objects (wgpolicyk8s.io/v1alpha2)
    PolicyreportWgpolicyk8s,
    /// Counts for Prometheus, as text
    Prometheus,
    /// Alerts: the body of a POST to Alertmanager's /api/v2/alerts
    Alertmanager,
    /// What --quarantine prints
    #[value(hide = true)]
    Yaml,
    /// One HTML file that needs no network: findings, the map, policies and their proof
    Html,
}

/// Formats of what `check` found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// Columns for people
    #[default]
    Table,
    /// JSON for machines
    Json,
    /// SARIF 2.1.0 for code scanning
    Sarif,
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
    /// A summary for a pull request
    Markdown,
    /// One HTML file that needs no network: policies and their proof, findings, the map
    Html,
}

/// `--layout`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// NAMESPACE/NAME.yaml and a kustomization.yaml, for `kubectl apply -k`
    #[default]
    Kustomize,
    /// NAMESPACE.NAME.yaml and nothing else, for `kubectl apply -f`
    Flat,
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

impl From<PluginName> for Plugin {
    fn from(name: PluginName) -> Self {
        match name {
            PluginName::Calico => Plugin::Calico,
            PluginName::Cilium => Plugin::Cilium,
            PluginName::KubeRouter => Plugin::KubeRouter,
            PluginName::KubeNetworkPolicies => Plugin::KubeNetworkPolicies,
            PluginName::Aws => Plugin::Aws,
        }
    }
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

/// `--mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A set that stands alone, in place of today's policies
    #[default]
    Replace,
    /// Only what today's policies lack, to stand beside them
    Add,
    /// Today's policies, narrowed to what was used of them
    Tighten,
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

/// `SERVER:FIRST-LAST[/PROTO]`, TCP where no protocol is said.
pub(super) fn served_range(text: &str) -> Result<ServedRange, String> {
    let hint = "expected SERVER:FIRST-LAST[/PROTO], such as shop/Deployment/ftp:30000-30100/TCP";
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, name)) if name.parse::<Protocol>().is_ok() => (rest, name),
        _ => (text, "TCP"),
    };
    let protocol: Protocol = protocol.parse().map_err(|_| hint.to_owned())?;
    let (server, ports) = rest.rsplit_once(':').ok_or(hint)?;
    let (first, last) = ports.split_once('-').ok_or(hint)?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or(hint);
    let range = PortRange { first: number(first)?, last: number(last)? };
    let server = server.parse::<NodeId>().map_err(|_| format!("{server:?} is no node id; {hint}"))?;
    if range.last <= range.first || !protocol.has_ports() {
        return Err(hint.to_owned());
    }
    Ok(ServedRange { server, protocol, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_served_range_names_server_ports_and_protocol() {
        let served = served_range("shop/Deployment/ftp:30000-30100").unwrap();
        assert_eq!(
            (served.server.to_string().as_str(), served.protocol),
            ("shop/Deployment/ftp", Protocol::Tcp)
        );
        assert_eq!(served.range.to_string(), "30000-30100");
        let udp = served_range("external/203.0.113.1/32:40000-40100/UDP").unwrap();
        assert_eq!(udp.protocol, Protocol::Udp);
        for wrong in [
            "ftp",
            "shop/Deployment/ftp:9-8",
            "shop/Deployment/ftp:1-2/ICMP",
            "a b:1-2",
            "x/Deployment/y:0-4",
        ] {
            assert!(served_range(wrong).is_err(), "{wrong}");
        }
    }
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SnapshotFormat {
    /// YAML as kubectl prints it
    #[default]
    Yaml,
}
