//! NetworkPolicies as text that kubectl takes.

use std::collections::BTreeMap;
use std::fmt;

use flowfence_model::policy::Direction;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, Requirement,
};
use serde::Serialize;

use super::yaml;

/// A NetworkPolicy with the metadata that it is written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyManifest {
    /// The policy.
    pub policy: NetworkPolicy,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// A comment line above a rule, such as the evidence for it; YAML only.
    pub comments: BTreeMap<(Direction, usize), String>,
}

impl From<NetworkPolicy> for PolicyManifest {
    fn from(policy: NetworkPolicy) -> Self {
        let (labels, annotations, comments) = Default::default();
        PolicyManifest { policy, labels, annotations, comments }
    }
}

/// A kind that has the spec of NetworkPolicy v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guise {
    /// `apiVersion`.
    pub(super) api_version: &'static str,
    /// `kind`.
    pub(super) kind: &'static str,
    /// `spec.stagedAction`, which only a staged kind has.
    pub(super) staged_action: Option<&'static str>,
}

/// NetworkPolicy itself.
pub(super) const PLAIN: Guise =
    Guise { api_version: "networking.k8s.io/v1", kind: "NetworkPolicy", staged_action: None };

/// Writes one policy as a YAML document, without a `---` before it. The same policy gives the
/// same bytes.
pub fn write_policy(out: &mut impl fmt::Write, manifest: &PolicyManifest) -> fmt::Result {
    write_as(out, PLAIN, manifest)
}

/// Writes any object, or a list of them, as a YAML document.
pub fn write_object(out: &mut impl fmt::Write, object: &serde_json::Value) -> fmt::Result {
    yaml::write(out, &with_marks(object))
}

/// The object with [`yaml::with_marks`] in all its texts.
fn with_marks(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(yaml::with_marks(text).into_owned()),
        Value::Array(entries) => Value::Array(entries.iter().map(with_marks).collect()),
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| (yaml::with_marks(key).into_owned(), with_marks(value));
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

/// The same under another kind.
pub(super) fn write_as(out: &mut impl fmt::Write, guise: Guise, manifest: &PolicyManifest) -> fmt::Result {
    let document = document(guise, manifest, |direction, at, rule| {
        let comment = manifest.comments.get(&(direction, at)).map_or("", String::as_str);
        yaml::commented(rule, comment)
    });
    yaml::write(out, &document)
}

/// The policy as the API's JSON.
///
/// # Panics
/// Never: the keys of all maps are strings.
pub fn to_json(manifest: &PolicyManifest) -> serde_json::Value {
    to_json_as(PLAIN, manifest)
}

/// The same under another kind.
pub(super) fn to_json_as(guise: Guise, manifest: &PolicyManifest) -> serde_json::Value {
    let document = document(guise, manifest, |_, _, rule| rule);
    serde_json::to_value(document).expect("the keys of all maps are strings")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, R> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a, R>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a, R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    staged_action: Option<&'static str>,
    pod_selector: Selector<'a>,
    policy_types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ingress: Vec<R>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    egress: Vec<R>,
}

#[derive(Serialize)]
struct Rule<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<Peer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<Peer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<Ports<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Peer<'a> {
    IpBlock {
        cidr: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        except: Vec<String>,
    },
    #[serde(untagged)]
    Pods(Pods<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pods<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_selector: Option<Selector<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_selector: Option<Selector<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ports<'a> {
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<NumberOrName<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_port: Option<u16>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NumberOrName<'a> {
    Number(u16),
    Name(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selector<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_expressions: Vec<Expression<'a>>,
}

#[derive(Serialize)]
struct Expression<'a> {
    key: &'a str,
    operator: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<&'a str>,
}

fn document<'a, R>(
    guise: Guise,
    manifest: &'a PolicyManifest,
    wrap: impl Fn(Direction, usize, Rule<'a>) -> R,
) -> Document<'a, R> {
    let policy = &manifest.policy;
    let rules = |direction| {
        let rules = policy.rules(direction).unwrap_or_default().iter().enumerate();
        rules.map(|(at, source)| wrap(direction, at, rule(direction, source))).collect()
    };
    let types = [("Ingress", policy.ingress.is_some()), ("Egress", policy.egress.is_some())];
    Document {
        api_version: guise.api_version,
        kind: guise.kind,
        metadata: Metadata {
            name: &policy.name,
            namespace: &policy.namespace,
            labels: &manifest.labels,
            annotations: &manifest.annotations,
        },
        spec: Spec {
            staged_action: guise.staged_action,
            pod_selector: selector(&policy.pod_selector),
            policy_types: types.into_iter().filter_map(|(name, isolates)| isolates.then_some(name)).collect(),
            ingress: rules(Direction::Ingress),
            egress: rules(Direction::Egress),
        },
    }
}

