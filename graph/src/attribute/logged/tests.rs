use flowfence_model::Recording;
use flowfence_model::logged::{IdentityId, LoggedAddress, Observer, ObserverId, PodIdentity};
use flowfence_model::object::Object;

use crate::facts::Facts;
use crate::inventory::objects_of;
use crate::testing::{at, labels, node, owned, pod, service};
use crate::{Inventory, attribute};

use flowfence_model::Labels;

use super::*;

fn group(namespace: &str, kind: &str, name: &str) -> Identity {
    Identity::Pod(PodIdentity {
        namespace: namespace.to_owned(),
        workload: Some((kind.to_owned(), name.to_owned())),
        labels: labels(&format!("app={name}")),
        ..PodIdentity::default()
    })
}

/// A log in which the first of the identities asked the second one, without addresses.
fn asked(identities: Vec<Identity>) -> Logged {
    let end = |i| LoggedEnd { address: None, identity: Some(IdentityId(i)) };
    let counts = LoggedCounts { lines: 1, opened: 1, first: at(0), last: at(1), ..LoggedCounts::NONE };
    let conversation = Conversation {
        from: end(0),
        to: end(1),
        protocol: Protocol::Tcp,
        port: Some(8080),
        icmp: None,
        orientation: Orientation::Seen,
        verdict: LoggedVerdict::Allowed,
        policy: None,
        service: None,
        service_address: None,
        observer: ObserverId(0),
        counts,
    };
    let observers = vec![Observer { format: "goldmane", name: "Dst".to_owned(), is_whole: false }];
    Logged { conversations: vec![conversation], identities, observers, lines: 1, ..Logged::default() }
}

#[test]
fn an_answer_alone_is_a_connection_only_where_the_question_may_have_been_passed_by() {
    let connections = |sampled: u64| {
        let mut logged = asked(vec![group("shop", "Deployment", "web"), group("shop", "Deployment", "api")]);
        let counts = &mut logged.conversations[0].counts;
        (counts.opened, counts.packets, counts.tells_answers) = (0, [0, 3], true);
        let mut recording = Recording { logged, ..Recording::default() };
        recording.counts.add(SAMPLED, sampled);
        attribute(recording, &Inventory::new(vec![vec![]])).contacts[0].tally.connections
    };
    assert_eq!([connections(0), connections(7)], [0, 1]);
}

fn facts(logged: Logged, objects: Vec<Object>) -> Facts {
    attribute(Recording { logged, ..Recording::default() }, &Inventory::new(vec![objects]))
}

fn ends(facts: &Facts) -> Vec<(String, String)> {
    facts.contacts.iter().map(|c| (c.from.id.to_string(), c.to.id.to_string())).collect()
}

#[test]
fn an_outside_without_address_is_counted_and_makes_no_contact() {
    let outside = Identity::Outside(Some("pub".to_owned()));
    for identities in [
        vec![group("shop", "Deployment", "web"), outside.clone()],
        vec![outside, group("shop", "Deployment", "web")],
    ] {
        let facts = facts(asked(identities), vec![]);
        assert!(facts.contacts.is_empty());
        assert_eq!(facts.completeness.counts.get("log-address-unknown"), 1);
    }
}

#[test]
fn a_node_without_address_has_that_of_the_cluster_or_is_counted() {
    let identities = || vec![Identity::Node(Some("node-1".to_owned())), group("shop", "Deployment", "web")];
    let known = facts(asked(identities()), vec![node("node-1", "192.0.2.11", "10.42.1.0/24")]);
    assert_eq!(known.contacts[0].from.address.to_string(), "192.0.2.11");
    let unknown = facts(asked(identities()), vec![]);
    assert_eq!((unknown.contacts.len(), unknown.completeness.counts.get("log-address-unknown")), (0, 1));
}

#[test]
fn a_group_is_the_workload_of_that_name_whatever_kind_the_log_guessed() {
    let db = owned(pod("shop/db-0", "node-1", "10.42.1.30"), "StatefulSet", "db");
    let logged = asked(vec![group("shop", "Deployment", "web"), group("shop", "Pod", "db")]);
    let facts = facts(logged, vec![Object::Pod(db)]);
    assert_eq!(ends(&facts), [("shop/Deployment/web".to_owned(), "shop/StatefulSet/db".to_owned())]);
    assert_eq!(
        (facts.contacts[0].to.address.to_string().as_str(), &facts.contacts[0].to.pod),
        ("10.42.1.30", &None)
    );
}

