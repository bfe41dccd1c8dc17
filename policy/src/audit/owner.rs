//! Who should look at a finding: what annotations and labels of its workload say.
//!
//! ```text
//! names of people   those that were asked for, then KEYS ─┐  of the workload's controller,
//! names of a whole  then WEAK                             ┴▶ its pods, its namespace;  an annotation before a label
//! ```
//!
//! A name of people on a namespace counts more than the name of an application on a workload.

use std::collections::BTreeSet;

use flowfence_graph::{Inventory, Workload};
use flowfence_model::{Labels, NodeId};

use super::settings::Settings;

/// Keys that name people or teams, the first that is there counts.
pub const KEYS: &[&str] = &[
    "a8r.io/owner",
    "backstage.io/owner",
    "owner",
    "team",
    "app.kubernetes.io/owner",
    "app.kubernetes.io/team",
    "squad",
    "a8r.io/contact",
    "backstage.io/kubernetes-id",
];

/// Keys that name what a workload belongs to, or what manages it: better than nobody.
pub const WEAK: &[&str] = &["app.kubernetes.io/part-of", "app.kubernetes.io/managed-by"];

/// Who should look, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// As it is written there.
    pub name: String,
    /// `annotation a8r.io/owner of namespace shop`.
    pub from: String,
}

/// A thing that may say whose it is.
struct Said<'a> {
    annotations: &'a Labels,
    labels: &'a Labels,
    what: String,
}

/// The owner of the first of `workloads` that has one, else of the first of `namespaces`.
pub(super) fn of(
    inventory: &Inventory,
    settings: &Settings,
    workloads: &BTreeSet<NodeId>,
    namespaces: &BTreeSet<&str>,
) -> Option<Owner> {
    let asked: Vec<&str> =
        settings.owner_labels.iter().map(String::as_str).chain(KEYS.iter().copied()).collect();
    let of_workloads = workloads.iter().map(|id| {
        let own = inventory.workload(id).map(|workload| of_workload(inventory, workload)).unwrap_or_default();
        let home = id.namespace().and_then(|name| of_namespace(inventory, name));
        own.into_iter().chain(home).collect::<Vec<_>>()
    });
    let of_namespaces = namespaces.iter().map(|name| of_namespace(inventory, name).into_iter().collect());
    let mut all = of_workloads.chain(of_namespaces);
    all.find_map(|places| find(&places, &asked).or_else(|| find(&places, WEAK)))
}

fn find(places: &[Said<'_>], keys: &[&str]) -> Option<Owner> {
    places.iter().find_map(|place| {
        keys.iter().find_map(|key| {
            let of = |kind: &str, map: &Labels| {
                let name = map.get(*key).map(|name| name.trim()).filter(|name| !name.is_empty())?;
                Some(Owner { name: name.to_owned(), from: format!("{kind} {key} of {}", place.what) })
            };
            of("annotation", place.annotations).or_else(|| of("label", place.labels))
        })
    })
}

/// The controller, then what all of its pods are labelled with: the first pod speaks for them.
fn of_workload<'a>(inventory: &'a Inventory, workload: &'a Workload) -> Vec<Said<'a>> {
    let own =
        Said { annotations: &workload.annotations, labels: &workload.labels, what: workload.id.to_string() };
    let pod = workload.pods.last().and_then(|at| inventory.pods().get(*at)).map(|known| &known.pod.meta);
    let pod = pod.map(|meta| Said {
        annotations: &meta.annotations,
        labels: &meta.labels,
        what: format!("pod {}/{}", meta.namespace, meta.name),
    });
    [own].into_iter().chain(pod).collect()
}

fn of_namespace<'a>(inventory: &'a Inventory, name: &str) -> Option<Said<'a>> {
    let meta = &inventory.namespaces().get(name)?.meta;
    Some(Said { annotations: &meta.annotations, labels: &meta.labels, what: format!("namespace {name}") })
}

#[cfg(test)]
mod tests {
    use flowfence_model::object::{Namespace, Object};

    use super::*;
    use crate::judge::testing::{World, labels, workload};

    fn owner(change: impl FnOnce(&mut World), settings: &Settings) -> Option<(String, String)> {
        let mut world = World::new();
        world.deployment("shop/web", "app=web", 1);
        change(&mut world);
        let seen = world.seen();
        let id = workload("shop/Deployment/web");
        of(&seen.inventory, settings, &[id].into(), &BTreeSet::new()).map(|owner| (owner.name, owner.from))
    }

    fn namespace(world: &mut World, text: &str, annotations: &str) {
        let mut namespace = Namespace::default();
        namespace.meta.name = "shop".to_owned();
        namespace.meta.labels = labels(text);
        namespace.meta.annotations = labels(annotations);
        world.objects.push(Object::Namespace(namespace));
    }

    fn controller(world: &mut World) -> &mut flowfence_model::object::Controller {
        let found = world.objects.iter_mut().find_map(|object| match object {
            Object::Controller(controller) => Some(controller),
            _ => None,
        });
        found.unwrap()
    }

    fn told(name: &str, from: &str) -> (String, String) {
        (name.to_owned(), from.to_owned())
    }

    #[test]
    fn the_controller_comes_before_its_pods_and_these_before_the_namespace() {
        let settings = Settings::default();
        let all = |world: &mut World| {
            namespace(world, "", "a8r.io/owner=platform");
            world.pods.get_mut("shop/web-0").unwrap().meta.labels.insert("team".into(), "web".into());
            controller(world).meta.annotations = labels("a8r.io/owner=ann");
        };
        assert_eq!(
            owner(all, &settings),
            Some(told("ann", "annotation a8r.io/owner of shop/Deployment/web"))
        );
        let pod = |world: &mut World| {
            namespace(world, "", "a8r.io/owner=platform");
            world.pods.get_mut("shop/web-0").unwrap().meta.labels.insert("team".into(), "web".into());
        };
        assert_eq!(owner(pod, &settings), Some(told("web", "label team of pod shop/web-0")));
        let home = |world: &mut World| namespace(world, "team=x", "a8r.io/owner=platform");
        assert_eq!(
            owner(home, &settings),
            Some(told("platform", "annotation a8r.io/owner of namespace shop"))
        );
        assert_eq!(owner(|_| {}, &settings), None);
    }

    #[test]
    fn people_of_the_namespace_come_before_the_application_of_the_workload() {
        let part =
            |world: &mut World| controller(world).meta.labels = labels("app.kubernetes.io/part-of=shop");
        let settings = Settings::default();
        let from = "label app.kubernetes.io/part-of of shop/Deployment/web";
        assert_eq!(owner(part, &settings), Some(told("shop", from)));
        let both = |world: &mut World| {
            part(world);
            namespace(world, "team=platform", "");
        };
        assert_eq!(owner(both, &settings), Some(told("platform", "label team of namespace shop")));
    }

    #[test]
    fn a_key_that_was_asked_for_comes_first() {
        let settings = Settings { owner_labels: vec!["example.com/team".to_owned()], ..Settings::default() };
        let both = |world: &mut World| {
            controller(world).meta.labels = labels("example.com/team=mine,team=other");
        };
        assert_eq!(
            owner(both, &settings),
            Some(told("mine", "label example.com/team of shop/Deployment/web"))
        );
    }
}
