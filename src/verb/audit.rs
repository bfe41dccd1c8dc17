//! `flowfence audit`: what is unexpected, too wide, unused or uncovered.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write as _};
use std::time::SystemTime;

use flowfence_graph::{Facts, View};
use flowfence_model::NodeId;
use flowfence_policy::audit::rank::{self, Context};
use flowfence_policy::audit::{self, Baseline, Finding, Level, Settings};
use flowfence_policy::decision::{Decisions, Subject};
use flowfence_policy::judge::Judgement;

use super::bundle::{self, Evidence};
use super::observed::{self, Observed};
use super::page::{self, Advice, Story};
use super::quarantine;
use super::{baseline, graph};
use crate::cli::{AuditArgs, FailOn, FindingsFormat};
use crate::cluster;
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::hands::Hands;
use crate::output::audit as output;
use crate::output::audit::AuditReport;
use crate::output::completeness::CompletenessReport;
use crate::output::page::Tab;

/// Reports the findings: all of them, or without a source those that need no traffic.
pub fn run(args: &AuditArgs) -> Result<Ending, Failure> {
    let began = SystemTime::now();
    quarantine::refuse_contradictions(&args.response, args.output)?;
    if args.output == FindingsFormat::Html {
        page::refuse_terminal()?;
    }
    let decisions = decision::load(&args.judge)?;
    let settings = settings(args)?;
    let found = if args.input.sources.is_empty() {
        without_traffic(args)?
    } else {
        with_traffic(args, &decisions, &settings)?
    };
    let Found { mut findings, observed, judgement, ending } = found;
    // Hashed before a baseline is written, which may be one of them.
    let inputs = args.evidence_bundle.is_some().then(|| bundle::inputs(&read(args, &observed, began)));
    rank_all(&mut findings, &observed, &judgement, &settings);
    if let Some(id) = &args.response.quarantine {
        let allowed = &args.response.quarantine_allow;
        return quarantine::run(id, allowed, &findings, &observed.facts, &observed.cluster);
    }
    silence(&mut findings, &decisions);
    let drafted = args.baseline.write_baseline.as_ref();
    let drafted = drafted.map(|path| (path, audit::draft(&observed.facts, &judgement, &findings)));
    let subjects = observed.subjects(&args.judge);
    let reviewed = settings.baseline.unwrap_or_default();
    retain_new(&mut findings, &reviewed, &subjects);
    if let Some((path, mut draft)) = drafted {
        let concern = |subject: &Subject| match subject {
            Subject::Edge(edge) => in_namespaces([&edge.from, &edge.to].into_iter(), &subjects),
            Subject::Finding(id) => findings.iter().any(|finding| finding.id == *id),
        };
        draft.entries.retain(concern);
        baseline::write(path, &args.baseline, &draft, &reviewed)?;
    }
    let fails = findings.iter().any(|finding| is_failure(finding.level, args.fail_on));
    let ending = if fails { Ending::Findings } else { ending };
    let for_page = (args.output == FindingsFormat::Html).then(|| findings.clone());
    let has_traffic = !args.input.sources.is_empty();
    let report = AuditReport::new(findings, &observed.cluster, observed.completeness.clone(), has_traffic);
    let is_advised = for_page.is_some() || inputs.is_some();
    let advised = is_advised.then(|| page::advise(&observed, &judgement, &subjects));
    let advice = || advised.as_ref().map_or_else(|| Advice::Refused(String::new()), Advice::of);
    if let (Some(path), Some(inputs)) = (&args.evidence_bundle, inputs.transpose()?) {
        let (observed, judgement, report) = (&observed, &judgement, &report);
        bundle::write(path, Evidence { inputs, observed, judgement, report, advice: &advice() })?;
    }
    if let Some(findings) = for_page {
        show(args, &observed, &judgement, findings, advice())?;
    } else {
        // Standard output itself is written line by line.
        let mut out = BufWriter::new(std::io::stdout().lock());
        let url = args.report_url.as_deref();
        output::write(&report, args.output, url, &observed.hands, &mut out)?;
        out.flush()?;
    }
    // The process ends: a hundred thousand findings need not be taken apart one by one.
    std::mem::forget((observed, judgement, report));
    Ok(ending)
}

/// What is read beside traffic.
fn read<'a>(args: &'a AuditArgs, observed: &Observed, began: SystemTime) -> bundle::Read<'a> {
    let baselines = args.baseline.baseline.iter();
    bundle::Read {
        input: &args.input,
        judge: &args.judge,
        others: baselines.map(|file| ("baseline", file.as_path())).collect(),
        has_api: observed.cluster.api.is_some(),
        began,
    }
}

/// Writes the page, opened at what was found.
fn show(
    args: &AuditArgs,
    observed: &Observed,
    judgement: &Judgement,
    findings: Vec<Finding>,
    advice: Advice<'_>,
) -> Result<(), Failure> {
    let subjects = observed.subjects(&args.judge);
    page::write(Story {
        graph: graph::of_namespaces(observed, judgement, &subjects),
        view: View::Workload,
        advice,
        what_if: args.input.cluster.policies.as_deref(),
        open: Tab::Findings,
        findings,
        observed,
        judgement,
    })
}

/// What is reported without further options: of traffic and of policies, the worst first, without what was accepted.
pub(super) fn findings(
    observed: &Observed,
    judgement: &Judgement,
    decisions: &Decisions,
    subjects: &[String],
) -> Vec<Finding> {
    let settings = Settings::default();
    let mut findings = all(observed, judgement, &settings);
    rank_all(&mut findings, observed, judgement, &settings);
    silence(&mut findings, decisions);
    findings.retain(|finding| concerns(finding, subjects));
    findings
}