#[test]
fn two_workloads_of_one_name_are_not_guessed_between() {
    let pods = ["StatefulSet", "DaemonSet"]
        .map(|kind| Object::Pod(owned(pod(&format!("shop/{kind}-0"), "node-1", "10.42.1.30"), kind, "db")));
    let logged = asked(vec![group("shop", "Deployment", "web"), group("shop", "Pod", "db")]);
    assert_eq!(ends(&facts(logged, pods.to_vec()))[0].1, "shop/Pod/db");
}

#[test]
fn without_a_cluster_one_pod_stands_for_a_group_with_its_labels() {
    let mut logged = asked(vec![group("shop", "Deployment", "web"), group("shop", "Pod", "db")]);
    logged.addresses = vec![LoggedAddress {
        address: "10.42.1.10".parse().unwrap(),
        identity: IdentityId(0),
        first: at(0),
        last: at(0),
    }];
    let pods: Vec<_> = objects_of(&logged)
        .into_iter()
        .filter_map(|object| match object {
            Object::Pod(pod) => {
                Some((pod.meta.name, pod.meta.labels, pod.meta.owner.map(|owner| owner.kind)))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        pods,
        [
            ("db".to_owned(), labels("app=db"), None),
            ("web".to_owned(), labels("app=web"), Some("Deployment".to_owned())),
        ]
    );
}

#[test]
fn no_pod_stands_for_a_group_of_which_one_is_named() {
    let named = Identity::Pod(PodIdentity {
        namespace: "shop".to_owned(),
        pod: Some("web-1".to_owned()),
        workload: Some(("Deployment".to_owned(), "web".to_owned())),
        ..PodIdentity::default()
    });
    let logged = asked(vec![group("shop", "Deployment", "web"), named]);
    let pods = objects_of(&logged).iter().filter(|object| matches!(object, Object::Pod(_))).count();
    assert_eq!(pods, 1);
}

#[test]
fn a_pod_that_nobody_knows_at_the_address_of_a_service_is_the_service() {
    let named = |name: &str| {
        let identity = PodIdentity {
            namespace: "shop".to_owned(),
            pod: Some(name.to_owned()),
            ..PodIdentity::default()
        };
        let mut logged = asked(vec![group("shop", "Deployment", "web"), Identity::Pod(identity)]);
        logged.conversations[0].to.address = Some(flowfence_model::Address::v4([10, 43, 0, 9]));
        let mut cart = owned(pod("shop/cart-1", "node-1", "10.42.1.30"), "StatefulSet", "cart");
        cart.meta.labels = labels("app=cart");
        let service = service("shop/cart", "10.43.0.9", 8080, 8081, "app=cart", None);
        let contacts = facts(logged, vec![Object::Pod(cart), service]).contacts;
        (contacts[0].to.id.to_string(), contacts[0].port)
    };
    assert_eq!(named("cart"), ("shop/StatefulSet/cart".to_owned(), Some(8081)));
    assert_eq!(named("cart-1"), ("shop/StatefulSet/cart".to_owned(), Some(8080)), "a pod that is known");
}

#[test]
fn a_log_without_labels_takes_none_from_a_pod_that_another_log_has_with_labels() {
    let named = |labels: Labels| {
        Identity::Pod(PodIdentity {
            namespace: "shop".to_owned(),
            pod: Some("web-0".to_owned()),
            labels,
            ..PodIdentity::default()
        })
    };
    let of = |writings: Vec<Identity>| {
        let objects = objects_of(&asked(writings));
        let labels = objects.into_iter().find_map(|object| match object {
            Object::Pod(pod) => Some(pod.meta.labels),
            _ => None,
        });
        labels.unwrap()
    };
    let (none, one, two) = (Labels::new(), labels("app=web"), labels("app=web,tier=front"));
    for writings in [[none.clone(), two.clone(), one.clone()], [one.clone(), none, two]] {
        assert_eq!(of(writings.map(named).to_vec()), one);
    }
    // What no two writings agree on is not sure.
    assert_eq!(of([one, labels("app=other")].map(named).to_vec()), Labels::new());
}
