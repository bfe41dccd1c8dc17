//! What `audit --quarantine` prints: a policy to apply, and around it, as comments, what else is to be done and how all
//! of it is undone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flowfence_graph::PodName;
use flowfence_model::Labels;
use flowfence_policy::respond::{MARK, Means, Plan, Relabelled, Suspects, resource};
use serde_json::{Map, Value, json};

use super::safe;
use crate::manifest::{PolicyManifest, to_json, write_cluster_policy, write_policy};

/// A command with what takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is for, or what to know of it.
    pub about: String,
    /// The command; none where there is only something to know.
    pub run: Option<String>,
    /// What takes it back.
    pub undo: Option<String>,
}

/// Everything that is printed.
pub struct Quarantine<'a> {
    /// The id of the finding.
    pub finding: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Whose pods.
    pub suspects: &'a Suspects,
    /// How they are isolated.
    pub plan: &'a Plan,
    /// Policies of other kinds, which were not read, by kind.
    pub unread: &'a [(&'a str, u64)],
    /// How the workload is stopped instead.
    pub scale: &'a [Step],
}

/// The line after which nothing is done any more, but undone.
pub const UNDO: &str = "# --- undo";

/// The whole of it, with one YAML document, or two where a cluster-wide policy is needed.
pub fn text(quarantine: &Quarantine<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut out, quarantine);
    let labels = steps_of_labels(quarantine.plan);
    let policies = steps_of_policies(quarantine.plan);
    let mut number = 1;
    let mut section = |out: &mut String, title: &str, steps: &[Step]| {
        if steps.is_empty() {
            return;
        }
        number += 1;
        let _ = writeln!(out, "#\n# {number}. {title}");
        for step in steps {
            let _ = writeln!(out, "#    {}", safe::line(&step.about));
            if let Some(run) = &step.run {
                let _ = writeln!(out, "#      {}", safe::line(run));
            }
        }
    };
    section(
        &mut out,
        "Let policies of today that select the pods whatever their labels step aside:",
        &policies,
    );
    section(&mut out, "Mark the pods, and take off them the labels by which others select them:", &labels);
    section(&mut out, "Instead, or once you have looked at it: stop the workload.", quarantine.scale);
    let _ = undo(&mut out, quarantine, [quarantine.scale, &labels, &policies]);
    let _ = write_policy(&mut out, &manifest(quarantine));
    if let Some(policy) = &quarantine.plan.overruling.policy {
        out.push_str("---\n");
        let _ = write_cluster_policy(&mut out, policy, &about(quarantine));
    }
    out
}

fn head(out: &mut String, quarantine: &Quarantine<'_>) -> std::fmt::Result {
    let Quarantine { finding, title, suspects, plan, unread, .. } = quarantine;
    writeln!(out, "# Quarantine of {}", safe::line(finding))?;
    writeln!(out, "#   {}", safe::line(title))?;
    let pods: Vec<String> =
        suspects.pods.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
    writeln!(out, "# Isolates: {}", safe::line(&pods.join(", ")))?;
    if suspects.is_whole {
        writeln!(
            out,
            "# The traffic names no single pod of {}: all of them are meant.",
            safe::line(&suspects.workload.to_string())
        )?;
    }
    for (pods, what) in [
        (&suspects.gone, "ended already"),
        (&suspects.on_node, "uses the network of its node, no policy holds it"),
    ] {
        for pod in pods {
            writeln!(out, "# Not isolated: {}/{} {what}", safe::line(&pod.namespace), safe::line(&pod.name))?;
        }
    }
    let how = match plan.means {
        Means::OwnLabels => {
            "These pods have labels that no other pod of the namespace has: the policy selects by them."
        }
        Means::Mark => {
            "Labels do not tell these pods from others, or other policies admit something to them: the policy selects by a mark."
        }
    };
    writeln!(out, "# {how}")?;
    head_of_others(out, plan, unread)?;
    writeln!(
        out,
        "# Printed, never applied. Proved with the policy engine, from this text as it stands: these pods can send to and hear"
    )?;
    writeln!(
        out,
        "# nobody but whom it lets in (and their own node, which no policy stops), and no other pod's policies change."
    )?;
    writeln!(
        out,
        "# Connections that are open may go on with plugins that look at the first packet alone: check, or delete the pod."
    )?;
    writeln!(out, "#\n# 1. Apply this file:  kubectl apply -f FILE")
}

/// What other policies there are than those of the namespace.
fn head_of_others(out: &mut String, plan: &Plan, unread: &[(&str, u64)]) -> std::fmt::Result {
    if let Some(policy) = &plan.overruling.policy {
        writeln!(
            out,
            "# Cluster-wide policies accept traffic of these pods above every NetworkPolicy: a second object, {}, denies it\n\
             # before them (priority {}).",
            safe::line(&policy.key()),
            policy.priority
        )?;
    }
    for (kind, count) in unread {
        writeln!(
            out,
            "# Not looked at: {count} objects of {}. What they admit to these pods may stay admitted: look at them yourself.",
            safe::line(kind)
        )?;
    }
    Ok(())
}

