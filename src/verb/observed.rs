//! What every verb that looks at traffic begins with.

use std::sync::{Arc, OnceLock};

use flowfence_graph::crew::Crew as _;
use flowfence_graph::{Contact, Facts, Inventory, attribute_by, objects_of};
use flowfence_model::logged::Logged;
use flowfence_model::object::{Namespace, Object, Pod};
use flowfence_policy::decision::Decisions;
use flowfence_policy::judge::{Judgement, Prepared, judge_by, judge_prepared};
use flowfence_policy::semantics::Plugin;

use crate::cli::{ClusterArgs, InputArgs, JudgeArgs};
use crate::cluster::{self, Cluster, Feed};
use crate::exit::{Ending, Failure};
use crate::hands::Hands;
use crate::manifest::is_possible;
use crate::output::completeness::CompletenessReport;
use crate::output::safe;
use crate::source::{Sources, Traffic};

/// Traffic, attributed, beside the cluster that it was attributed with.
#[derive(Debug)]
pub struct Observed {
    /// Who talked to whom.
    pub facts: Facts,
    /// The cluster's objects.
    pub cluster: Arc<Cluster>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
    /// Whether more was lost than the user allows, or an input could not be used.
    pub is_partial: bool,
    /// What works on it.
    pub hands: Hands,
    /// Its policies, once they were asked for.
    prepared: OnceLock<Prepared>,
}

/// Reads traffic and objects, and says on stderr what a person must know before the result.
pub fn observe(args: &InputArgs) -> Result<Observed, Failure> {
    observe_beside(args, &args.cluster)
}

/// The same, beside other objects than the arguments name.
pub fn observe_beside(args: &InputArgs, objects: &ClusterArgs) -> Result<Observed, Failure> {
    cluster::refuse_contradiction(objects)?;
    let (traffic, mut cluster) = read(Sources::open(args)?, objects, args.jobs())?;
    take_from_logs(&mut cluster, &traffic.recording.logged);
    say_if_nobody_is_known(&cluster, objects);
    let hands = Hands(args.jobs());
    let facts = attribute_by(traffic.recording, &cluster.inventory, &hands);
    let is_known = |c: &Contact| c.from.id.is_workload() || c.to.id.is_workload();
    if !cluster.inventory.is_empty() && !facts.contacts.is_empty() && !facts.contacts.iter().any(is_known) {
        say!(
            "flowfence: no address of the capture belongs to a pod of the cluster that was given: are both \
             of the same cluster and time?"
        );
    }
    let completeness = CompletenessReport::new(&facts.completeness, &cluster);
    for problem in &traffic.unusable {
        say!("flowfence: left out: {}", safe::line(problem));
    }
    let too_much = completeness.loss > args.bounds.allow_loss;
    if too_much {
        say!(
            "flowfence: {:.2} % of the packets and flows were lost, more than --allow-loss {:.2} %: see completeness",
            completeness.loss * 100.0,
            args.bounds.allow_loss * 100.0
        );
    }
    let is_partial = too_much || !traffic.unusable.is_empty() || cluster.is_set_partial;
    Ok(Observed::new(facts, cluster, completeness, is_partial, hands))
}

/// Traffic and objects: files of both at once, unless only one may be read at a time.
fn read(sources: Sources, objects: &ClusterArgs, jobs: usize) -> Result<(Traffic, Arc<Cluster>), Failure> {
    if sources.take_time() || jobs < 2 {
        let feed = Arc::new(Feed::open(objects, sources.take_time())?);
        let traffic = sources.read(Some(feed.objects()))?;
        return Ok((traffic, feed.finish()?));
    }
    // What is wrong with the objects is said at once, and nobody waits for the traffic then.
    let reading = std::thread::Builder::new().name("sources".to_owned()).spawn(move || sources.read(None))?;
    let feed = Feed::open(objects, false)?;
    let traffic =
        reading.join().map_err(|_| Failure::unreadable("the reading of the sources broke down"))??;
    Ok((traffic, feed.finish()?))
}

/// Where no objects are known, flow logs that name pods stand in for them.
fn take_from_logs(cluster: &mut Arc<Cluster>, logged: &Logged) {
    if !cluster.inventory.is_empty() || logged.is_empty() {
        return;
    }
    let (objects, odd): (Vec<Object>, Vec<Object>) =
        objects_of(logged).into_iter().partition(|object| match object {
            Object::Pod(Pod { meta, .. }) | Object::Namespace(Namespace { meta, .. }) => is_possible(meta),
            _ => true,
        });
    let pods =
        || odd.iter().filter_map(|object| if let Object::Pod(pod) = object { Some(pod) } else { None });
    if let Some(Pod { meta, .. }) = pods().next() {
        let (name, n) = (safe::line(&format!("{}/{}", meta.namespace, meta.name)), pods().count());
        say!(
            "flowfence: {n} pods of the flow logs are left out, for no API server holds such a namespace or labels: {name}"
        );
    }
    let inventory = Inventory::new(vec![objects]);
    if inventory.is_empty() {
        return;
    }
    say!(
        "flowfence: no objects are given: pods, labels and namespaces are those that the flow logs name. What they \
         do not name is not known: other pods, ports of services, and labels that are no part of an identity"
    );
    Arc::make_mut(cluster).inventory = inventory;
}

fn say_if_nobody_is_known(cluster: &Cluster, objects: &ClusterArgs) {
    if !cluster.inventory.is_empty() {
        return;
    }
    if objects.cluster.is_empty() && cluster.api.is_none() {
        say!(
            "flowfence: no --cluster given, and no kubeconfig: addresses stay addresses (give objects from \
             `kubectl get … -A -o yaml`, or --cluster none)"
        );
    } else if cluster.objects == 0 && objects.cluster.iter().all(|p| p.as_os_str() != "none") {
        say!("flowfence: the cluster is empty: no object names an address");
    }
}

impl Observed {
    /// Facts and objects, of which nothing was asked yet.
    pub fn new(
        facts: Facts,
        cluster: Arc<Cluster>,
        completeness: CompletenessReport,
        is_partial: bool,
        hands: Hands,
    ) -> Self {
        Observed { facts, cluster, completeness, is_partial, hands, prepared: OnceLock::new() }
    }

    /// Today's policies over the pods, compiled once.
    pub fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| Prepared::new(&self.cluster.inventory, &self.cluster.rules(None)))
    }

    /// Judges every contact by today's policies and what people decided.
    pub fn judge(&self, decisions: &Decisions) -> Judgement {
        // Neither needs the other.
        self.hands.each(2, &|part| match part {
            0 => drop(self.prepared()),
            _ => drop(self.facts.numbering()),
        });
        judge_prepared(&self.facts, &self.cluster.inventory, self.prepared(), decisions, &self.hands)
    }

    /// Likewise, as a plugin reads the policies.
    pub fn judge_with(&self, decisions: &Decisions, plugin: Option<Plugin>) -> Judgement {
        judge_by(&self.facts, &self.cluster.inventory, &self.cluster.rules(plugin), decisions)
    }

    /// The namespaces whose workloads are subjects; none stands for all.
    pub fn subjects(&self, judge: &JudgeArgs) -> Vec<String> {
        self.cluster.subjects(&judge.namespaces, judge.all_namespaces)
    }

    /// How a run over this ends when nothing else is the matter.
    pub fn ending(&self) -> Ending {
        if self.is_partial { Ending::Partial } else { Ending::Clean }
    }
}
