//! `--mode tighten`: today's policies, narrowed, proved, and given as objects, as a patch, or in
//! the files that people wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use flowfence_model::NetworkPolicy;
use flowfence_policy::judge::Judgement;
use flowfence_policy::readiness::readiness;
use flowfence_policy::recommend::proof::{prove, prove_narrower};
use flowfence_policy::recommend::tighten::{Tightened, Tightening, tighten};
use flowfence_policy::recommend::{Options, Recommendation, RecommendedPolicy, file};

use super::files::{self, FileChange};
use super::prove::{Proved, manifest, write};
use super::{give, patch, way_back};
use crate::cli::{RecommendArgs, RecommendFormat};
use crate::exit::{Ending, Failure};
use crate::manifest::edit::{self, Change, Metadata};
use crate::manifest::{PolicyManifest, write_policy};
use crate::output::recommend::{
    Made, RecommendReport, TighteningRow, write_json, write_markdown, write_summary,
};
use crate::output::safe;
use crate::verb::observed::Observed;

/// Narrows, proves and writes. `answer` is what `--mode replace` would say of the rest. Also gives what was proved, for a
/// page.
pub(super) fn run(
    args: &RecommendArgs,
    observed: &Observed,
    judgement: &Judgement,
    options: &Options,
    mut answer: Recommendation,
) -> Result<(Ending, Option<Proved>), Failure> {
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let tightening = tighten(&observed.facts, inventory, judgement, today, options);
    let sources = Sources::read(observed);
    answer.policies = tightening.policies.iter().map(|sheet| sources.recommended(sheet)).collect();
    answer.supersedes.clear();
    answer.merged.clear();
    answer.declared.clone_from(&tightening.declared);
    let manifests: Vec<PolicyManifest> =
        answer.policies.iter().map(|policy| manifest(policy, observed)).collect();
    let (files, candidate) = write(args.flavour, &manifests, &answer, observed)?;
    let narrower = prove_narrower(&observed.facts, inventory, judgement, today, &candidate.policies);
    let proof = prove(&observed.facts, inventory, judgement, &candidate.policies, today, &answer.declared);
    let ready = readiness(&observed.facts, inventory, judgement, options, observed.completeness.loss);
    let mut report = RecommendReport::new(&Made {
        answer: &answer,
        proof: &proof,
        flavour: args.flavour,
        files: &files,
        today,
        judgement,
        readiness: &ready,
        completeness: &observed.completeness,
    });
    report.tightening = Some(TighteningRow::new(&tightening, &narrower));
    // Whoever closed standard error gets the policies all the same.
    let _ = write_summary(&report, &mut std::io::stderr().lock());
    if !narrower.holds() {
        return Ok((Ending::ProofFailed, None));
    }
    way_back(args, &report, observed)?;
    let ending = if !args.in_place && args.output != RecommendFormat::Patch {
        give(args, &report, &files)?;
        Ending::Clean
    } else {
        give_edited(args, &report, &sources.edited(&tightening, today, args.in_place)?)?
    };
    let proved = Proved { answer, files, candidate, proof, open: Vec::new(), report };
    Ok((ending, Some(proved)))
}

/// Writes the files that people wrote, or shows what would become of them.
fn give_edited(args: &RecommendArgs, report: &RecommendReport, edited: &Edited) -> Result<Ending, Failure> {
    for refused in &edited.refused {
        say!("flowfence: left as it is: {}", safe::line(refused));
    }
    if args.in_place {
        for change in &edited.changes {
            files::write(change)?;
            say!("flowfence: edited {}", safe::line(&change.path.display().to_string()));
        }
    }
    let mut out = std::io::stdout().lock();
    match args.output {
        RecommendFormat::Json => write_json(report, &mut out)?,
        RecommendFormat::Markdown => write_markdown(report, &mut out)?,
        RecommendFormat::Patch => patch::write(&edited.changes, &mut out)?,
        // The policies are in their files, or on the page.
        RecommendFormat::Yaml | RecommendFormat::Html => {}
    }
    Ok(if edited.refused.is_empty() { Ending::Clean } else { Ending::Unreadable })
}