fn undo(out: &mut String, quarantine: &Quarantine<'_>, all: [&[Step]; 3]) -> std::fmt::Result {
    writeln!(out, "#\n{UNDO}: everything in this order, what was done of it ---")?;
    for step in all.into_iter().flatten() {
        if let Some(undo) = &step.undo {
            writeln!(out, "#      {}", safe::line(undo))?;
        }
    }
    let policy = &quarantine.plan.policy;
    writeln!(
        out,
        "#      kubectl delete networkpolicy -n {} {}",
        shell(&policy.namespace),
        shell(&policy.name)
    )?;
    match &quarantine.plan.overruling.policy {
        Some(policy) => {
            writeln!(out, "#      kubectl delete {} {}", resource(policy.kind), shell(&policy.name))
        }
        None => Ok(()),
    }
}

fn manifest(quarantine: &Quarantine<'_>) -> PolicyManifest {
    let mut manifest = PolicyManifest::from(quarantine.plan.policy.clone());
    manifest.annotations = about(quarantine);
    manifest
}

fn about(quarantine: &Quarantine<'_>) -> BTreeMap<String, String> {
    [("flowfence.dev/finding".to_owned(), safe::line(quarantine.finding))].into()
}

fn steps_of_labels(plan: &Plan) -> Vec<Step> {
    plan.relabelled.iter().map(|relabelled| step_of_labels(plan, relabelled)).collect()
}

fn step_of_labels(plan: &Plan, relabelled: &Relabelled) -> Step {
    let Relabelled { pod, removed, is_orphaned } = relabelled;
    let keys: Vec<&str> = removed.keys().map(String::as_str).collect();
    let lost = if keys.is_empty() { String::new() } else { format!("; it loses {}", keys.join(", ")) };
    let orphaned = if *is_orphaned {
        ". Its controller lets go of it and makes another pod, so scaling does not stop this one: delete it when you are done"
    } else {
        ""
    };
    let set = Some(plan.mark.as_str());
    Step {
        about: format!("pod {}/{}{lost}{orphaned}.", pod.namespace, pod.name),
        run: Some(patch_labels(pod, set, removed.keys().map(|key| (key, None)))),
        undo: Some(patch_labels(pod, None, removed.iter().map(|(key, value)| (key, Some(value.as_str()))))),
    }
}

fn patch_labels<'a>(
    pod: &PodName,
    mark: Option<&str>,
    more: impl Iterator<Item = (&'a String, Option<&'a str>)>,
) -> String {
    let mut labels: Map<String, Value> = more.map(|(key, value)| (key.clone(), json!(value))).collect();
    labels.insert(MARK.to_owned(), json!(mark));
    patch("pod", &pod.namespace, &pod.name, &json!({"metadata": {"labels": labels}}))
}

fn steps_of_policies(plan: &Plan) -> Vec<Step> {
    let step = |amended: &flowfence_policy::respond::Amended| {
        let (before, after) = (&amended.before, &amended.after);
        let selector = |policy: &flowfence_model::NetworkPolicy| {
            let written = to_json(&policy.clone().into());
            json!({"spec": {"podSelector": {"matchExpressions": written["spec"]["podSelector"]["matchExpressions"]}}})
        };
        Step {
            about: format!(
                "policy {}: whoever keeps it in Git may bring it back, and open the pods again.",
                before.key()
            ),
            run: Some(patch("networkpolicy", &after.namespace, &after.name, &selector(after))),
            undo: Some(patch("networkpolicy", &before.namespace, &before.name, &selector(before))),
        }
    };
    plan.amended.iter().map(step).collect()
}

/// A merge patch (RFC 7396) as kubectl takes it.
pub fn patch(kind: &str, namespace: &str, name: &str, patch: &Value) -> String {
    format!(
        "kubectl patch {} -n {} {} --type merge -p {}",
        shell(kind),
        shell(namespace),
        shell(name),
        shell(&patch.to_string())
    )
}

/// A word for a POSIX shell: as it is where that is safe, else in single quotes.
pub fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ':');
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    format!("'{}'", safe::line(word).replace('\'', "'\\''"))
}

/// Labels of a pod once a patch of them is applied: `null` takes one off.
pub fn patched(labels: &Labels, patch: &Value) -> Labels {
    let mut patched = labels.clone();
    for (key, value) in patch["metadata"]["labels"].as_object().into_iter().flatten() {
        match value.as_str() {
            Some(value) => drop(patched.insert(key.clone(), value.to_owned())),
            None => drop(patched.remove(key)),
        }
    }
    patched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_leaves_its_quotes() {
        assert_eq!(shell("web-1"), "web-1");
        assert_eq!(shell("a'; rm -rf /\n#"), "'a'\\''; rm -rf / #'");
        assert_eq!(shell("-n"), "'-n'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn a_patch_of_labels_sets_and_takes_off() {
        let labels: Labels = [("app".to_owned(), "web".to_owned()), ("a".to_owned(), "b".to_owned())].into();
        let now = patched(&labels, &json!({"metadata": {"labels": {"app": null, "x": "y"}}}));
        assert_eq!(now.into_iter().collect::<Vec<_>>(), [("a".into(), "b".into()), ("x".into(), "y".into())]);
    }
}
