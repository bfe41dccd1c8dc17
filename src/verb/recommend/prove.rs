//! Policies as they are written, and their proof: what `recommend` gives, and every page that shows policies.

use std::collections::BTreeSet;

use flowfence_model::{Direction, NetworkPolicy, NodeId};
use flowfence_policy::judge::Judgement;
use flowfence_policy::readiness::readiness;
use flowfence_policy::recommend::proof::{Candidate, Proof, left_open, prove_candidate};
use flowfence_policy::recommend::{Evidence, Mode, Options, Recommendation, RecommendedPolicy};

use crate::exit::{Ending, Failure};
use crate::manifest::PolicyManifest;
use crate::manifest::flavour::{Flavour, FlavourError, Scene, Sheet, Written};
use crate::output::recommend::{Made, RecommendReport};
use crate::verb::observed::Observed;

/// Peers that a comment beside a rule names at most.
const NAMED: usize = 4;

/// A recommendation that was written, read back and measured.
#[derive(Debug)]
pub struct Proved {
    /// The policies as they are meant, and what was left open.
    pub answer: Recommendation,
    /// The policies as written.
    pub files: Vec<Written>,
    /// The same as read back.
    pub candidate: Candidate,
    /// What they were measured to do.
    pub proof: Proof,
    /// Directions of workloads that were meant to be closed and are not.
    pub open: Vec<(NodeId, Direction)>,
    /// All of it for people and machines.
    pub report: RecommendReport,
}

impl Proved {
    /// Whether it may be shown.
    pub fn holds(&self) -> bool {
        self.proof.holds() && self.open.is_empty()
    }
}

/// Writes, reads back and measures what was recommended.
pub fn prove(
    answer: Recommendation,
    flavour: &'static Flavour,
    options: &Options,
    observed: &Observed,
    judgement: &Judgement,
) -> Result<Proved, Failure> {
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let manifests: Vec<PolicyManifest> = answer.policies.iter().map(|p| manifest(p, observed)).collect();
    let (files, candidate) = write(flavour, &manifests, &answer, observed)?;
    // What is added is proved together with what it is added to.
    let in_force = match options.mode {
        Mode::Replace => candidate.clone(),
        Mode::Add => candidate.beside(today, &[]),
    };
    let proof = prove_candidate(&observed.facts, inventory, judgement, &in_force, today, &answer.declared);
    let meant: Vec<NetworkPolicy> = manifests.iter().map(|manifest| manifest.policy.clone()).collect();
    let open = left_open(inventory, &meant, &candidate);
    let ready = readiness(&observed.facts, inventory, judgement, options, observed.completeness.loss);
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
    Ok(Proved { answer, files, candidate, proof, open, report })
}

pub(super) fn manifest(recommended: &RecommendedPolicy, observed: &Observed) -> PolicyManifest {
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
pub(super) fn write(
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
