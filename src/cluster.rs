//! The cluster's objects, from files or the kube API: an inventory, today's policies, and what was
//! left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flowfence_graph::Inventory;
use flowfence_model::object::Object;
use flowfence_model::{ClusterPolicy, NetworkPolicy, NodeId, Remarks, Timestamp};
use flowfence_policy::recommend::MANAGED_BY;
use flowfence_policy::semantics::{Plugin, Rulebook};

use crate::cli::ClusterArgs;
use crate::exit::{Ending, Failure};
use crate::kube::{Access, Missing, Watch, list};
use crate::manifest::{Located, Snapshot, objects_from_values, read_objects};
use crate::output::safe;

/// What `--cluster` and `--policies` gave.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Objects of all moments.
    pub inventory: Inventory,
    /// The policies in force: those of `--policies` when given, else the cluster's.
    pub policies: Vec<NetworkPolicy>,
    /// The cluster-wide policies in force: those of `--policies` when it holds any, else the
    /// cluster's, since a set of NetworkPolicies is written to stand beside them.
    pub tiers: Vec<ClusterPolicy>,
    /// Where each policy was read, by `NAMESPACE/NAME`, `KIND/NAME` for cluster-wide ones.
    pub places: BTreeMap<String, Place>,
    /// Where each workload's topmost controller, or bare pod, was read, by its node id.
    pub workload_places: BTreeMap<String, Place>,
    /// What was remarked on the spelling of policies.
    pub remarks: Remarks,
    /// Policies of the cluster that an earlier run wrote, `NAMESPACE/NAME`.
    pub ours: BTreeSet<String>,
    /// Objects that were used.
    pub objects: u64,
    /// Objects, documents and files that were refused, with file, line and reason.
    pub refused: Vec<String>,
    /// Objects of kinds that flowfence does not use, by kind.
    pub ignored: BTreeMap<String, u64>,
    /// Whether something of the set that is asked about (`--policies`, `--against`) was refused:
    /// the answer is then that of another set than the user wrote; likewise when a kind could not
    /// be read from the kube API.
    pub is_set_partial: bool,
    /// How it was read, when it comes from the kube API.
    pub api: Option<ApiReading>,
}

/// How objects were read from the kube API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiReading {
    /// The API server.
    pub server: String,
    /// The namespace of the context.
    pub home: String,
    /// The moment that objects are of: now, or when the API server went away.
    pub as_of: Timestamp,
    /// How far its clock is ahead of ours, in whole seconds.
    pub clock_ahead_secs: i64,
    /// How often it was away, or a watch broke.
    pub interruptions: u64,
    /// How often a kind was listed anew.
    pub relists: u64,
    /// Objects that were gone and had to be forgotten.
    pub forgotten: u64,
    /// Kinds that could not be read, with the reason.
    pub missing: Vec<String>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// The line on which the object begins, from 1.
    pub line: usize,
    /// Lines of the fields of a policy, by their path under `spec`.
    pub lines: BTreeMap<String, usize>,
}

impl Place {
    /// The line of a field; that of the nearest field around it, or of the object, when it has
    /// none of its own.
    pub fn line_of(&self, field: &str) -> usize {
        let mut path = field;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            let Some(end) = path.rfind(['.', '[']) else { return self.line };
            path = &path[..end];
        }
    }
}

/// Reads the objects that the arguments name; each `--cluster` is one moment, and without any the
/// kube API is asked.
pub fn load(args: &ClusterArgs) -> Result<Cluster, Failure> {
    match Feed::open(args, false)? {
        Feed::Read(cluster) => Ok(*cluster),
        Feed::Watch(watch) => Cluster::watched(&watch, args),
    }
}

/// Where objects come from while a capture runs.
#[derive(Debug)]
pub enum Feed {
    /// They were read before, and stay as they are.
    Read(Box<Cluster>),
    /// They are followed.
    Watch(Box<Watch>),
}

impl Feed {
    /// Opens what the arguments name; `is_live` when time passes before the objects are needed, so
    /// that what comes and goes in between must be seen.
    pub fn open(args: &ClusterArgs, is_live: bool) -> Result<Self, Failure> {
        if !args.cluster.is_empty() {
            return Ok(Feed::Read(Box::new(Cluster::of_files(args)?)));
        }
        let Some(access) = Access::find(args.kubeconfig.as_deref(), args.context.as_deref())? else {
            return Ok(Feed::Read(Box::new(Cluster::default().with_policies_of(args)?)));
        };
        if is_live {
            return Ok(Feed::Watch(Box::new(Watch::start(access)?)));
        }
        Ok(Feed::Read(Box::new(Cluster::listed(&access, args)?)))
    }

