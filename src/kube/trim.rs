//! The fields of an object that are read, and nothing else of it.
//!
//! A list of what is kept, not of what is left out: environment values, commands, annotations but those of owners,
//! managed fields and whatever the API may grow are left out because nobody names them.

use flowfence_model::label::{MAX_OWNER, is_owner_annotation};
use serde_json::{Map, Value};

use super::resource::Resource;

/// Paths of fields; a list on the way is passed through, `.*` keeps everything below.
pub type Fields = &'static [&'static str];

/// Metadata of every kind.
pub const METADATA: Fields = &[
    "metadata.namespace",
    "metadata.name",
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.labels.*",
    "metadata.ownerReferences.*",
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
];

/// `spec`, whole.
pub const SPEC: Fields = &["spec.*"];

/// Nodes.
pub const NODE: Fields = &["spec.podCIDR", "spec.podCIDRs", "status.addresses.*"];

/// Services.
pub const SERVICE: Fields = &[
    "spec.type",
    "spec.clusterIP",
    "spec.clusterIPs",
    "spec.externalIPs",
    "spec.ports.*",
    "spec.selector.*",
    "status.loadBalancer.ingress.ip",
];

/// Endpoint slices.
pub const ENDPOINT_SLICE: Fields = &["addressType", "endpoints.addresses", "ports.*"];

macro_rules! pod_spec {
    ($at:literal $(, $more:literal)*) => {
        &[
            concat!($at, "hostNetwork"),
            concat!($at, "hostPID"),
            concat!($at, "hostIPC"),
            concat!($at, "automountServiceAccountToken"),
            concat!($at, "volumes.name"),
            concat!($at, "volumes.hostPath.type"),
            concat!($at, "volumes.projected.sources.serviceAccountToken.path"),
            concat!($at, "containers.securityContext.privileged"),
            concat!($at, "containers.securityContext.capabilities.add"),
            concat!($at, "initContainers.securityContext.privileged"),
            concat!($at, "initContainers.securityContext.capabilities.add"),
            concat!($at, "containers.name"),
            concat!($at, "containers.ports.*"),
            concat!($at, "containers.livenessProbe.httpGet.port"),
            concat!($at, "containers.livenessProbe.httpGet.host"),
            concat!($at, "containers.livenessProbe.tcpSocket.*"),
            concat!($at, "containers.livenessProbe.grpc.port"),
            concat!($at, "containers.readinessProbe.httpGet.port"),
            concat!($at, "containers.readinessProbe.httpGet.host"),
            concat!($at, "containers.readinessProbe.tcpSocket.*"),
            concat!($at, "containers.readinessProbe.grpc.port"),
            concat!($at, "containers.startupProbe.httpGet.port"),
            concat!($at, "containers.startupProbe.httpGet.host"),
            concat!($at, "containers.startupProbe.tcpSocket.*"),
            concat!($at, "containers.startupProbe.grpc.port"),
            concat!($at, "initContainers.name"),
            concat!($at, "initContainers.ports.*"),
            concat!($at, "initContainers.restartPolicy"),
            concat!($at, "initContainers.livenessProbe.httpGet.port"),
            concat!($at, "initContainers.livenessProbe.httpGet.host"),
            concat!($at, "initContainers.livenessProbe.tcpSocket.*"),
            concat!($at, "initContainers.livenessProbe.grpc.port"),
            concat!($at, "initContainers.readinessProbe.httpGet.port"),
            concat!($at, "initContainers.readinessProbe.httpGet.host"),
            concat!($at, "initContainers.readinessProbe.tcpSocket.*"),
            concat!($at, "initContainers.readinessProbe.grpc.port"),
            concat!($at, "initContainers.startupProbe.httpGet.port"),
            concat!($at, "initContainers.startupProbe.httpGet.host"),
            concat!($at, "initContainers.startupProbe.tcpSocket.*"),
            concat!($at, "initContainers.startupProbe.grpc.port"),
            $($more),*
        ]
    };
}

/// Pods.
pub const POD: Fields = pod_spec!(
    "spec.",
    "spec.nodeName",
    "status.phase",
    "status.podIP",
    "status.podIPs.*",
    "status.startTime",
    "status.containerStatuses.state.running.startedAt",
    "status.containerStatuses.state.terminated.startedAt",
    "status.containerStatuses.state.terminated.finishedAt"
);

/// Controllers with a pod template.
pub const CONTROLLER: Fields =
    pod_spec!("spec.template.spec.", "spec.replicas", "spec.selector.*", "spec.template.metadata.labels.*");

/// Ingresses.
pub const INGRESS: Fields =
    &["spec.defaultBackend.service.name", "spec.rules.http.paths.backend.service.name"];

/// Cron jobs.
pub const CRON_JOB: Fields = pod_spec!(
    "spec.jobTemplate.spec.template.spec.",
    "spec.schedule",
    "spec.timeZone",
    "spec.suspend",
    "spec.jobTemplate.spec.template.metadata.labels.*"
);

/// The object with the fields that are read, under its `apiVersion` and `kind`.
pub fn trim(object: &Value, resource: &Resource) -> Value {
    let mut kept = Map::new();
    let api_version = resource.api().api_version;
    kept.insert("apiVersion".to_owned(), Value::String(api_version));
    kept.insert("kind".to_owned(), Value::String(resource.kind.to_owned()));
    let mut kept = Value::Object(kept);
    for field in resource.all_fields() {
        let path: Vec<&str> = field.split('.').collect();
        copy(object, &mut kept, &path);
    }
    copy_owners(object, &mut kept);
    kept
}

