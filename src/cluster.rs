//! The cluster's objects, from files or the kube API: an inventory, today's policies, and what was
//! left out.

mod api;
mod feed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use flowfence_graph::Inventory;
use flowfence_model::object::Object;
use flowfence_model::{ClusterPolicy, NetworkPolicy, NodeId, Remarks};
use flowfence_policy::recommend::MANAGED_BY;
use flowfence_policy::semantics::{Plugin, Rulebook};

use crate::cli::ClusterArgs;
use crate::exit::{Ending, Failure};
use crate::manifest::{Located, Snapshot, read_objects};
use crate::output::safe;

pub use api::ApiReading;
pub use feed::{Feed, Objects};

/// What `--cluster` and `--policies` gave.
#[derive(Clone, Debug, Default)]
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
pub fn load(args: &ClusterArgs) -> Result<Arc<Cluster>, Failure> {
    Feed::open(args, false)?.finish()
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

/// What clap cannot say of `--cluster`.
pub fn refuse_contradiction(args: &ClusterArgs) -> Result<(), Failure> {
    if args.cluster.len() > 1 && args.cluster.iter().any(|path| path.as_os_str() == "none") {
        return Err(Failure::usage("--cluster none cannot stand beside another --cluster"));
    }
    Ok(())
}

impl Cluster {
    fn of_files(args: &ClusterArgs) -> Result<Self, Failure> {
        let none = Path::new("none");
        let mut cluster = Cluster::default();
        let mut moments = Vec::new();
        refuse_contradiction(args)?;
        if !args.cluster.iter().any(|path| path == none) {
            for path in &args.cluster {
                moments.push(cluster.take(path)?);
            }
        }
        cluster.hold(moments);
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
        let known = self.refused.len();
        let objects = self.add(snapshot, &path.display().to_string());
        self.refused[known..].iter().for_each(|problem| left_out(problem));
        Ok(objects)
    }

    /// Notes what was read, and what was not.
    fn add(&mut self, snapshot: Snapshot, from: &str) -> Vec<Object> {
        self.objects += snapshot.objects.len() as u64;
        self.refused.extend(snapshot.problems.iter().map(ToString::to_string));
        if snapshot.further_problems > 0 {
            self.refused.push(format!("{from}: {} more problems", snapshot.further_problems));
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

fn left_out(problem: &str) {
    say!("flowfence: left out: {}", safe::line(problem));
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
