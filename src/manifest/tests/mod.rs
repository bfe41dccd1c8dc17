//! Reading and writing, as tables.

mod identity;
mod kind;
mod kubectl;
mod path;
mod privilege;
mod recovery;
mod refusal;
pub(super) mod roundtrip;
mod spelling;
mod tier;

use flowfence_model::object::Object;

use super::*;

/// The objects of a text that has no problem.
pub(super) fn objects(text: &str) -> Vec<Object> {
    let snapshot = parse_objects(text, "t.yaml");
    assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
    snapshot.objects.into_iter().map(|located| located.item).collect()
}

/// The names and lines of what was read.
pub(super) fn names(snapshot: &Snapshot) -> Vec<(String, usize)> {
    let name = |object: &Object| match object {
        Object::Pod(pod) => pod.meta.name.clone(),
        Object::Namespace(namespace) => namespace.meta.name.clone(),
        Object::Service(service) => service.meta.name.clone(),
        Object::EndpointSlice(slice) => slice.meta.name.clone(),
        Object::Node(node) => node.meta.name.clone(),
        Object::Controller(controller) => controller.meta.name.clone(),
        Object::Ingress(ingress) => ingress.meta.name.clone(),
        Object::NetworkPolicy(policy) => policy.name.clone(),
        Object::ClusterPolicy(policy) => policy.name.clone(),
    };
    snapshot.objects.iter().map(|located| (name(&located.item), located.line)).collect()
}
