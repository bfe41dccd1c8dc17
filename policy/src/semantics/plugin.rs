//! Network plugins and the open questions that they settle, each with its source.

use super::reading::Reading;
use super::set::PolicySet;
use super::unspecified::Unspecified;

/// A network plugin whose answers are documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plugin {
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
    /// kube-router.
    KubeRouter,
    /// kube-network-policies of kubernetes-sigs.
    KubeNetworkPolicies,
    /// The Amazon VPC CNI with its network policy agent.
    Aws,
}

/// How a plugin answers one open question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The question.
    pub question: Unspecified,
    /// Whether the answer is that of the booleans; else it is the other one.
    pub is_as_read: bool,
    /// The answer in a sentence.
    pub answer: &'static str,
    /// Where the plugin's documentation or source says so.
    pub source: &'static str,
}

impl Plugin {
    /// Every plugin.
    pub const ALL: [Plugin; 5] =
        [Plugin::Calico, Plugin::Cilium, Plugin::KubeRouter, Plugin::KubeNetworkPolicies, Plugin::Aws];

    /// The name for machines; never changes.
    pub const fn token(self) -> &'static str {
        match self {
            Plugin::Calico => "calico",
            Plugin::Cilium => "cilium",
            Plugin::KubeRouter => "kube-router",
            Plugin::KubeNetworkPolicies => "kube-network-policies",
            Plugin::Aws => "aws",
        }
    }

    /// The questions that its documentation settles.
    pub const fn choices(self) -> &'static [Choice] {
        match self {
            Plugin::Calico => CALICO,
            Plugin::Cilium => CILIUM,
            Plugin::KubeRouter => KUBE_ROUTER,
            Plugin::KubeNetworkPolicies => KUBE_NETWORK_POLICIES,
            Plugin::Aws => AWS,
        }
    }
}

const CALICO: &[Choice] = &[
    as_read(
        Unspecified::PodAddressInBlock,
        "blocks match packets by address, whoever holds it",
        "https://docs.tigera.io/calico/latest/reference/resources/networkpolicy#entityrule",
    ),
    as_read(
        Unspecified::OwnNodeEgress,
        "egress policy is applied before what goes to the host is decided",
        "https://docs.tigera.io/calico/latest/reference/resources/felixconfig",
    ),
];

const CILIUM: &[Choice] = &[
    other(
        Unspecified::PodAddressInBlock,
        "CIDR rules are for endpoints that Cilium does not manage",
        "https://docs.cilium.io/en/latest/security/policy/caveats/",
    ),
    as_read(
        Unspecified::HostNetworkSubject,
        "only host policies, which select nodes, speak of the host's network",
        "https://docs.cilium.io/en/latest/security/policy/host/",
    ),
    as_read(
        Unspecified::HostNetworkPeer,
        "containers in host networking mode are the host or remote-node entity, not labels",
        "https://docs.cilium.io/en/stable/security/policy/language/#entities-based",
    ),
];

const KUBE_ROUTER_NETPOL: &str =
    "https://github.com/cloudnativelabs/kube-router/blob/master/pkg/controllers/netpol/utils.go";

const KUBE_ROUTER: &[Choice] = &[
    as_read(
        Unspecified::HostNetworkSubject,
        "isNetPolActionable leaves host-network pods out",
        KUBE_ROUTER_NETPOL,
    ),
    as_read(
        Unspecified::HostNetworkPeer,
        "isNetPolActionable leaves host-network pods out of the sets of peers",
        KUBE_ROUTER_NETPOL,
    ),
];

const KNP_NETWORK_POLICY: &str =
    "https://github.com/kubernetes-sigs/kube-network-policies/blob/main/pkg/networkpolicy/networkpolicy.go";
const KNP_ADMIN: &str = "https://github.com/kubernetes-sigs/kube-network-policies/blob/main/pkg/networkpolicy/adminnetworkpolicy.go";

const KUBE_NETWORK_POLICIES: &[Choice] = &[
    as_read(
        Unspecified::PodAddressInBlock,
        "evaluateIPBlocks compares the address, whoever holds it",
        KNP_NETWORK_POLICY,
    ),
    other(Unspecified::SidecarNamedPort, "names are read from spec.containers alone", KNP_NETWORK_POLICY),
    other(
        Unspecified::BaselineBesideNetworkPolicy,
        "a pod that any NetworkPolicy selects gets a final verdict in both directions",
        KNP_NETWORK_POLICY,
    ),
    other(Unspecified::AdminNamedPort, "any port matches once the pod owns the name", KNP_ADMIN),
    other(Unspecified::NodePeer, "nodes matches pods by the labels of their node", KNP_ADMIN),
    as_read(Unspecified::EqualPriority, "equal priorities are sorted by name", KNP_ADMIN),
];

const AWS: &[Choice] = &[as_read(
    Unspecified::ServiceAddressInBlock,
    "service addresses are matched before translation",
    "https://github.com/aws/aws-network-policy-agent/issues/166",
)];

const fn as_read(question: Unspecified, answer: &'static str, source: &'static str) -> Choice {
    Choice { question, is_as_read: true, answer, source }
}

const fn other(question: Unspecified, answer: &'static str, source: &'static str) -> Choice {
    Choice { question, is_as_read: false, answer, source }
}

impl PolicySet {
    /// The same set as one plugin answers: documented choices replace the booleans and are no
    /// longer among the reasons of [`super::Decision::unspecified`].
    #[must_use]
    pub fn with_plugin(mut self, plugin: Option<Plugin>) -> Self {
        self.reading = Reading::of(plugin);
        self.plugin = plugin;
        self
    }

    /// Whether the plugin that was named settles a question.
    pub(super) fn is_settled(&self, question: Unspecified) -> bool {
        let choices = self.plugin.map_or(&[][..], Plugin::choices);
        choices.iter().any(|choice| choice.question == question)
    }
}
