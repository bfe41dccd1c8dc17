//! From the printed text back to what the cluster is to become: the document, and the commands among the comments.

use std::collections::BTreeMap;

use flowfence_graph::PodName;
use flowfence_model::object::Object;
use flowfence_model::{ClusterPolicy, NetworkPolicy};
use flowfence_policy::respond::After;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::manifest::{objects_from_values, parse_policies, to_json};
use crate::output::quarantine::{UNDO, patched};

/// A command `kubectl patch KIND -n NAMESPACE NAME --type merge -p 'PATCH'`.
struct Command {
    kind: String,
    namespace: String,
    name: String,
    patch: Value,
}

/// Reads the policy, the patches of pods and those of policies; patches of other kinds stop workloads, and change no
/// policy.
pub(super) fn read_back(text: &str, cluster: &Cluster) -> Result<After, String> {
    let (added, overruling) = policies_of(text)?;
    let mut after = After { added, overruling, ..After::default() };
    for command in text.lines().take_while(|line| !line.starts_with(UNDO)).filter_map(command) {
        let command = command?;
        match command.kind.as_str() {
            "pod" => {
                let name = PodName { namespace: command.namespace, name: command.name };
                let pods = cluster.inventory.pods().iter().map(|known| &known.pod);
                let mut named =
                    pods.filter(|pod| pod.meta.namespace == name.namespace && pod.meta.name == name.name);
                let pod = named.next_back().ok_or_else(|| format!("there is no pod {}", name.name))?;
                after.labels.insert(name, patched(&pod.meta.labels, &command.patch));
            }
            "networkpolicy" => after.amended.push(amended(&command, cluster)?),
            _ => {}
        }
    }
    Ok(after)
}

fn policies_of(text: &str) -> Result<(Vec<NetworkPolicy>, Vec<ClusterPolicy>), String> {
    let read = parse_policies(text, "quarantine.yaml");
    if let Some(problem) = read.problems.first() {
        return Err(problem.to_string());
    }
    let (mut policies, mut tiers) = (Vec::new(), Vec::new());
    for located in read.objects {
        match located.item {
            Object::NetworkPolicy(policy) => policies.push(policy),
            Object::ClusterPolicy(policy) => tiers.push(policy),
            _ => {}
        }
    }
    Ok((policies, tiers))
}

/// A command of a comment line, when it is one.
fn command(line: &str) -> Option<Result<Command, String>> {
    let rest = line.strip_prefix("#")?.trim_start().strip_prefix("kubectl patch ")?;
    let read = || {
        let (words, patch) = rest.split_once(" --type merge -p ")?;
        let words: Vec<&str> = words.split(' ').collect();
        let [kind, "-n", namespace, name] = words[..] else { return None };
        let patch = patch.strip_prefix('\'')?.strip_suffix('\'')?.replace("'\\''", "'");
        let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
        Some(Command { kind, namespace, name, patch: serde_json::from_str(&patch).ok()? })
    };
    Some(read().ok_or_else(|| format!("{line:?} is no patch")))
}

/// A policy of today with a merge patch applied (RFC 7396): lists are replaced as a whole.
fn amended(command: &Command, cluster: &Cluster) -> Result<NetworkPolicy, String> {
    let today: BTreeMap<String, &NetworkPolicy> =
        cluster.policies.iter().map(|policy| (policy.key(), policy)).collect();
    let key = format!("{}/{}", command.namespace, command.name);
    let policy = today.get(&key).ok_or_else(|| format!("there is no policy {key}"))?;
    let mut written = to_json(&(*policy).clone().into());
    merge(&mut written, &command.patch);
    let read = objects_from_values([&written], "patched policy");
    let mut policies = read.objects.into_iter().filter_map(|located| match located.item {
        Object::NetworkPolicy(policy) => Some(policy),
        _ => None,
    });
    policies.next().ok_or_else(|| format!("{key} is no policy any more once it is patched"))
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        patch.clone_into(into);
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Value::Object(into) = into else { return };
    for (key, value) in patch {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
