//! `flowfence recommend`: policies, written, read back, proved, and only then shown.

mod files;
mod patch;
mod tighten;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use flowfence_model::{NetworkPolicy, NodeId};
use flowfence_policy::recommend::proof::prove;
use flowfence_policy::recommend::{
    DefaultDeny, Evidence, Exposed, Options, Recommendation, RecommendedPolicy, file, recommend,
};

use super::observed::{self, Observed};
use crate::cli::{self, Mode, RecommendArgs, RecommendFormat};
use crate::exit::{Ending, Failure};
use crate::manifest::{self, PolicyManifest};
use crate::output::recommend::{RecommendReport, write_json, write_summary};

/// Peers that a comment beside a rule names at most.
const NAMED: usize = 4;

/// Recommends, proves and writes.
pub fn run(args: &RecommendArgs) -> Result<Ending, Failure> {
    refuse_contradictions(args)?;
    let observed = observed::observe(&args.input)?;
    if observed.is_partial {
        eprintln!(
            "flowfence: nothing is recommended from partial data; mend the input, or say --allow-loss 1 \
             to accept what is missing"
        );
        return Ok(Ending::Partial);
    }
    let judgement = observed.judge(&args.judge);
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let answer = recommend(&observed.facts, inventory, &judgement, today, &options(args, &observed));
    if args.mode == Mode::Tighten {
        return tighten::run(args, &observed, &judgement, answer);
    }
    let manifests: Vec<PolicyManifest> = answer.policies.iter().map(|p| manifest(p, &observed)).collect();
    let texts = manifests.iter().map(text).collect::<Result<Vec<String>, Failure>>()?;
    let written = read_back(&texts, &answer)?;
    let proof = prove(&observed.facts, inventory, &judgement, &written, today, &answer.declared);
    let objects = manifests.iter().map(manifest::to_json).collect();
    let report = RecommendReport::new(&answer, &proof, objects, observed.completeness.clone());
    write_summary(&report, &mut std::io::stderr().lock())?;
    if !proof.holds() {
        return Ok(Ending::ProofFailed);
    }
    let mut out = std::io::stdout().lock();
    if args.output == RecommendFormat::Patch {
        patch::write(&changes(args, &observed, &answer, &texts), &mut out)?;
        return Ok(Ending::Clean);
    }
    if let Some(dir) = &args.out {
        for change in files::of_policies(dir, &answer, &texts) {
            files::write(&change)?;
        }
    }
    match args.output {
        RecommendFormat::Json => write_json(&report, &mut out)?,
        // With --out the policies are in their files.
        RecommendFormat::Yaml if args.out.is_none() => write_documents(&texts, &mut out)?,
        RecommendFormat::Yaml | RecommendFormat::Patch => {}
    }
    Ok(Ending::Clean)
}

/// What clap cannot say of options that exclude each other.
fn refuse_contradictions(args: &RecommendArgs) -> Result<(), Failure> {
    match args.mode {
        Mode::Add => Err(Failure::usage("--mode add is not built in")),
        Mode::Replace if args.in_place => {
            Err(Failure::usage("--in-place edits today's policies, and so needs --mode tighten"))
        }
        Mode::Tighten if args.default_deny.is_some() || args.dns == cli::Dns::Namespace => {
            Err(Failure::usage("--mode tighten only narrows: --default-deny and --dns add policies"))
        }
        Mode::Replace | Mode::Tighten => Ok(()),
    }
}

