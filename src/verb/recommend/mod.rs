//! `flowfence recommend`: policies, written, read back, proved, and only then shown.

mod patch;
mod rollout;
mod tighten;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use flowfence_model::{NetworkPolicy, NodeId};
use flowfence_policy::judge::Judgement;
use flowfence_policy::readiness::readiness;
use flowfence_policy::recommend::proof::{Candidate, left_open, prove_candidate};
use flowfence_policy::recommend::{
    DefaultDeny, Evidence, Exposed, Mode, Options, Recommendation, RecommendedPolicy, Width, recommend,
};

use super::files;
use super::observed::{self, Observed};
use crate::cli::{self, RecommendArgs, RecommendFormat};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::manifest::flavour::{FLAVOURS, Flavour, FlavourError, Scene, Sheet, Written};
use crate::manifest::{self, PolicyManifest};
use crate::output::recommend::{Made, RecommendReport, write_json, write_markdown, write_summary};
use crate::output::safe;

/// Peers that a comment beside a rule names at most.
const NAMED: usize = 4;

/// Recommends, proves and writes.
pub fn run(args: &RecommendArgs) -> Result<Ending, Failure> {
    refuse_contradictions(args)?;
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe(&args.input)?;
    if observed.is_partial {
        say!(
            "flowfence: nothing is recommended from partial data; mend the input, or say --allow-loss 1 \
             to accept what is missing"
        );
        return Ok(Ending::Partial);
    }
    let judgement = observed.judge(&decisions);
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let options = options(args, &observed)?;
    let answer = recommend(&observed.facts, inventory, &judgement, today, &options);
    unused_ranges(&options, &answer);
    if args.mode == cli::Mode::Tighten {
        return tighten::run(args, &observed, &judgement, &options, answer);
    }
    let manifests: Vec<PolicyManifest> = answer.policies.iter().map(|p| manifest(p, &observed)).collect();
    let (files, candidate) = write(args.flavour, &manifests, &answer, &observed)?;
    // What is added is proved together with what it is added to.
    let in_force = match args.mode {
        cli::Mode::Replace | cli::Mode::Tighten => candidate.clone(),
        cli::Mode::Add => candidate.beside(today, &[]),
    };
    let proof = prove_candidate(&observed.facts, inventory, &judgement, &in_force, today, &answer.declared);
    let meant: Vec<NetworkPolicy> = manifests.iter().map(|manifest| manifest.policy.clone()).collect();
    let open = left_open(inventory, &meant, &candidate);
    let ready = readiness(&observed.facts, inventory, &judgement, &options, observed.completeness.loss);
    let report = RecommendReport::new(&Made {
        answer: &answer,
        proof: &proof,
        flavour: args.flavour,
        files: &files,
        today,
        judgement: &judgement,
        readiness: &ready,
        completeness: &observed.completeness,
    });
    // Whoever closed standard error gets the policies all the same.
    let _ = write_summary(&report, &mut std::io::stderr().lock());
    for (id, direction) in &open {
        let line = format!("{id} is not closed for {direction} by what was written");
        say!("flowfence: {}", safe::line(&line));
    }
    if !proof.holds() || !open.is_empty() {
        return Ok(Ending::ProofFailed);
    }
    way_back(args, &report, &observed)?;
    if args.output == RecommendFormat::Patch {
        patch::write(&changes(args, &observed, &answer, &files), &mut std::io::stdout().lock())?;
        return Ok(Ending::Clean);
    }
    give(args, &report, &files)?;
    Ok(Ending::Clean)
}

/// What `recommend -o json` says by its defaults, and whether the proof holds.
pub(super) fn by_default(
    observed: &Observed,
    judgement: &Judgement,
    namespaces: Vec<String>,
) -> Result<(RecommendReport, bool), Failure> {
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let ours = observed.cluster.ours.clone();
    let options = Options { namespaces: namespaces.into_iter().collect(), ours, ..Options::default() };
    let flavour: &Flavour = &FLAVOURS[0];
    let answer = recommend(&observed.facts, inventory, judgement, today, &options);
    let manifests: Vec<PolicyManifest> = answer.policies.iter().map(|p| manifest(p, observed)).collect();
    let (files, candidate) = write(flavour, &manifests, &answer, observed)?;
    let proof = prove_candidate(&observed.facts, inventory, judgement, &candidate, today, &answer.declared);
    let meant: Vec<NetworkPolicy> = manifests.iter().map(|manifest| manifest.policy.clone()).collect();
    let holds = proof.holds() && left_open(inventory, &meant, &candidate).is_empty();
    let ready = readiness(&observed.facts, inventory, judgement, &options, observed.completeness.loss);
    let report = RecommendReport::new(&Made {
        answer: &answer,
        proof: &proof,
        flavour,
        files: &files,
        today,
        judgement,
        readiness: &ready,
        completeness: &observed.completeness,
    });
    Ok((report, holds))
}

