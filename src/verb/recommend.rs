//! `flowfence recommend`: policies, written, read back, proved, and only then shown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use flowfence_model::{NetworkPolicy, NodeId};
use flowfence_policy::readiness::readiness;
use flowfence_policy::recommend::proof::{Candidate, left_open, prove_candidate};
use flowfence_policy::recommend::{
    Evidence, Exposed, Mode, Options, Recommendation, RecommendedPolicy, recommend,
};

use super::observed::{self, Observed};
use crate::cli::{self, RecommendArgs, YamlOrJson};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::manifest::flavour::{Flavour, FlavourError, Scene, Sheet, Written};
use crate::manifest::{self, PolicyManifest};
use crate::output::recommend::{Advice, RecommendReport, write_json, write_summary};
use crate::output::safe;

/// Peers that a comment beside a rule names at most.
const NAMED: usize = 4;

/// Recommends, proves and writes.
pub fn run(args: &RecommendArgs) -> Result<Ending, Failure> {
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe(&args.input)?;
    if observed.is_partial {
        eprintln!(
            "flowfence: nothing is recommended from partial data; mend the input, or say --allow-loss 1 \
             to accept what is missing"
        );
        return Ok(Ending::Partial);
    }
    let judgement = observed.judge(&decisions);
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let options = options(args, &observed)?;
    let answer = recommend(&observed.facts, inventory, &judgement, today, &options);
    let manifests: Vec<PolicyManifest> = answer.policies.iter().map(|p| manifest(p, &observed)).collect();
    let (files, candidate) = write(args.flavour, &manifests, &answer, &observed)?;
    // What is added is proved together with what it is added to.
    let in_force = match args.mode {
        cli::Mode::Replace => candidate.clone(),
        cli::Mode::Add => candidate.beside(today, &[]),
    };
    let proof = prove_candidate(&observed.facts, inventory, &judgement, &in_force, today, &answer.declared);
    let meant: Vec<NetworkPolicy> = manifests.iter().map(|manifest| manifest.policy.clone()).collect();
    let open = left_open(inventory, &meant, &candidate);
    let completeness = observed.completeness.clone();
    let ready = readiness(&observed.facts, inventory, &judgement, &options, completeness.loss);
    let advice = Advice { judgement: &judgement, readiness: &ready };
    let report = RecommendReport::new(&answer, &proof, &advice, args.flavour, &files, today, completeness);
    write_summary(&report, &mut std::io::stderr().lock())?;
    for (id, direction) in &open {
        let line = format!("{id} is not closed for {direction} by what was written");
        eprintln!("flowfence: {}", safe::line(&line));
    }
    if !proof.holds() || !open.is_empty() {
        return Ok(Ending::ProofFailed);
    }
    if let Some(dir) = &args.out {
        write_files(dir, &files)?;
    }
    let mut out = std::io::stdout().lock();
    match args.output {
        YamlOrJson::Json => write_json(&report, &mut out)?,
        // With --out the policies are in their files.
        YamlOrJson::Yaml if args.out.is_none() => {
            for file in &files {
                write!(out, "---\n{}", file.text)?;
            }
        }
        YamlOrJson::Yaml => {}
    }
    Ok(Ending::Clean)
}

fn options(args: &RecommendArgs, observed: &Observed) -> Result<Options, Failure> {
    let networks = args.networks.as_deref().map(manifest::read_networks).transpose()?;
    Ok(Options {
        include_blind: args.include_blind,
        system: args.system,
        system_namespaces: args.system_namespaces.iter().cloned().collect(),
        namespaces: args.judge.namespaces.iter().cloned().collect(),
        exposed: match args.exposed {
            cli::Exposed::Any => Exposed::Any,
            cli::Exposed::Observed => Exposed::Observed,
        },
        mode: match args.mode {
            cli::Mode::Replace => Mode::Replace,
            cli::Mode::Add => Mode::Add,
        },
        networks: networks.unwrap_or_default(),
        widen: args.widen,
        port_ranges: args.port_ranges.clone(),
        ours: observed.cluster.ours.clone(),
    })
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
        annotations: recommended.annotations.clone(),
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

/// The policies in a flavour, and the rules that its text means. The proof is about what was
/// written: the text is read as any reader would.
fn write(
    flavour: &Flavour,
    manifests: &[PolicyManifest],
    answer: &Recommendation,
    observed: &Observed,
) -> Result<(Vec<Written>, Candidate), Failure> {
    let scene = Scene::new(&observed.cluster.inventory, &observed.facts.names, &observed.cluster.ours);
    let comments: Vec<_> = answer
        .policies
        .iter()
        .map(|recommended| move |evidence: &Evidence| comment(evidence, recommended, observed))
        .collect();
    let sheets = answer.policies.iter().zip(manifests).zip(&comments);
    let sheets: Vec<Sheet<'_>> = sheets
        .map(|((recommended, manifest), comment)| {
            Sheet::new(recommended, manifest, &answer.declared, comment)
        })
        .collect();
    let failed = |error: FlavourError| Failure { ending: Ending::ProofFailed, error: error.into() };
    let files = flavour.write(&sheets, &scene).map_err(failed)?;
    let candidate = flavour.read_back(&files, &scene).map_err(failed)?;
    Ok((files, candidate))
}

/// One file a policy and a kustomization.yaml, each replaced as a whole.
fn write_files(dir: &Path, files: &[Written]) -> Result<(), Failure> {
    let mut index = String::from("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    if files.is_empty() {
        index.push_str("resources: []\n");
    } else {
        index.push_str("resources:\n");
        for file in files {
            // A file name holds ASCII letters, digits and `-_./` only: any of it is safe in quotes.
            let _ = writeln!(index, "- \"{}\"", file.file);
        }
    }
    for file in files {
        replace(&dir.join(&file.file), &file.text)?;
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
