//! `flowfence recommend`: policies, written, read back, proved, and only then shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use flowfence_model::{NetworkPolicy, NodeId};
use flowfence_policy::recommend::proof::prove;
use flowfence_policy::recommend::{Evidence, Exposed, Options, Recommendation, RecommendedPolicy, recommend};

use super::observed::{self, Observed};
use crate::cli::{self, RecommendArgs, YamlOrJson};
use crate::exit::{Ending, Failure};
use crate::manifest::{self, PolicyManifest};
use crate::output::recommend::{RecommendReport, write_json, write_summary};

/// Peers that a comment beside a rule names at most.
const NAMED: usize = 4;

/// Recommends, proves and writes.
pub fn run(args: &RecommendArgs) -> Result<Ending, Failure> {
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
    if let Some(dir) = &args.out {
        write_files(dir, &answer, &texts)?;
    }
    let mut out = std::io::stdout().lock();
    match args.output {
        YamlOrJson::Json => write_json(&report, &mut out)?,
        // With --out the policies are in their files.
        YamlOrJson::Yaml if args.out.is_none() => {
            for text in &texts {
                write!(out, "---\n{text}")?;
            }
        }
        YamlOrJson::Yaml => {}
    }
    Ok(Ending::Clean)
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

/// One file a policy and a kustomization.yaml, each replaced as a whole.
fn write_files(dir: &Path, answer: &Recommendation, texts: &[String]) -> Result<(), Failure> {
    let mut index = String::from("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    let resources: Vec<&str> = answer.policies.iter().map(|policy| policy.file.as_str()).collect();
    if resources.is_empty() {
        index.push_str("resources: []\n");
    } else {
        index.push_str("resources:\n");
        for file in &resources {
            // A file name holds ASCII letters, digits and `-_./` only: any of it is safe in quotes.
            let _ = writeln!(index, "- \"{file}\"");
        }
    }
    for (recommended, text) in answer.policies.iter().zip(texts) {
        replace(&dir.join(&recommended.file), text)?;
    }
    replace(&dir.join("kustomization.yaml"), &index)
}

/// Writes beside the target and renames: never a half-written policy.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(parent)?;
        let mut file = tempfile::NamedTempFile::new_in(parent)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| path.display().to_string())?;
    Ok(())
}