/// The files of --out, and what stdout gets.
fn give(args: &RecommendArgs, report: &RecommendReport, files: &[Written]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if let Some(dir) = &args.out {
        files::write_all(&rollout::under(dir, files, &args.rollout))?;
    }
    match args.output {
        RecommendFormat::Json => write_json(report, &mut out)?,
        RecommendFormat::Markdown => write_markdown(report, &mut out)?,
        // With --out the policies are in their files.
        RecommendFormat::Yaml if args.out.is_none() => write_documents(files, &mut out)?,
        RecommendFormat::Yaml | RecommendFormat::Patch => {}
    }
    Ok(())
}

/// Says which ranges of `--port-range` no genuine connection was in: misspelt, or not needed.
fn unused_ranges(options: &Options, answer: &Recommendation) {
    for served in &options.port_ranges {
        let range = served.range.to_string();
        let is_used = answer.declared.iter().any(|width| {
            let ends = [Some(&width.subject), width.peer.as_ref()];
            width.kind == Width::PortRange && width.port == range && ends.contains(&Some(&served.server))
        });
        if !is_used {
            let line = format!(
                "--port-range {}:{range}/{}: no genuine connection was in it",
                served.server, served.protocol
            );
            say!("flowfence: {}", safe::line(&line));
        }
    }
}

/// Writes what `--rollback` asks for.
fn way_back(args: &RecommendArgs, report: &RecommendReport, observed: &Observed) -> Result<(), Failure> {
    let Some(dir) = &args.rollout.rollback else { return Ok(()) };
    files::write_all(&rollout::back(dir, &report.policies, &report.supersedes, observed)?)
}

/// What clap cannot say of options that exclude each other.
fn refuse_contradictions(args: &RecommendArgs) -> Result<(), Failure> {
    let is_for_all = args.default_deny.is_some() || args.dns == cli::Dns::Namespace;
    if args.rollout.canary && args.rollout.layout == cli::Layout::Flat {
        return Err(Failure::usage("--canary writes kustomizations, and so needs --layout kustomize"));
    }
    match args.mode {
        cli::Mode::Replace | cli::Mode::Add if args.in_place => {
            Err(Failure::usage("--in-place edits today's policies, and so needs --mode tighten"))
        }
        cli::Mode::Add | cli::Mode::Tighten if is_for_all => {
            Err(Failure::usage("--default-deny and --dns belong to a set that stands alone: --mode replace"))
        }
        cli::Mode::Tighten if !args.flavour.is_plain() => {
            Err(Failure::usage("--mode tighten narrows NetworkPolicies, and writes no other flavour"))
        }
        cli::Mode::Replace | cli::Mode::Add | cli::Mode::Tighten => Ok(()),
    }
}

/// What a patch is made of: the files of --out; else the file that holds the policy of that name
/// alone; else a new file.
fn changes(
    args: &RecommendArgs,
    observed: &Observed,
    answer: &Recommendation,
    written: &[Written],
) -> Vec<files::FileChange> {
    if let Some(dir) = &args.out {
        return rollout::under(dir, written, &args.rollout);
    }
    let mut changes: Vec<files::FileChange> = written
        .iter()
        .map(|written| {
            let policy = answer.policies.iter().find(|policy| policy.file == written.file);
            let place = policy.and_then(|policy| observed.cluster.places.get(&policy.policy.key()));
            let alone = place.filter(|place| {
                let held = std::fs::read_to_string(&place.file).unwrap_or_default();
                let held = manifest::parse_policies(&held, &place.file);
                held.objects.len() == 1 && held.ignored_kinds.is_empty() && held.problems.is_empty()
            });
            let path = alone.map_or(&written.file, |place| &place.file);
            files::change(PathBuf::from(path), written.text.clone())
        })
        .collect();
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

/// Documents one after the other.
fn write_documents(files: &[Written], out: &mut impl Write) -> std::io::Result<()> {
    files.iter().try_for_each(|file| write!(out, "---\n{}", file.text))
}

fn options(args: &RecommendArgs, observed: &Observed) -> Result<Options, Failure> {
    let networks = args.networks.as_deref().map(manifest::read_networks).transpose()?;
    Ok(Options {
        include_blind: args.include_blind,
        system: args.system,
        system_namespaces: args.system_namespaces.iter().cloned().collect(),
        namespaces: observed.subjects(&args.judge).into_iter().collect(),
        exposed: match args.exposed {
            cli::Exposed::Any => Exposed::Any,
            cli::Exposed::Observed => Exposed::Observed,
        },
        mode: match args.mode {
            // What is narrowed comes of today's policies; the rest of the answer is the same.
            cli::Mode::Replace | cli::Mode::Tighten => Mode::Replace,
            cli::Mode::Add => Mode::Add,
        },
        networks: networks.unwrap_or_default(),
        widen: args.widen,
        port_ranges: args.port_ranges.clone(),
        default_deny: args.default_deny.map(|mode| match mode {
            cli::DefaultDeny::Safe => DefaultDeny::Safe,
            cli::DefaultDeny::All => DefaultDeny::All,
        }),
        dns_per_namespace: args.dns == cli::Dns::Namespace,
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
    if shown.is_empty() {
        return rest;
    }
    format!("seen: {}{rest}", shown.join(", "))
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
