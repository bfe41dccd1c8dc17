//! `flowfence reach`: what policies allow, without traffic.

use std::collections::BTreeMap;
use std::io::Write;

use flowfence_model::LabelSelector;
use flowfence_policy::reach::{
    Change, End, EndName, Exposure, Family, ProfileId, Stranger, Survey, exposure, with_hosts,
};
use flowfence_policy::semantics::{Cluster as Pods, Plugin, PolicySet};

use crate::cli::{ReachArgs, ReachFormat};
use crate::cluster::{self, Cluster};
use crate::exit::{Ending, Failure};
use crate::output::completeness::ObjectsRow;
use crate::output::reach::{
    self as output, ChangeRow, ConnectionRow, DifferenceReport, EndRow, ExposureRow, LabelledRow, PortsRow,
    ReachReport,
};
use crate::output::{API_VERSION, policy};
use crate::reach;
use crate::reach::filter::{Wanted, select};
use crate::source::read_text;

/// Answers `--probes`, tells the difference `--against`, or surveys everything.
pub fn run(args: &ReachArgs) -> Result<Ending, Failure> {
    if let (Some(_), Some(format)) = (&args.probes, args.output)
        && format != ReachFormat::Json
    {
        return Err(Failure::usage("--probes is answered in JSON only; leave -o out or say -o json"));
    }
    let cluster = cluster::load(&args.cluster)?;
    let plugin = args.plugin.map(Plugin::from);
    let after = cluster.rules(plugin);
    let pods = reach::cluster(&cluster.inventory);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if let Some(path) = &args.probes {
        let policies = after.compile(&pods);
        let mut answers = reach::answer(&read_text(path)?, &policies)
            .map_err(|error| Failure::unreadable(format!("{}: {error}", path.display())))?;
        answers.refused.clone_from(&cluster.refused);
        serde_json::to_writer(&mut out, &answers).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
        return Ok(cluster.ending());
    }
    let ending = if let Some(path) = &args.against {
        let set = cluster::load_set(path)?;
        let mut before = set.rules(plugin);
        if set.tiers.is_empty() {
            before.tiers = &cluster.tiers;
        }
        let pods = with_hosts(pods, &[&before, &after]);
        let sets = [before.compile(&pods), after.compile(&pods)];
        difference(args, &cluster, &sets, ObjectsRow::new(&cluster).and(&set), &mut out)?;
        cluster.ending().max(set.ending())
    } else {
        survey(args, &cluster, &after.compile(&with_hosts(pods, &[&after])), &mut out)?;
        cluster.ending()
    };
    out.flush()?;
    Ok(ending)
}

/// Whoever names an end wants to know of it wherever it is.
fn subjects(args: &ReachArgs, cluster: &Cluster) -> Vec<String> {
    let is_named = !args.from.is_empty() || !args.to.is_empty();
    cluster.subjects(&args.namespaces, args.all_namespaces || is_named)
}

fn wanted<'a>(args: &'a ReachArgs, namespaces: &'a [String]) -> Wanted<'a> {
    Wanted { from: &args.from, to: &args.to, namespaces, selector: args.selector.as_deref() }
}

fn survey(
    args: &ReachArgs,
    cluster: &Cluster,
    policies: &PolicySet,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut survey = Survey::new(&cluster.inventory, &[policies]);
    let pods = policies.cluster();
    let namespaces = subjects(args, cluster);
    let selection = select(&wanted(args, &namespaces), survey.ends(), &cluster.inventory, pods)
        .map_err(Failure::usage)?;
    let rows = survey.rows(&selection);
    let ids: Vec<String> = survey.ends().iter().map(|end| end.name.to_string()).collect();
    let ports = Ports::new(&survey, rows.iter().map(|row| row.allowed));
    // A workload that is no destination of interest is not told who may enter it.
    let is_shown = |name: &EndName| {
        let at = survey.ends().iter().position(|end| end.name == *name || is_of(end, name, pods));
        at.is_some_and(|at| selection.to[at] && selection.either[at])
    };
    let plugin = args.plugin.map(Plugin::from);
    let exposed = if args.from.is_empty() {
        exposure(&cluster.inventory, pods, &cluster.policies, &cluster.tiers, plugin)
    } else {
        Vec::new()
    };
    let report = ReachReport {
        api_version: API_VERSION,
        kind: "Reach",
        plugin: plugin.map(Plugin::token),
        nodes: survey.ends().iter().map(|end| end_row(end, pods)).collect(),
        connections: rows
            .iter()
            .map(|row| ConnectionRow {
                from: &ids[row.from],
                to: &ids[row.to],
                family: row.family.map(Family::token),
                allowed: ports.get(row.allowed),
            })
            .collect(),
        exposure: exposed.iter().filter(|exposure| is_shown(&exposure.to)).map(exposure_row).collect(),
        objects: ObjectsRow::new(cluster),
    };
    Ok(output::write(&report, args.output.unwrap_or_default(), out)?)
}

