//! One end of a Hubble flow: who Cilium says that it is.

use std::borrow::Cow;

use flowfence_model::logged::{Identity, PodIdentity};
use serde::Deserialize;

use super::json::Whole;

/// An endpoint as Hubble writes it.
#[derive(Deserialize)]
pub struct Endpoint<'a> {
    #[serde(borrow)]
    pub(super) identity: Option<Whole<'a>>,
    #[serde(borrow, default)]
    pub(super) namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) labels: Vec<Cow<'a, str>>,
    #[serde(borrow, default, alias = "podName")]
    pub(super) pod_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) workloads: Vec<Workload<'a>>,
    #[serde(borrow, default, alias = "clusterName")]
    pub(super) cluster_name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Workload<'a> {
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) kind: Cow<'a, str>,
}

/// Labels of the namespace stand among those of the pod, under this.
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";
/// What Cilium itself adds to labels begins so.
const OWN_LABELS: &str = "io.cilium.k8s.";
const NAMESPACE: &str = "io.kubernetes.pod.namespace";
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

/// A node as Hubble names it, `CLUSTER/NODE` or `NODE`: its cluster, when it is told, and its name.
pub fn place(node: &str) -> (Option<&str>, &str) {
    match node.rsplit_once('/') {
        Some((cluster, name)) => (Some(cluster).filter(|cluster| !cluster.is_empty()), name),
        None => (None, node),
    }
}

/// Who it was; `None` where only the address tells. `node` is the one that wrote the line. A node
/// with the API server on it is the API server when it is asked, and itself when it opens: above all
/// the kubelet's probes come from there.
pub fn identity(end: &Endpoint<'_>, node: &str, opens: bool) -> Option<Identity> {
    let reserved = |name: &str| end.labels.iter().any(|label| label.strip_prefix("reserved:") == Some(name));
    let number = end.identity.as_ref().and_then(Whole::value);
    let is = |name: &str, numbers: &[u64]| reserved(name) || number.is_some_and(|n| numbers.contains(&n));
    if let Some(namespace) = namespace(end) {
        return Some(Identity::Pod(pod(end, namespace)));
    }
    if is("kube-apiserver", &[7]) && !(opens && is("host", &[1])) {
        Some(Identity::ApiServer)
    } else if is("host", &[1]) {
        Some(Identity::Node(Some(node.to_owned()).filter(|name| !name.is_empty())))
    } else if is("remote-node", &[6]) || is("health", &[4]) || is("ingress", &[8]) {
        Some(Identity::Node(None))
    } else {
        // The world, and what lies in a CIDR: its address says more.
        None
    }
}

/// Its own member, else the label that every pod's identity has.
fn namespace<'e>(end: &'e Endpoint<'_>) -> Option<&'e str> {
    member_or_label(&end.namespace, &end.labels, NAMESPACE)
}

fn member_or_label<'e>(member: &'e str, labels: &'e [Cow<'_, str>], key: &str) -> Option<&'e str> {
    if !member.is_empty() {
        return Some(member);
    }
    let value = |label: &'e Cow<'_, str>| label.strip_prefix("k8s:")?.strip_prefix(key)?.strip_prefix('=');
    labels.iter().find_map(value).filter(|name| !name.is_empty())
}

fn pod(end: &Endpoint<'_>, namespace: &str) -> PodIdentity {
    let mut pod = PodIdentity {
        namespace: namespace.to_owned(),
        pod: Some(end.pod_name.clone().into_owned()).filter(|name| !name.is_empty()),
        cluster: member_or_label(&end.cluster_name, &end.labels, CLUSTER).map(str::to_owned),
        ..PodIdentity::default()
    };
    let workload = end.workloads.first().filter(|workload| !workload.name.is_empty());
    pod.workload = workload.map(|workload| {
        let kind = if workload.kind.is_empty() { "Deployment" } else { &workload.kind };
        (kind.to_owned(), workload.name.clone().into_owned())
    });
    for label in &end.labels {
        let Some(label) = label.strip_prefix("k8s:") else { continue };
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        if let Some(key) = key.strip_prefix(NAMESPACE_LABELS) {
            pod.namespace_labels.insert(key.to_owned(), value.to_owned());
        } else if !key.starts_with(OWN_LABELS) && key != NAMESPACE {
            pod.labels.insert(key.to_owned(), value.to_owned());
        }
    }
    pod
}
