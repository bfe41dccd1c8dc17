//! `flowfence recommend`: policies, written, read back, proved, and only then shown.

mod patch;
mod prove;
mod rollout;
mod tighten;

use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use flowfence_graph::View;
use flowfence_policy::decision::Decisions;
use flowfence_policy::judge::Judgement;
use flowfence_policy::recommend::{DefaultDeny, Exposed, Mode, Options, Recommendation, Width, recommend};

use super::bundle::{self, Evidence};
use super::observed::{self, Observed};
use super::page::{self, Advice, Story};
use super::{audit, files, graph};
use crate::cli::{self, RecommendArgs, RecommendFormat};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::manifest;
use crate::manifest::flavour::{FLAVOURS, Written};
use crate::output::audit::AuditReport;
use crate::output::bundle::InputRow;
use crate::output::page::Tab;
use crate::output::recommend::{RecommendReport, write_json, write_markdown, write_summary};
use crate::output::safe;

pub(super) use prove::{Proved, prove};
pub(super) use rollout::TextsOfToday;

/// Recommends, proves and writes.
pub fn run(args: &RecommendArgs) -> Result<Ending, Failure> {
    let began = SystemTime::now();
    refuse_contradictions(args)?;
    if args.output == RecommendFormat::Html {
        page::refuse_terminal()?;
    }
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(&decisions);
    let told = Told {
        args,
        observed: &observed,
        judgement: &judgement,
        decisions: &decisions,
        inputs: inputs(args, &observed, began)?,
    };
    if observed.is_partial {
        say!(
            "flowfence: nothing is recommended from partial data; mend the input, or say --allow-loss 1 \
             to accept what is missing"
        );
        told.tell(Advice::Refused(page::partial()))?;
        return Ok(Ending::Partial);
    }
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let options = options(args, &observed)?;
    let answer = recommend(&observed.facts, inventory, &judgement, today, &options);
    unused_ranges(&options, &answer);
    if args.mode == cli::Mode::Tighten {
        let (ending, proved) = tighten::run(args, &observed, &judgement, &options, answer)?;
        told.tell(proved.as_ref().map_or_else(not_narrowed, Advice::Proved))?;
        return Ok(ending);
    }
    let proved = prove(answer, args.flavour, &options, &observed, &judgement)?;
    let Proved { answer, files, report, open, .. } = &proved;
    // Whoever closed standard error gets the policies all the same.
    let _ = write_summary(report, &mut std::io::stderr().lock());
    for (id, direction) in open {
        let line = format!("{id} is not closed for {direction} by what was written");
        say!("flowfence: {}", safe::line(&line));
    }
    if let Some(why) = page::refusal(&proved) {
        told.tell(Advice::Refused(why))?;
        return Ok(Ending::ProofFailed);
    }
    told.keep(&Advice::Proved(&proved))?;
    way_back(args, report, &observed)?;
    if args.output == RecommendFormat::Patch {
        patch::write(&changes(args, &observed, answer, files), &mut std::io::stdout().lock())?;
        return Ok(Ending::Clean);
    }
    give(args, report, files)?;
    told.show(Advice::Proved(&proved))?;
    Ok(Ending::Clean)
}

/// What `recommend` gives by its defaults; its proof need not hold.
pub(super) fn by_default(
    observed: &Observed,
    judgement: &Judgement,
    namespaces: &[String],
) -> Result<Proved, Failure> {
    let options = Options {
        namespaces: namespaces.iter().cloned().collect(),
        ours: observed.cluster.ours.clone(),
        ..Options::default()
    };
    let (inventory, today) = (&observed.cluster.inventory, &observed.cluster.policies);
    let answer = recommend(&observed.facts, inventory, judgement, today, &options);
    prove(answer, &FLAVOURS[0], &options, observed, judgement)
}

/// What was read, hashed before anything is written, when a bundle is asked for.
fn inputs(
    args: &RecommendArgs,
    observed: &Observed,
    began: SystemTime,
) -> Result<Option<Vec<InputRow>>, Failure> {
    if args.evidence_bundle.is_none() {
        return Ok(None);
    }
    let read = bundle::Read {
        input: &args.input,
        judge: &args.judge,
        others: args.networks.iter().map(|file| ("networks", file.as_path())).collect(),
        has_api: observed.cluster.api.is_some(),
        began,
    };
    bundle::inputs(&read).map(Some)
}

/// What a page and a bundle are told from.
struct Told<'a> {
    args: &'a RecommendArgs,
    observed: &'a Observed,
    judgement: &'a Judgement,
    decisions: &'a Decisions,
    inputs: Option<Vec<InputRow>>,
}

impl Told<'_> {
    /// Writes the bundle and the page, when they are asked for.
    fn tell(&self, advice: Advice<'_>) -> Result<(), Failure> {
        self.keep(&advice)?;
        self.show(advice)
    }

    /// Writes the bundle, when it is asked for.
    fn keep(&self, advice: &Advice<'_>) -> Result<(), Failure> {
        let Told { args, observed, judgement, decisions, inputs } = self;
        let (Some(path), Some(inputs)) = (&args.evidence_bundle, inputs) else { return Ok(()) };
        let findings = audit::findings(observed, judgement, decisions, &observed.subjects(&args.judge));
        let report = AuditReport::new(findings, &observed.cluster, observed.completeness.clone(), true);
        bundle::write(path, Evidence { inputs: inputs.clone(), observed, judgement, report: &report, advice })
    }

    /// Writes the page, when it is asked for.
    fn show(&self, advice: Advice<'_>) -> Result<(), Failure> {
        let Told { args, observed, judgement, decisions, .. } = *self;
        if args.output != RecommendFormat::Html {
            return Ok(());
        }
        let subjects = observed.subjects(&args.judge);
        page::write(Story {
            graph: graph::of_namespaces(observed, judgement, &subjects),
            findings: audit::findings(observed, judgement, decisions, &subjects),
            view: View::Workload,
            what_if: args.input.cluster.policies.as_deref(),
            open: Tab::Policies,
            observed,
            judgement,
            advice,
        })
    }
}

fn not_narrowed<'a>() -> Advice<'a> {
    let why = "No policies are shown, for the proof failed: as narrowed they would cut something that today's policies \
               let through and that was seen, or admit something that they deny.";
    Advice::Refused(why.to_owned())
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
        RecommendFormat::Yaml | RecommendFormat::Patch | RecommendFormat::Html => {}
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
