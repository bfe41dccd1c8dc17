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
            Plugin::Calico
            | Plugin::Cilium
            | Plugin::KubeRouter
            | Plugin::KubeNetworkPolicies
            | Plugin::Aws => &[],
        }
    }
}

impl PolicySet {
    /// The same set as one plugin answers: documented choices replace the booleans and are no
    /// longer among the reasons of [`super::Decision::unspecified`].
    #[must_use]
    pub fn with_plugin(mut self, plugin: Option<Plugin>) -> Self {
        let choices = plugin.map_or(&[][..], Plugin::choices);
        let others = choices.iter().filter(|choice| !choice.is_as_read);
        self.reading = others.fold(Reading::default(), |reading, choice| reading.flipped(choice.question));
        self.plugin = plugin;
        self
    }

    /// Whether the plugin that was named settles a question.
    pub(super) fn is_settled(&self, question: Unspecified) -> bool {
        let choices = self.plugin.map_or(&[][..], Plugin::choices);
        choices.iter().any(|choice| choice.question == question)
    }
}