/// Copies the annotations that may say whose the object is. Their keys have dots, so they are no path.
fn copy_owners(from: &Value, to: &mut Value) {
    let Some(Value::Object(all)) = from.pointer("/metadata/annotations") else { return };
    let is_kept = |(key, value): &(&String, &Value)| {
        is_owner_annotation(key) && value.as_str().is_some_and(|text| text.len() <= MAX_OWNER)
    };
    let kept: Map<String, Value> =
        all.iter().filter(is_kept).map(|(key, value)| (key.clone(), value.clone())).collect();
    if let Some(Value::Object(metadata)) = to.get_mut("metadata").filter(|_| !kept.is_empty()) {
        metadata.insert("annotations".to_owned(), Value::Object(kept));
    }
}

/// Copies what lies at `path`, and makes the objects and lists on the way.
fn copy(from: &Value, to: &mut Value, path: &[&str]) {
    match from {
        Value::Array(items) => {
            if !to.is_array() {
                *to = Value::Array(vec![Value::Null; items.len()]);
            }
            let Value::Array(kept) = to else { return };
            for (item, kept) in items.iter().zip(kept) {
                if let ([] | ["*"], _) | (_, Value::String(_) | Value::Number(_) | Value::Bool(_)) =
                    (path, item)
                {
                    *kept = item.clone();
                } else {
                    copy(item, kept, path);
                }
            }
        }
        Value::Object(map) => {
            let [name, rest @ ..] = path else { return };
            if *name == "*" {
                *to = from.clone();
                return;
            }
            if to.is_null() {
                *to = Value::Object(Map::new());
            }
            let (Some(value), Value::Object(kept)) = (map.get(*name), to) else { return };
            if rest.is_empty() && !value.is_object() {
                kept.insert((*name).to_owned(), value.clone());
            } else if !rest.is_empty() {
                copy(value, kept.entry(*name).or_insert(Value::Null), rest);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource::RESOURCES;
    use super::*;
    use serde_json::json;

    fn pod() -> &'static Resource {
        RESOURCES.iter().find(|resource| resource.kind == "Pod").expect("pods are in the table")
    }

    #[test]
    fn nothing_secret_is_kept_of_a_pod() {
        let object = json!({
            "metadata": {"name": "a", "namespace": "b", "annotations": {"token": "S1"}, "managedFields": [{"x": "S2"}]},
            "spec": {
                "nodeName": "n",
                "containers": [{
                    "name": "c", "command": ["S3"], "args": ["S4"], "env": [{"name": "P", "value": "S5"}],
                    "ports": [{"containerPort": 80}],
                    "readinessProbe": {"httpGet": {"port": 80, "path": "/S6", "httpHeaders": [{"value": "S7"}]}},
                    "livenessProbe": {"exec": {"command": ["S8"]}}
                }]
            },
            "status": {"podIPs": [{"ip": "10.0.0.1"}], "phase": "Running",
                "containerStatuses": [{"state": {"terminated": {"finishedAt": "t", "message": "S9"}}}]}
        });
        let kept = trim(&object, pod());
        let text = kept.to_string();
        assert!((1..=9).all(|n| !text.contains(&format!("S{n}"))), "{text}");
        assert_eq!(kept["spec"]["containers"][0]["readinessProbe"]["httpGet"], json!({"port": 80}));
        assert_eq!(kept["status"]["podIPs"], json!([{"ip": "10.0.0.1"}]));
    }

    #[test]
    fn of_annotations_those_of_owners_are_kept_and_of_volumes_what_they_grant() {
        let object = json!({
            "metadata": {"name": "a", "annotations": {"a8r.io/owner": "ann", "note": "S1", "team": 5}},
            "spec": {
                "volumes": [
                    {"name": "v", "hostPath": {"path": "/S2"}},
                    {"name": "s", "secret": {"secretName": "S3"}},
                    {"name": "t", "projected": {"sources": [
                        {"configMap": {"name": "S4"}}, {"serviceAccountToken": {"path": "token"}}
                    ]}}
                ],
                "containers": [{"name": "c", "securityContext": {"runAsUser": 7, "capabilities": {"add": ["NET_RAW"]}}}]
            }
        });
        let kept = trim(&object, pod());
        let text = kept.to_string();
        assert!((1..=4).all(|n| !text.contains(&format!("S{n}"))), "{text}");
        assert_eq!(kept["metadata"]["annotations"], json!({"a8r.io/owner": "ann"}));
        let read = crate::manifest::objects_from_values([&kept], "test").objects.remove(0).item;
        let flowfence_model::object::Object::Pod(read) = read else { panic!("a pod") };
        let granted: Vec<String> = read.privileges.iter().map(ToString::to_string).collect();
        assert_eq!(granted, ["hostPath", "service account token", "capability NET_RAW"]);
    }

    #[test]
    fn every_kind_of_the_table_is_read_by_a_reader() {
        for resource in RESOURCES {
            let object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"podSelector": {}}});
            let kept = trim(&object, resource);
            let read = crate::manifest::objects_from_values([&kept], "test");
            assert_eq!(read.ignored_kinds.len(), 0, "{}", resource.kind);
        }
    }
}