/// A rule, a peer or a port as the API's JSON.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A rule of a direction.
    Rule(Direction, &'a PolicyRule),
    /// A peer.
    Peer(&'a PolicyPeer),
    /// An entry of `ports`.
    Port(&'a PolicyPort),
}

/// A part of a policy as the API's JSON.
///
/// # Panics
/// Never: the keys of all maps are strings.
pub fn part_to_json(part: Part<'_>) -> serde_json::Value {
    let value = match part {
        Part::Rule(direction, source) => serde_json::to_value(rule(direction, source)),
        Part::Peer(source) => serde_json::to_value(peer(source)),
        Part::Port(source) => serde_json::to_value(port(source)),
    };
    value.expect("the keys of all maps are strings")
}

/// Rules of a direction, as the items of its list.
pub(super) fn rules(direction: Direction, all: &[PolicyRule]) -> impl Serialize {
    all.iter().map(|source| rule(direction, source)).collect::<Vec<_>>()
}

/// Peers, as the items of `from` or `to`.
pub(super) fn peers(all: &[PolicyPeer]) -> impl Serialize {
    all.iter().map(peer).collect::<Vec<_>>()
}

/// Ports, as the items of `ports`.
pub(super) fn ports(all: &[PolicyPort]) -> impl Serialize {
    all.iter().map(port).collect::<Vec<_>>()
}

fn rule(direction: Direction, source: &PolicyRule) -> Rule<'_> {
    let peers: Vec<Peer<'_>> = source.peers.iter().map(peer).collect();
    let (from, to) = match direction {
        Direction::Ingress => (peers, Vec::new()),
        Direction::Egress => (Vec::new(), peers),
    };
    Rule { from, to, ports: source.ports.iter().map(port).collect() }
}

fn peer(source: &PolicyPeer) -> Peer<'_> {
    match source {
        PolicyPeer::Block { cidr, except } => {
            Peer::IpBlock { cidr: cidr.to_string(), except: except.iter().map(ToString::to_string).collect() }
        }
        PolicyPeer::Pods(PeerSelector { namespaces, pods }) => Peer::Pods(Pods {
            namespace_selector: namespaces.as_ref().map(selector),
            pod_selector: pods.as_ref().map(selector),
        }),
    }
}

fn port(source: &PolicyPort) -> Ports<'_> {
    let (port, end_port) = match &source.port {
        None => (None, None),
        Some(PortName::Name(name)) => (Some(NumberOrName::Name(name)), None),
        Some(PortName::Range(range)) => {
            (Some(NumberOrName::Number(range.first)), (range.last > range.first).then_some(range.last))
        }
    };
    Ports { protocol: source.protocol.token(), port, end_port }
}

fn selector(source: &LabelSelector) -> Selector<'_> {
    let expressions = source.match_expressions.iter().map(expression);
    Selector { match_labels: &source.match_labels, match_expressions: expressions.collect() }
}

fn expression(source: &Requirement) -> Expression<'_> {
    let (operator, values) = match source {
        Requirement::In(_, values) => ("In", Some(values)),
        Requirement::NotIn(_, values) => ("NotIn", Some(values)),
        Requirement::Exists(_) => ("Exists", None),
        Requirement::DoesNotExist(_) => ("DoesNotExist", None),
    };
    Expression {
        key: source.key(),
        operator,
        values: values.into_iter().flatten().map(String::as_str).collect(),
    }
}