    /// The cluster as it is known by now, with everything that was there since the beginning.
    pub fn now(self, args: &ClusterArgs) -> Result<Cluster, Failure> {
        match self {
            Feed::Read(cluster) => Ok(*cluster),
            Feed::Watch(watch) => Cluster::watched(&watch, args),
        }
    }
}

/// A set of policies for a what-if, and nothing of a cluster. Of two with one name the last
/// counts, as when they are applied.
pub fn load_set(path: &Path) -> Result<Cluster, Failure> {
    let mut cluster = Cluster::default();
    let (mut policies, mut tiers) = (BTreeMap::new(), BTreeMap::new());
    for object in cluster.take(path)? {
        match object {
            Object::NetworkPolicy(policy) => drop(policies.insert(policy.key(), policy)),
            Object::ClusterPolicy(policy) => drop(tiers.insert(policy.key(), policy)),
            _ => {}
        }
    }
    if policies.is_empty() && tiers.is_empty() {
        say!(
            "flowfence: {} holds no policy: without policies everything is allowed",
            safe::line(&path.display().to_string())
        );
    }
    cluster.policies = policies.into_values().collect();
    cluster.tiers = tiers.into_values().collect();
    cluster.is_set_partial = !cluster.refused.is_empty();
    if cluster.is_set_partial {
        say!(
            "flowfence: {} was not used whole, so the answer is that of another set",
            safe::line(&path.display().to_string())
        );
    }
    Ok(cluster)
}

impl Cluster {
    fn of_files(args: &ClusterArgs) -> Result<Self, Failure> {
        let none = Path::new("none");
        let mut cluster = Cluster::default();
        let mut moments = Vec::new();
        if args.cluster.iter().any(|path| path == none) {
            if args.cluster.len() > 1 {
                return Err(Failure::usage("--cluster none cannot stand beside another --cluster"));
            }
        } else {
            for path in &args.cluster {
                moments.push(cluster.take(path)?);
            }
        }
        cluster.hold(moments);
        cluster.with_policies_of(args)
    }

    /// Everything that the API server has now.
    fn listed(access: &Access, args: &ClusterArgs) -> Result<Self, Failure> {
        let listing = list(access)?;
        let mut snapshot = Snapshot::default();
        for objects in &listing.objects {
            snapshot.merge(objects_from_values(objects, "kube API"));
        }
        let reading = ApiReading {
            server: access.server.clone(),
            home: access.namespace.clone(),
            as_of: access.now(),
            clock_ahead_secs: access.clock_ahead_secs,
            interruptions: 0,
            relists: 0,
            forgotten: 0,
            missing: listing.missing.iter().map(Missing::to_string).collect(),
        };
        Cluster::of_api(snapshot, reading, args)
    }

    /// Everything that was there since a watch began.
    pub fn watched(watch: &Watch, args: &ClusterArgs) -> Result<Self, Failure> {
        let (status, access) = (watch.status(), watch.access());
        let reading = ApiReading {
            server: access.server.clone(),
            home: access.namespace.clone(),
            as_of: status.away_since.unwrap_or_else(|| access.now()),
            clock_ahead_secs: access.clock_ahead_secs,
            interruptions: status.interruptions,
            relists: status.relists,
            forgotten: watch.forgotten(),
            missing: status.missing.iter().map(Missing::to_string).collect(),
        };
        if let (Some(since), Some(error)) = (status.away_since, &status.last_error) {
            say!("flowfence: names and labels as of {since}: the kube API is away since ({})", safe::line(error));
        }
        Cluster::of_api(watch.snapshot(), reading, args)
    }

    fn of_api(snapshot: Snapshot, reading: ApiReading, args: &ClusterArgs) -> Result<Self, Failure> {
        let mut cluster = Cluster::default();
        for missing in &reading.missing {
            say!("flowfence: left out: {}", safe::line(missing));
        }
        let objects = cluster.add(snapshot, "kube API");
        // Where an object stands in the API no file and line can tell.
        cluster.places.clear();
        cluster.workload_places.clear();
        cluster.is_set_partial = !reading.missing.is_empty();
        cluster.api = Some(reading);
        cluster.hold(vec![objects]);
        cluster.with_policies_of(args)
    }

    fn hold(&mut self, moments: Vec<Vec<Object>>) {
        self.inventory = Inventory::new(moments);
        self.policies = self.inventory.policies().to_vec();
        self.tiers = self.inventory.cluster_policies().to_vec();
    }