/// What a patch is made of: the files of --out; else the file that holds the policy of that name
/// alone; else a new file.
fn changes(
    args: &RecommendArgs,
    observed: &Observed,
    answer: &Recommendation,
    texts: &[String],
) -> Vec<files::FileChange> {
    if let Some(dir) = &args.out {
        return files::of_policies(dir, answer, texts);
    }
    let policies = answer.policies.iter().zip(texts);
    let mut changes: Vec<files::FileChange> = policies
        .map(|(recommended, text)| {
            let place = observed.cluster.places.get(&recommended.policy.key());
            let alone = place.filter(|place| {
                let held = std::fs::read_to_string(&place.file).unwrap_or_default();
                let held = manifest::parse_policies(&held, &place.file);
                held.objects.len() == 1 && held.ignored_kinds.is_empty() && held.problems.is_empty()
            });
            let path = alone.map_or_else(|| recommended.file.clone(), |place| place.file.clone());
            files::change(PathBuf::from(path), text.clone())
        })
        .collect();
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

/// Documents one after the other.
fn write_documents(texts: &[String], out: &mut impl Write) -> std::io::Result<()> {
    texts.iter().try_for_each(|text| write!(out, "---\n{text}"))
}

fn options(args: &RecommendArgs, observed: &Observed) -> Options {
    Options {
        include_blind: args.include_blind,
        system: args.system,
        system_namespaces: args.system_namespaces.iter().cloned().collect(),
        namespaces: args.judge.namespaces.iter().cloned().collect(),
        exposed: match args.exposed {
            cli::Exposed::Any => Exposed::Any,
            cli::Exposed::Observed => Exposed::Observed,
        },
        default_deny: args.default_deny.map(|mode| match mode {
            cli::DefaultDeny::Safe => DefaultDeny::Safe,
            cli::DefaultDeny::All => DefaultDeny::All,
        }),
        dns_per_namespace: args.dns == cli::Dns::Namespace,
        ours: observed.cluster.ours.clone(),
    }
}

fn manifest(recommended: &RecommendedPolicy, observed: &Observed) -> PolicyManifest {
    let comments = recommended
        .evidence
        .iter()
        .map(|evidence| ((evidence.direction, evidence.rule), comment(evidence, recommended, observed)))
        .filter(|(_, comment)| !comment.is_empty())
        .collect();
    PolicyManifest {
        policy: recommended.policy.clone(),
        labels: recommended.labels.clone(),
        annotations: BTreeMap::new(),
        comments,
    }
}

/// Who was seen to need a rule, without counts or times: equal traffic gives equal bytes.
fn comment(evidence: &Evidence, policy: &RecommendedPolicy, observed: &Observed) -> String {
    let own: BTreeSet<&NodeId> = policy.subjects.iter().collect();
    let mut peers: BTreeSet<String> = BTreeSet::new();
    for edge in &evidence.edges {
        let other = if own.contains(&edge.from) { &edge.to } else { &edge.from };
        peers.insert(match other {
            NodeId::External(ip) => {
                let names: Vec<&str> = observed.facts.names.of(*ip).collect();
                if names.is_empty() { ip.to_string() } else { format!("{ip} {}", names.join(" ")) }
            }
            other => other.to_string(),
        });
    }
    let shown: Vec<String> = peers.iter().take(NAMED).cloned().collect();
    let more = peers.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    if shown.is_empty() { rest } else { format!("seen: {}{rest}", shown.join(", ")) }
}

fn text(manifest: &PolicyManifest) -> Result<String, Failure> {
    let mut text = String::new();
    manifest::write_policy(&mut text, manifest)
        .with_context(|| format!("cannot write {} as YAML", manifest.policy.key()))?;
    Ok(text)
}

/// The proof is about what was written: the YAML is read as any reader would.
fn read_back(texts: &[String], answer: &Recommendation) -> Result<Vec<NetworkPolicy>, Failure> {
    let mut all = Vec::with_capacity(texts.len());
    for (text, recommended) in texts.iter().zip(&answer.policies) {
        let snapshot = manifest::parse_policies(text, &recommended.file);
        let mut policies = snapshot.policies();
        match (policies.pop(), snapshot.problems.first()) {
            (Some(policy), None) if policies.is_empty() => all.push(policy),
            (_, Some(problem)) => {
                return Err(Failure { ending: Ending::ProofFailed, error: anyhow::anyhow!("{problem}") });
            }
            _ => {
                let error = anyhow::anyhow!("{} does not hold one policy when read back", recommended.file);
                return Err(Failure { ending: Ending::ProofFailed, error });
            }
        }
    }
    Ok(all)
}