/// The files that today's policies were read from.
pub(super) struct Sources {
    /// By path as the user named it.
    texts: BTreeMap<String, String>,
    /// The file of each policy, by its key.
    of_policy: BTreeMap<String, String>,
    /// Labels and annotations of each, by its key.
    pub metadata: BTreeMap<String, Metadata>,
}

/// Files with narrowed policies, and those that could not be edited.
struct Edited {
    changes: Vec<FileChange>,
    refused: Vec<String>,
}

impl Sources {
    pub(super) fn read(observed: &Observed) -> Self {
        let keys = observed.cluster.policies.iter().map(NetworkPolicy::key);
        let places = keys.filter_map(|key| {
            let place = observed.cluster.places.get(&key)?;
            Some((key, place.file.clone()))
        });
        let mut sources =
            Sources { texts: BTreeMap::new(), of_policy: places.collect(), metadata: BTreeMap::new() };
        for file in sources.of_policy.values() {
            if !sources.texts.contains_key(file)
                && let Ok(text) = std::fs::read_to_string(file)
            {
                let known = edit::metadata(&text).into_iter();
                sources.metadata.extend(known.filter(|(key, _)| sources.of_policy.get(key) == Some(file)));
                sources.texts.insert(file.clone(), text);
            }
        }
        sources
    }

    /// A narrowed policy with the labels that people gave it.
    fn recommended(&self, sheet: &Tightened) -> RecommendedPolicy {
        let known = self.metadata.get(&sheet.policy.key()).cloned().unwrap_or_default();
        RecommendedPolicy {
            subjects: sheet.subjects.clone(),
            file: file(&sheet.policy.namespace, &sheet.policy.name),
            policy: sheet.policy.clone(),
            labels: known.labels,
            annotations: known.annotations,
            evidence: sheet.evidence.clone(),
        }
    }

    /// The files of all policies that were narrowed. A policy that no file holds is compared with
    /// its own text, unless it is to be edited `in_place`.
    fn edited(
        &self,
        tightening: &Tightening,
        today: &[NetworkPolicy],
        in_place: bool,
    ) -> Result<Edited, Failure> {
        let was: BTreeMap<String, &NetworkPolicy> =
            today.iter().map(|policy| (policy.key(), policy)).collect();
        let mut by_file: BTreeMap<Option<&String>, Vec<Change<'_>>> = BTreeMap::new();
        for now in &tightening.policies {
            if let Some(was) = was.get(&now.policy.key()).filter(|was| ***was != now.policy) {
                let file = self.of_policy.get(&was.key());
                by_file.entry(file).or_default().push(Change { was, now });
            }
        }
        let mut edited = Edited { changes: Vec::new(), refused: Vec::new() };
        for (file, changes) in by_file {
            let Some(file) = file else {
                for Change { was, now } in changes {
                    if in_place {
                        edited.refused.push(format!("{}: no file holds it; use -o yaml", was.key()));
                        continue;
                    }
                    edited.changes.push(FileChange {
                        path: PathBuf::from(path_of(was)),
                        before: Some(canonical(was)?),
                        after: canonical(&now.policy)?,
                    });
                }
                continue;
            };
            let Some(before) = self.texts.get(file) else {
                edited.refused.push(format!("{file}: cannot be read again"));
                continue;
            };
            match edit::edit(before, file, &changes) {
                Ok(after) => edited.changes.push(FileChange {
                    path: PathBuf::from(file),
                    before: Some(before.clone()),
                    after,
                }),
                Err(error) => edited.refused.push(error.to_string()),
            }
        }
        edited.changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(edited)
    }
}

fn path_of(policy: &NetworkPolicy) -> String {
    file(&policy.namespace, &policy.name)
}

/// A policy as we write it, without anything that people wrote beside it.
fn canonical(policy: &NetworkPolicy) -> Result<String, Failure> {
    let mut text = String::new();
    write_policy(&mut text, &PolicyManifest::from(policy.clone()))
        .with_context(|| format!("cannot write {} as YAML", policy.key()))?;
    Ok(text)
}