/// Whether one of two ends is the workload of the pod that the other is.
fn is_of(end: &End, name: &EndName, pods: &Pods) -> bool {
    let EndName::Pod { namespace, name } = name else { return false };
    pods.pod_named(namespace, name).is_some_and(|pod| end.pods.contains(&pod))
}

fn difference(
    args: &ReachArgs,
    cluster: &Cluster,
    [before, after]: &[PolicySet; 2],
    objects: ObjectsRow,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let plugin = args.plugin.map(Plugin::from);
    let mut survey = Survey::new(&cluster.inventory, &[before, after]);
    let pods = after.cluster();
    let namespaces = subjects(args, cluster);
    let selection = select(&wanted(args, &namespaces), survey.ends(), &cluster.inventory, pods)
        .map_err(Failure::usage)?;
    let changes = survey.changes(&selection);
    let ids: Vec<String> = survey.ends().iter().map(|end| end.name.to_string()).collect();
    let ports = Ports::new(&survey, changes.iter().flat_map(|change| [change.before, change.after]));
    let is_nothing = |id: ProfileId| survey.profile(id).is_empty();
    let whole = |change: &Change, allowed| ConnectionRow {
        from: &ids[change.from],
        to: &ids[change.to],
        family: change.family.map(Family::token),
        allowed: ports.get(allowed),
    };
    let (mut added, mut removed, mut altered) = (Vec::new(), Vec::new(), Vec::new());
    for change in &changes {
        if is_nothing(change.before) {
            added.push(whole(change, change.after));
        } else if is_nothing(change.after) {
            removed.push(whole(change, change.before));
        } else {
            let (old, new) = (survey.profile(change.before), survey.profile(change.after));
            altered.push(ChangeRow {
                from: &ids[change.from],
                to: &ids[change.to],
                family: change.family.map(Family::token),
                before: ports.get(change.before),
                after: ports.get(change.after),
                gained: output::ports(&new.difference(old)),
                lost: output::ports(&old.difference(new)),
            });
        }
    }
    let mut is_used = vec![false; ids.len()];
    changes.iter().flat_map(|change| [change.from, change.to]).for_each(|at| is_used[at] = true);
    let used = survey.ends().iter().zip(is_used).filter(|(_, is_used)| *is_used);
    let report = DifferenceReport {
        api_version: API_VERSION,
        kind: "ReachDifference",
        plugin: plugin.map(Plugin::token),
        nodes: used.map(|(end, _)| end_row(end, pods)).collect(),
        added,
        removed,
        changed: altered,
        objects,
    };
    Ok(output::write_difference(&report, args.output.unwrap_or_default(), out)?)
}

/// The rows of each profile, made once.
struct Ports(BTreeMap<ProfileId, Vec<PortsRow>>);

impl Ports {
    fn new(survey: &Survey, ids: impl Iterator<Item = ProfileId>) -> Self {
        let mut rows = BTreeMap::new();
        for id in ids {
            rows.entry(id).or_insert_with(|| output::ports(survey.profile(id)));
        }
        Ports(rows)
    }

    fn get(&self, id: ProfileId) -> &[PortsRow] {
        self.0.get(&id).map_or(&[], Vec::as_slice)
    }
}

fn end_row(end: &End, pods: &Pods) -> EndRow {
    let names = end.pods.iter().map(|pod| {
        let meta = &pods.pod(*pod).meta;
        format!("{}/{}", meta.namespace, meta.name)
    });
    EndRow {
        id: end.name.to_string(),
        kind: end.kind().to_owned(),
        namespace: end.namespace().map(str::to_owned),
        pods: names.collect(),
        except: match &end.name {
            EndName::External { except, .. } => except.iter().map(ToString::to_string).collect(),
            EndName::Workload(_)
            | EndName::Pod { .. }
            | EndName::Node(_)
            | EndName::ApiServer
            | EndName::Domain(_) => Vec::new(),
        },
    }
}

fn exposure_row(exposure: &Exposure) -> ExposureRow {
    let labelled = exposure.selected.iter().filter_map(|entry| match &entry.from {
        Stranger::Anybody | Stranger::Neighbour(_) => None,
        Stranger::Selected { home, peer } => {
            let text = |selector: &Option<LabelSelector>| {
                selector.as_ref().map_or_else(|| "*".to_owned(), policy::selector)
            };
            Some(LabelledRow {
                namespaces: home.clone().unwrap_or_else(|| text(&peer.namespaces)),
                pods: text(&peer.pods),
                allowed: output::ports(&entry.allowed),
            })
        }
    });
    ExposureRow {
        to: exposure.to.to_string(),
        outside: output::ports(&exposure.outside),
        other_namespaces: output::ports(&exposure.anybody),
        own_namespace: output::ports(&exposure.neighbours),
        labelled: labelled.collect(),
    }
}
