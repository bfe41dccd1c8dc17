//! The files of a set under a directory, and the way back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use flowfence_model::NetworkPolicy;
use flowfence_policy::recommend::file;

use super::tighten::Sources;
use crate::cli::{Layout, RolloutArgs};
use crate::exit::Failure;
use crate::manifest::edit::Metadata;
use crate::manifest::flavour::Written;
use crate::manifest::{PolicyManifest, write_policy};
use crate::verb::files::{self, FileChange};
use crate::verb::observed::Observed;

const KUSTOMIZATION: &str = "kustomization.yaml";

/// The files of a set under `dir`.
pub(super) fn under(dir: &Path, written: &[Written], args: &RolloutArgs) -> Vec<FileChange> {
    match args.layout {
        Layout::Flat => {
            // A namespace is a DNS label: no dot is in it, and so no two names meet.
            let flat = |file: &Written| dir.join(file.file.replace('/', "."));
            written.iter().map(|file| files::change(flat(file), file.text.clone())).collect()
        }
        Layout::Kustomize => {
            let names = written.iter().map(|file| file.file.as_str());
            let mut all: Vec<FileChange> =
                written.iter().map(|file| files::change(dir.join(&file.file), file.text.clone())).collect();
            all.push(files::change(dir.join(KUSTOMIZATION), kustomization(names)));
            if args.canary {
                all.extend(stages(dir, written));
            }
            all
        }
    }
}

/// A kustomization a namespace, beside its files.
fn stages(dir: &Path, written: &[Written]) -> Vec<FileChange> {
    let mut stages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (stage, name) in written.iter().filter_map(|file| file.file.rsplit_once('/')) {
        stages.entry(stage).or_default().push(name);
    }
    let stages = stages.into_iter();
    stages
        .map(|(stage, names)| {
            files::change(dir.join(stage).join(KUSTOMIZATION), kustomization(names.into_iter()))
        })
        .collect()
}

fn kustomization<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut index = String::from("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    let mut names = names.peekable();
    if names.peek().is_none() {
        index.push_str("resources: []\n");
        return index;
    }
    index.push_str("resources:\n");
    for name in names {
        // A file name holds ASCII letters, digits and `-_./` only: any of it is safe in quotes.
        let _ = writeln!(index, "- \"{name}\"");
    }
    index
}

/// The policies of today that the set replaces, with the labels and annotations that their files
/// give them: those that it supersedes, and those whose names it uses again.
pub(super) fn back(
    dir: &Path,
    written: &[serde_json::Value],
    supersedes: &[String],
    observed: &Observed,
) -> Result<Vec<FileChange>, Failure> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let replaced = written.iter().map(|object| {
        let meta = &object["metadata"];
        format!("{}/{}", text(&meta["namespace"]), text(&meta["name"]))
    });
    let keys: BTreeSet<String> = replaced.chain(supersedes.iter().cloned()).collect();
    let texts = TextsOfToday::read(observed);
    let mut changes = Vec::new();
    let mut names = Vec::new();
    for policy in observed.cluster.policies.iter().filter(|policy| keys.contains(&policy.key())) {
        let text = texts.of(policy)?;
        let name = file(&policy.namespace, &policy.name);
        changes.push(files::change(dir.join(&name), text));
        names.push(name);
    }
    changes.push(files::change(dir.join(KUSTOMIZATION), kustomization(names.iter().map(String::as_str))));
    Ok(changes)
}

/// Today's policies as text.
pub(in crate::verb) struct TextsOfToday(BTreeMap<String, Metadata>);

impl TextsOfToday {
    /// Reads what their files say beside what they mean.
    pub(in crate::verb) fn read(observed: &Observed) -> Self {
        TextsOfToday(Sources::read(observed).metadata)
    }

    /// A policy as we write it, with the labels and annotations that its file gives it.
    pub(in crate::verb) fn of(&self, policy: &NetworkPolicy) -> Result<String, Failure> {
        let metadata = self.0.get(&policy.key()).cloned().unwrap_or_default();
        let manifest = PolicyManifest {
            policy: policy.clone(),
            labels: metadata.labels,
            annotations: metadata.annotations,
            comments: BTreeMap::new(),
        };
        let mut text = String::new();
        write_policy(&mut text, &manifest)
            .with_context(|| format!("cannot write {} as YAML", policy.key()))?;
        Ok(text)
    }
}
