//! Workload controllers.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::object::{Controller, Object, Schedule};
use flowfence_model::{LabelSelector, Requirement};
use serde::Deserialize;

use super::container::RawPodSpec;
use crate::manifest::metadata::{RawMeta, or_default};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw<S: Default> {
    kind: String,
    #[serde(deserialize_with = "or_default", bound(deserialize = "S: Deserialize<'de>"))]
    spec: S,
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawSpec {
    #[serde(deserialize_with = "or_default")]
    template: RawTemplate,
    replicas: Option<i64>,
    selector: Option<RawSelector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawReplicationSpec {
    #[serde(deserialize_with = "or_default")]
    template: RawTemplate,
    replicas: Option<i64>,
    selector: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawCronSpec {
    #[serde(deserialize_with = "or_default")]
    job_template: RawJobTemplate,
    schedule: Option<String>,
    time_zone: Option<String>,
    #[serde(deserialize_with = "or_default")]
    suspend: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawJobTemplate {
    #[serde(deserialize_with = "or_default")]
    spec: RawSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawTemplate {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    spec: RawPodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSelector {
    #[serde(deserialize_with = "or_default")]
    match_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    match_expressions: Vec<RawRequirement>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawRequirement {
    key: String,
    operator: String,
    #[serde(deserialize_with = "or_default")]
    values: BTreeSet<String>,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    let raw: Raw<RawSpec> = source.parse_lean()?;
    let selector = raw.spec.selector.map(LabelSelector::try_from).transpose()?;
    let made = controller(raw.kind, raw.metadata, &raw.spec.template)?;
    Ok(vec![Object::Controller(Controller { selector, replicas: replicas(raw.spec.replicas), ..made })])
}

pub(super) fn read_replication(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    let raw: Raw<RawReplicationSpec> = source.parse_lean()?;
    let selector = raw.spec.selector.map(LabelSelector::labels);
    let made = controller(raw.kind, raw.metadata, &raw.spec.template)?;
    Ok(vec![Object::Controller(Controller { selector, replicas: replicas(raw.spec.replicas), ..made })])
}

pub(super) fn read_cron(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    let raw: Raw<RawCronSpec> = source.parse_lean()?;
    let RawCronSpec { job_template, schedule, time_zone, suspend } = raw.spec;
    let schedule = schedule.filter(|cron| !cron.is_empty()).map(|cron| Schedule {
        cron,
        time_zone: time_zone.filter(|zone| !zone.is_empty()),
        suspended: suspend,
    });
    let made = controller(raw.kind, raw.metadata, &job_template.spec.template)?;
    Ok(vec![Object::Controller(Controller { schedule, ..made })])
}

fn replicas(said: Option<i64>) -> Option<u32> {
    said.and_then(|count| u32::try_from(count).ok())
}

/// What every kind has.
fn controller(kind: String, metadata: RawMeta, template: &RawTemplate) -> Result<Controller, Refusal> {
    Ok(Controller {
        meta: metadata.namespaced()?,
        kind,
        template_ports: template.spec.ports()?,
        host_network: template.spec.host_network,
        privileges: template.spec.privileges(),
        template_labels: template.metadata.labels.clone(),
        ..Controller::default()
    })
}

impl TryFrom<RawSelector> for LabelSelector {
    type Error = Refusal;

    fn try_from(raw: RawSelector) -> Result<Self, Refusal> {
        let requirements = raw.match_expressions.into_iter().map(|raw| match &*raw.operator {
            "In" => Ok(Requirement::In(raw.key, raw.values)),
            "NotIn" => Ok(Requirement::NotIn(raw.key, raw.values)),
            "Exists" => Ok(Requirement::Exists(raw.key)),
            "DoesNotExist" => Ok(Requirement::DoesNotExist(raw.key)),
            other => Err(Refusal::field(
                "spec.selector.matchExpressions.operator",
                format!("{other:?} is not a valid selector operator"),
            )),
        });
        Ok(LabelSelector {
            match_labels: raw.match_labels,
            match_expressions: requirements.collect::<Result<_, _>>()?,
        })
    }
}