    /// The same with the policies of `--policies`, when it is given.
    fn with_policies_of(mut self, args: &ClusterArgs) -> Result<Self, Failure> {
        let Some(path) = &args.policies else { return Ok(self) };
        let set = load_set(path)?;
        self.policies = set.policies;
        if !set.tiers.is_empty() {
            self.tiers = set.tiers;
            self.inventory = self.inventory.with_cluster_policies(self.tiers.clone());
        }
        self.places.retain(|key, _| self.tiers.iter().any(|policy| policy.key() == *key));
        self.places.extend(set.places);
        self.remarks.retain(|key, _| self.tiers.iter().any(|policy| policy.key() == *key));
        self.remarks.extend(set.remarks);
        self.ours = set.ours;
        self.objects += set.objects;
        self.refused.extend(set.refused);
        for (kind, count) in set.ignored {
            *self.ignored.entry(kind).or_default() += count;
        }
        self.is_set_partial |= set.is_set_partial;
        Ok(self)
    }

    /// The namespaces whose workloads are subjects: those that were named, else the context's when
    /// the objects come from the kube API, as kubectl has it; none stands for all.
    pub fn subjects(&self, named: &[String], is_all: bool) -> Vec<String> {
        match &self.api {
            Some(api) if named.is_empty() && !is_all => vec![api.home.clone()],
            _ => named.to_vec(),
        }
    }

    /// The policies in force, as a plugin reads them.
    pub fn rules(&self, plugin: Option<Plugin>) -> Rulebook<'_> {
        Rulebook { policies: &self.policies, tiers: &self.tiers, plugin }
    }

    /// How a run ends that answered from this alone.
    pub fn ending(&self) -> Ending {
        if self.is_set_partial { Ending::Partial } else { Ending::Clean }
    }

    /// Reads one path; an error when nothing of it could be used although something is there.
    fn take(&mut self, path: &Path) -> Result<Vec<Object>, Failure> {
        let snapshot = read_objects(path).map_err(Failure::unreadable)?;
        if snapshot.objects.is_empty() && (snapshot.has_errors() || !snapshot.ignored_kinds.is_empty()) {
            return Err(Failure::unreadable(nothing_usable(path, &snapshot)));
        }
        Ok(self.add(snapshot, &path.display().to_string()))
    }

    /// Notes what was read, and what was not.
    fn add(&mut self, snapshot: Snapshot, from: &str) -> Vec<Object> {
        self.objects += snapshot.objects.len() as u64;
        let known = self.refused.len();
        self.refused.extend(snapshot.problems.iter().map(ToString::to_string));
        if snapshot.further_problems > 0 {
            self.refused.push(format!("{from}: {} more problems", snapshot.further_problems));
        }
        for problem in &self.refused[known..] {
            say!("flowfence: left out: {}", safe::line(problem));
        }
        for (kind, count) in snapshot.ignored_kinds {
            *self.ignored.entry(kind).or_default() += count;
        }
        for Located { item, file, line, managed_by, spelling } in &snapshot.objects {
            let place = || Place { file: file.to_string(), line: *line, lines: spelling.lines.clone() };
            let key = match item {
                Object::NetworkPolicy(policy) => policy.key(),
                Object::ClusterPolicy(policy) => policy.key(),
                other => {
                    if let Some(id) = workload(other) {
                        self.workload_places.insert(id, place());
                    }
                    continue;
                }
            };
            if managed_by.as_deref() == Some(MANAGED_BY.1) {
                self.ours.insert(key.clone());
            }
            self.remarks.remove(&key);
            if !spelling.remarks.is_empty() {
                self.remarks.insert(key.clone(), spelling.remarks.clone());
            }
            self.places.insert(key, place());
        }
        snapshot.objects.into_iter().map(|located| located.item).collect()
    }
}

/// The id of a workload whose own object this is: a controller or pod without an owner.
fn workload(object: &Object) -> Option<String> {
    let (kind, meta) = match object {
        Object::Controller(controller) => (controller.kind.as_str(), &controller.meta),
        Object::Pod(pod) => ("Pod", &pod.meta),
        _ => return None,
    };
    meta.owner.is_none().then(|| NodeId::workload(&meta.namespace, kind, &meta.name).to_string())
}

fn nothing_usable(path: &Path, snapshot: &Snapshot) -> String {
    let only_others = || {
        let kinds: Vec<&str> = snapshot.ignored_kinds.keys().map(String::as_str).collect();
        format!("only kinds that flowfence does not use: {}", kinds.join(", "))
    };
    let reason = snapshot.problems.first().map_or_else(only_others, ToString::to_string);
    format!(
        "{}: no usable object ({reason}); give what `kubectl get pods,services,… -A -o yaml` prints",
        path.display()
    )
}
