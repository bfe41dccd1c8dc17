//! Connections into another environment, or into a namespace that is sensitive.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flowfence_graph::{EdgeKey, Inventory, Tally};
use flowfence_model::NodeId;

use super::environment::environment;
use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};
use super::settings::Settings;

pub(super) const DETECTOR: Detector = Detector {
    id: "cross-environment",
    level: Level::Warning,
    title: "a connection into another environment, or into a sensitive namespace",
    meaning: "Test reaches production, or somebody from elsewhere reaches a namespace that is labelled as sensitive. The \
              environment is what the namespace's label says (`environment`, `env`, `app.kubernetes.io/environment` or \
              `stage`; `--environment-label` names others), else a part of its name such as `prod` or `staging`.",
    doubt: "Namespaces that say nothing of their environment are left alone, and so are those that serve all. That a \
            part of a name means an environment is a convention.",
    fix: "Cut the connection by a policy, or label the namespaces as they are meant.",
    unasked: Unasked::Suspect,
    silence: "Accept its id, which stands for one workload and the namespace that it goes to.",
    found: &[
        "namespace shop env=production",
        "namespace ops env=test",
        "ops/scraper-0 -> shop/db-0 5432/TCP",
    ],
    not_found: &["namespace shop env=production", "ops/scraper-0 -> shop/db-0 5432/TCP"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut words = Words { inventory: scene.inventory, settings: scene.settings, said: HashMap::new() };
    let across: Vec<(&EdgeKey, &Seen<'_>)> =
        scene.connected().filter(|(edge, _)| edge.from.namespace() != edge.to.namespace()).collect();
    let mut findings = Vec::new();
    // Edges are in the order of who opened them.
    for own in across.chunk_by(|x, y| x.0.from == y.0.from) {
        let mut grouped: BTreeMap<&str, (String, Vec<&EdgeKey>, Tally)> = BTreeMap::new();
        for (edge, seen) in own {
            let (Some(home), Some(to)) = (edge.from.namespace(), edge.to.namespace()) else { continue };
            let Some(why) = words.why(home, to) else { continue };
            let (_, edges, tally) = grouped.entry(to).or_insert_with(|| (why, Vec::new(), Tally::empty()));
            edges.push(edge);
            tally.merge(&seen.tally);
        }
        let Some((edge, _)) = own.first() else { continue };
        for (to, (why, edges, tally)) in grouped {
            findings.push(describe(&edge.from, to, &why, &edges, &tally));
        }
    }
    findings
}

/// What namespaces say of themselves, asked once each.
struct Words<'a> {
    inventory: &'a Inventory,
    settings: &'a Settings,
    /// The environment, and the label that says that it is sensitive.
    said: HashMap<&'a str, (Option<String>, Option<String>)>,
}

impl<'a> Words<'a> {
    /// Why nobody should go from one to the other.
    fn why(&mut self, home: &'a str, to: &'a str) -> Option<String> {
        let (inventory, settings) = (self.inventory, self.settings);
        for namespace in [home, to] {
            let ask =
                || (environment(inventory, settings, namespace), sensitive(inventory, settings, namespace));
            self.said.entry(namespace).or_insert_with(ask);
        }
        let ((here, trusted), (there, label)) = (self.said.get(home)?, self.said.get(to)?);
        match (here, there, label.as_ref().filter(|_| trusted.is_none())) {
            (Some(here), Some(there), _) if here != there => Some(format!("from {here} into {there}")),
            (_, _, Some(label)) => Some(format!("which {label} says is sensitive")),
            _ => None,
        }
    }
}

fn describe(from: &NodeId, to: &str, why: &str, edges: &[&EdgeKey], tally: &Tally) -> Finding {
    let asked: BTreeSet<String> = edges.iter().map(ToString::to_string).collect();
    let title = format!("{from} connects to namespace {to}, {why}");
    let fix = format!("cut {from} off from namespace {to} by a policy there, or correct the labels");
    let mut finding = Finding::new(DETECTOR.id, Level::Warning, &format!("{from}->namespace/{to}"), title)
        .fixed_by(fix)
        .between(from, &NodeId::Namespace(to.into()))
        .with("why", why)
        .with("asked", &asked)
        .with("connections", tally.connections + tally.one_way)
        .with("first", tally.first)
        .with("last", tally.last);
    finding.edges = edges.iter().copied().cloned().collect();
    finding
}

/// The label that says that a namespace is sensitive.
fn sensitive(inventory: &Inventory, settings: &Settings, namespace: &str) -> Option<String> {
    let labels = &inventory.namespaces().get(namespace)?.meta.labels;
    let is_said = |wanted: &&String| match wanted.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|said| said == value),
        None => labels.get(wanted.as_str()).is_some_and(|said| said != "false"),
    };
    settings.sensitive_labels.iter().find(is_said).cloned()
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use super::*;

    #[test]
    fn spellings_of_one_environment_are_one() {
        let lines = [
            "namespace shop env=Prod",
            "namespace ops environment=production",
            "ops/scraper-0 -> shop/db-0 5432/TCP",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }

    #[test]
    fn a_sensitive_namespace_is_told_of_who_comes_from_elsewhere() {
        let inside = ["namespace shop flowfence.dev/sensitive=true", "shop/web-0 -> shop/db-0 5432/TCP"];
        assert_eq!(found(&DETECTOR, &inside), [""; 0]);
        let outside = ["namespace shop flowfence.dev/sensitive=true", "ops/scraper-0 -> shop/db-0 5432/TCP"];
        assert_eq!(found(&DETECTOR, &outside), ["cross-environment:ops/Deployment/scraper->namespace/shop"]);
        let not = ["namespace shop flowfence.dev/sensitive=false", "ops/scraper-0 -> shop/db-0 5432/TCP"];
        assert_eq!(found(&DETECTOR, &not), [""; 0]);
    }
}