/// What the traffic shows, and what is wrong with the policies themselves.
fn all(observed: &Observed, judgement: &Judgement, settings: &Settings) -> Vec<Finding> {
    let (inventory, today, crew) = (&observed.cluster.inventory, observed.prepared(), &observed.hands);
    let mut findings = audit::audit(&observed.facts, inventory, judgement, today, settings, crew);
    findings.extend(audit::lint(&observed.facts, inventory, today, &observed.cluster.remarks, crew));
    findings
}

/// Gives findings their ranks and owners, and puts the worst first.
fn rank_all(findings: &mut [Finding], observed: &Observed, judgement: &Judgement, settings: &Settings) {
    let context = Context {
        facts: &observed.facts,
        inventory: &observed.cluster.inventory,
        judgement,
        today: observed.prepared(),
        settings,
        loss: observed.completeness.loss,
    };
    rank::rank(findings, &context, &observed.hands);
    rank::sort(findings);
}

/// Leaves what no baseline knows and what the namespaces concern.
fn retain_new(findings: &mut Vec<Finding>, reviewed: &Baseline, subjects: &[String]) {
    let is_known = |finding: &Finding| reviewed.knows_finding(&finding.id);
    let known = findings.iter().filter(|finding| is_known(finding)).count();
    if known > 0 {
        say!("flowfence: {known} findings are in the baseline and not shown");
    }
    findings.retain(|finding| concerns(finding, subjects) && !is_known(finding));
}

/// Takes out what somebody accepted; a decision that silences a finding is not an unused one.
fn silence(findings: &mut Vec<Finding>, decisions: &Decisions) {
    let accepted: BTreeSet<String> =
        findings.iter().filter(|f| decisions.accepts_finding(&f.id)).map(|f| f.id.clone()).collect();
    let is_about_one = |finding: &Finding| {
        finding.id.strip_prefix("decision-unused:").is_some_and(|about| accepted.contains(about))
    };
    findings.retain(|finding| !accepted.contains(&finding.id) && !is_about_one(finding));
    if !accepted.is_empty() {
        say!("flowfence: {} findings are accepted and not shown", accepted.len());
    }
}

fn settings(args: &AuditArgs) -> Result<Settings, Failure> {
    let mut settings =
        Settings { baseline: decision::load_baseline(&args.baseline.baseline)?, ..Settings::default() };
    settings.environment_labels.splice(0..0, args.environment_labels.iter().cloned());
    settings.owner_labels.clone_from(&args.owner_labels);
    settings.sensitive_labels.extend(args.sensitive_labels.iter().cloned());
    Ok(settings)
}

/// What was found, and what it was found in.
struct Found {
    findings: Vec<Finding>,
    /// Objects alone where no traffic was looked at.
    observed: Observed,
    judgement: Judgement,
    ending: Ending,
}

fn with_traffic(args: &AuditArgs, decisions: &Decisions, settings: &Settings) -> Result<Found, Failure> {
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(decisions);
    let findings = all(&observed, &judgement, settings);
    let ending = observed.ending();
    Ok(Found { findings, observed, judgement, ending })
}

fn without_traffic(args: &AuditArgs) -> Result<Found, Failure> {
    let objects = &args.input.cluster;
    if args.baseline.write_baseline.is_some() {
        return Err(Failure::usage("--write-baseline needs a SOURCE of traffic: edges are what it holds"));
    }
    if objects.cluster.iter().any(|path| path.as_os_str() == "none") {
        return Err(Failure::usage(
            "audit needs a SOURCE of traffic, or --cluster PATH to look at the policies alone; see audit --help",
        ));
    }
    let cluster = cluster::load(objects)?;
    if objects.cluster.is_empty() && cluster.api.is_none() {
        return Err(Failure::usage(
            "audit needs a SOURCE of traffic, or --cluster PATH or a kubeconfig to look at the policies alone; see \
             audit --help",
        ));
    }
    say!("flowfence: no SOURCE given: only what needs no traffic is looked for");
    if cluster.inventory.workloads().is_empty() {
        say!(
            "flowfence: no pod and no workload in the cluster: what policies select cannot be told (give objects from \
             `kubectl get pods,deployments,… -A -o yaml`)"
        );
    }
    let facts = Facts::default();
    let completeness = CompletenessReport::new(&facts.completeness, &cluster);
    let observed = Observed::new(facts, cluster, completeness, false, Hands(args.input.jobs()));
    let (cluster, today) = (&observed.cluster, observed.prepared());
    let findings = audit::lint(&observed.facts, &cluster.inventory, today, &cluster.remarks, &observed.hands);
    Ok(Found { findings, observed, judgement: Judgement::default(), ending: Ending::Clean })
}

/// Whether a finding is about a workload or policy of the namespaces; about any when none is given.
fn concerns(finding: &Finding, namespaces: &[String]) -> bool {
    let ends = [&finding.from, &finding.to].into_iter().flatten();
    let of_edges = finding.edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    let subject =
        finding.id.split_once(':').and_then(|(_, subject)| subject.split_once('/')).map(|(ns, _)| ns);
    namespaces.is_empty()
        || namespaces.iter().any(|wanted| subject == Some(wanted))
        || in_namespaces(ends.chain(of_edges), namespaces)
}

fn in_namespaces<'a>(mut ids: impl Iterator<Item = &'a NodeId>, namespaces: &[String]) -> bool {
    let is_wanted =
        |id: &NodeId| id.namespace().is_some_and(|ns| namespaces.iter().any(|wanted| wanted == ns));
    namespaces.is_empty() || ids.any(is_wanted)
}

fn is_failure(level: Level, fail_on: FailOn) -> bool {
    match fail_on {
        FailOn::Error => level <= Level::Error,
        FailOn::Warning => level <= Level::Warning,
        FailOn::Note => true,
        FailOn::Never => false,
    }
}
