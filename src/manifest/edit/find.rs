//! Finding policies among the documents of a text.

use std::collections::BTreeMap;

use flowfence_model::NetworkPolicy;

use super::node::{Body, Node};
use super::policy::Refusal;
use super::{Change, Metadata};

/// How deep lists may hold lists.
const MAX_DEPTH: usize = 4;

/// The `spec` of a policy.
pub(super) fn spec<'n>(documents: &'n [Node], policy: &NetworkPolicy) -> Result<&'n Node, Refusal> {
    let mut found = objects(documents).into_iter().filter(|node| is(node, policy));
    let object = found.next().ok_or("it is not found in the text")?;
    if found.next().is_some() {
        return Err("the file holds it more than once");
    }
    let spec = object.get("spec").ok_or("it has no spec")?;
    if spec.is_shared() {
        return Err(
            "its spec is written with YAML anchors or aliases, and an edit would change more than it",
        );
    }
    Ok(spec)
}

/// Labels and annotations of every policy of the documents, by `NAMESPACE/NAME`. What kubectl
/// applied last is left out, for it speaks of another object.
pub(super) fn metadata(documents: &[Node]) -> BTreeMap<String, Metadata> {
    let pairs = |node: Option<&Node>| -> BTreeMap<String, String> {
        let Some(Body::Mapping(entries)) = node.map(|node| &node.body) else { return BTreeMap::new() };
        let text = |node: &Node| node.text().map(str::to_owned);
        entries.iter().filter_map(|(key, value)| Some((text(key)?, text(value)?))).collect()
    };
    let policies = objects(documents).into_iter().filter(|node| is_policy(node));
    policies
        .map(|node| {
            let metadata = node.get("metadata");
            let mut annotations = pairs(metadata.and_then(|metadata| metadata.get("annotations")));
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            let labels = pairs(metadata.and_then(|metadata| metadata.get("labels")));
            let (namespace, name) = name(node);
            (format!("{namespace}/{name}"), Metadata { labels, annotations })
        })
        .collect()
}

/// Whether both texts hold the same but for the rules of the changed policies.
pub(super) fn is_same_elsewhere(before: &[Node], after: &[Node], changes: &[Change<'_>]) -> bool {
    let (before, after) = (objects(before), objects(after));
    before.len() == after.len()
        && before.into_iter().zip(after).all(|(was, now)| {
            let is_changed = changes.iter().any(|change| is(was, change.was));
            was == now || (is_changed && is_same_but_rules(was, now))
        })
}

fn is_same_but_rules(was: &Node, now: &Node) -> bool {
    let rest = |node: &Node, without: &[&str]| -> Vec<(Node, Node)> {
        let Body::Mapping(entries) = &node.body else { return Vec::new() };
        let is_kept = |key: &Node| !key.text().is_some_and(|key| without.contains(&key));
        entries.iter().filter(|(key, _)| is_kept(key)).cloned().collect()
    };
    let specs = (was.get("spec"), now.get("spec"));
    let (Some(old), Some(new)) = specs else { return false };
    let rules = ["ingress", "egress"];
    let types = if old.get("policyTypes").is_none() { "policyTypes" } else { "" };
    let rules = [rules[0], rules[1], types];
    rest(was, &["spec"]) == rest(now, &["spec"]) && rest(old, &rules) == rest(new, &rules)
}

/// The objects of documents, those of lists one by one.
fn objects(documents: &[Node]) -> Vec<&Node> {
    let mut all = Vec::new();
    for document in documents {
        collect(document, 0, &mut all);
    }
    all
}

fn collect<'n>(node: &'n Node, depth: usize, all: &mut Vec<&'n Node>) {
    let is_list = node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    let items = match &node.body {
        Body::Sequence(items) => Some(items.as_slice()),
        _ if is_list => Some(node.get("items").map_or(&[][..], Node::items)),
        _ => None,
    };
    match items {
        Some(items) if depth < MAX_DEPTH => items.iter().for_each(|item| collect(item, depth + 1, all)),
        _ => all.push(node),
    }
}

fn is(node: &Node, policy: &NetworkPolicy) -> bool {
    is_policy(node) && name(node) == (policy.namespace.as_str(), policy.name.as_str())
}

fn is_policy(node: &Node) -> bool {
    let text = |key| node.get(key).and_then(Node::text).unwrap_or_default();
    text("kind") == "NetworkPolicy" && text("apiVersion").starts_with("networking.k8s.io/")
}

fn name(node: &Node) -> (&str, &str) {
    let metadata = node.get("metadata");
    let of = |key| metadata.and_then(|metadata| metadata.get(key)).and_then(Node::text).unwrap_or_default();
    let namespace = of("namespace");
    (if namespace.is_empty() { "default" } else { namespace }, of("name"))
}
