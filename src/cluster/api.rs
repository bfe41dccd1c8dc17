//! A cluster that was read from the kube API.

use flowfence_model::Timestamp;

use super::{Cluster, left_out};
use crate::cli::ClusterArgs;
use crate::exit::Failure;
use crate::kube::{self, Access, Missing, Watch, list};
use crate::manifest::Snapshot;
use crate::output::safe;

/// How objects were read from the kube API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiReading {
    /// The API server.
    pub server: String,
    /// The namespace of the context.
    pub home: String,
    /// The moment that objects are of: now, or when some kind could be followed no more.
    pub as_of: Timestamp,
    /// Why they are not of now.
    pub stale: Option<String>,
    /// How far its clock is ahead of ours, in whole seconds; 0 up to two, which cannot be told from none.
    pub clock_ahead_secs: i64,
    /// How often a kind could not be followed any more.
    pub interruptions: u64,
    /// How often a kind was listed anew.
    pub relists: u64,
    /// Objects that were gone and had to be forgotten.
    pub forgotten: u64,
    /// Kinds that could not be read, with the reason.
    pub missing: Vec<String>,
}

impl Cluster {
    /// Everything that the API server has now.
    pub(super) fn listed(access: &Access, args: &ClusterArgs) -> Result<Self, Failure> {
        let listing = list(access)?;
        let mut snapshot = Snapshot::default();
        for objects in &listing.objects {
            snapshot.merge(kube::read(objects));
        }
        let reading = ApiReading {
            server: access.server.clone(),
            home: access.namespace.clone(),
            as_of: access.clock.theirs(),
            stale: None,
            clock_ahead_secs: access.clock.ahead_secs(),
            interruptions: 0,
            relists: 0,
            forgotten: 0,
            missing: listing.missing.iter().map(Missing::to_string).collect(),
        };
        Cluster::of_api(snapshot, reading, args)
    }

    /// Everything that was there since a watch began.
    pub(super) fn watched(watch: &Watch, args: &ClusterArgs) -> Result<Self, Failure> {
        let (status, access) = (watch.status(), watch.access());
        let reading = ApiReading {
            server: access.server.clone(),
            home: access.namespace.clone(),
            as_of: status.as_of(),
            stale: status.stale.map(|(_, why)| why),
            clock_ahead_secs: access.clock.ahead_secs(),
            interruptions: status.interruptions,
            relists: status.relists,
            forgotten: watch.forgotten(),
            missing: status.missing.iter().map(Missing::to_string).collect(),
        };
        Cluster::of_api(watch.snapshot(), reading, args)
    }

    fn of_api(snapshot: Snapshot, reading: ApiReading, args: &ClusterArgs) -> Result<Self, Failure> {
        let mut cluster = Cluster::default();
        let objects = cluster.add(snapshot, "kube API");
        // Where an object stands in the API no file and line can tell.
        cluster.places.clear();
        cluster.workload_places.clear();
        cluster.is_set_partial = !reading.missing.is_empty();
        cluster.api = Some(reading);
        cluster.hold(vec![objects]);
        cluster.with_policies_of(args)
    }

    /// Says what a person must know of the reading.
    pub(super) fn tell(&self) {
        let Some(api) = &self.api else { return };
        api.missing.iter().for_each(|problem| left_out(problem));
        self.refused.iter().for_each(|problem| left_out(problem));
        let ahead = api.clock_ahead_secs;
        if ahead != 0 {
            let which = if ahead > 0 { "ahead of" } else { "behind" };
            say!(
                "flowfence: the clock of the API server is {} s {which} this machine's",
                ahead.unsigned_abs()
            );
        }
        if let Some(why) = &api.stale {
            say!("flowfence: names and labels as of {}: {}", api.as_of, safe::line(why));
        }
        if api.forgotten > 0 {
            say!(
                "flowfence: {} objects that were gone had to be forgotten: watch for a shorter time",
                api.forgotten
            );
        }
    }

    /// The namespaces whose workloads are subjects: those that were named, else the context's when
    /// the objects come from the kube API, as kubectl has it; none stands for all.
    pub fn subjects(&self, named: &[String], is_all: bool) -> Vec<String> {
        match &self.api {
            Some(api) if named.is_empty() && !is_all => vec![api.home.clone()],
            _ => named.to_vec(),
        }
    }
}
