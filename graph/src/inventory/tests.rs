use flowfence_model::object::Object;

use super::*;
use crate::testing::*;

fn holder(inventory: &Inventory, ip: &str, secs: i64) -> String {
    match inventory.holder_at(ip.parse().unwrap(), at(secs)) {
        Holder::Pod(pod) => inventory.pods()[pod].pod.meta.name.clone(),
        Holder::Ambiguous => "ambiguous".to_owned(),
        Holder::Nobody => "nobody".to_owned(),
    }
}

fn from(mut pod: Pod, secs: i64) -> Pod {
    pod.started = Some(at(secs));
    pod
}

#[test]
fn an_address_goes_to_the_pod_that_held_it_then() {
    let mut job = from(pod("a/job", "n", "10.0.0.5"), 0);
    job.is_finished = true;
    job.finished = Some(at(50));
    let heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    let inventory = Inventory::new(vec![vec![Object::Pod(heir), Object::Pod(job)]]);
    assert_eq!(holder(&inventory, "10.0.0.5", 10), "job");
    assert_eq!(holder(&inventory, "10.0.0.5", 50), "job", "the end is cut to whole seconds");
    assert_eq!(holder(&inventory, "10.0.0.5", 60), "heir");
    assert_eq!(holder(&inventory, "10.0.0.5", 1000), "heir");
    assert_eq!(holder(&inventory, "10.0.0.5", -100), "nobody");
}

#[test]
fn a_pod_that_went_without_a_word_held_its_address_until_the_next() {
    let gone = from(pod("a/gone", "n", "10.0.0.5"), 0);
    let heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    let inventory = Inventory::new(vec![vec![Object::Pod(gone)], vec![Object::Pod(heir)]]);
    assert_eq!(holder(&inventory, "10.0.0.5", 59), "gone");
    assert_eq!(holder(&inventory, "10.0.0.5", 60), "heir");
}

#[test]
fn two_that_are_known_to_claim_one_moment_leave_it_ambiguous() {
    let mut leaving = from(pod("a/leaving", "n", "10.0.0.5"), 0);
    leaving.meta.deleted = Some(at(90));
    let heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    let inventory = Inventory::new(vec![vec![Object::Pod(leaving), Object::Pod(heir)]]);
    assert_eq!(holder(&inventory, "10.0.0.5", 70), "ambiguous");
    assert_eq!(holder(&inventory, "10.0.0.5", 95), "heir");
}

/// A moment in tenths of a second.
fn tenth(tenths: i64) -> Timestamp {
    at(0).plus(std::time::Duration::from_millis(tenths.unsigned_abs() * 100))
}

fn holder_at(inventory: &Inventory, ip: &str, tenths: i64) -> String {
    match inventory.holder_at(ip.parse().unwrap(), tenth(tenths)) {
        Holder::Pod(pod) => inventory.pods()[pod].pod.meta.name.clone(),
        Holder::Ambiguous => "ambiguous".to_owned(),
        Holder::Nobody => "nobody".to_owned(),
    }
}

#[test]
fn a_watch_tells_pods_of_one_second_apart() {
    let mut gone = from(pod("a/gone", "n", "10.0.0.5"), 60);
    gone.watched.created = Some((tenth(601), tenth(601 + 1)));
    gone.watched.gone = Some(tenth(604));
    let mut heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    heir.watched.created = Some((tenth(605), tenth(605 + 1)));
    heir.watched.addressed = vec![("10.0.0.5".parse().unwrap(), tenth(606))];
    let inventory = Inventory::new(vec![vec![Object::Pod(heir), Object::Pod(gone)]]);
    assert_eq!(holder_at(&inventory, "10.0.0.5", 603), "gone");
    assert_eq!(holder_at(&inventory, "10.0.0.5", 605), "heir");
    assert_eq!(holder_at(&inventory, "10.0.0.5", 607), "heir");
}

#[test]
fn between_the_earliest_beginning_of_one_and_the_latest_end_of_the_other_nobody_is_credited() {
    let mut gone = from(pod("a/gone", "n", "10.0.0.5"), 60);
    gone.watched.created = Some((tenth(598), tenth(598 + 1)));
    gone.watched.gone = Some(tenth(604));
    let mut heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    heir.watched.created = Some((tenth(602), tenth(602 + 1)));
    heir.watched.addressed = vec![("10.0.0.5".parse().unwrap(), tenth(605))];
    let inventory = Inventory::new(vec![vec![Object::Pod(heir), Object::Pod(gone)]]);
    let held = [601, 603, 604].map(|tenths| holder_at(&inventory, "10.0.0.5", tenths));
    assert_eq!(held, ["gone", "ambiguous", "heir"]);
}

#[test]
fn an_end_that_is_written_in_the_second_of_the_next_beginning_takes_nothing_from_what_a_watch_saw() {
    let mut gone = from(pod("a/gone", "n", "10.0.0.5"), 50);
    gone.meta.deleted = Some(at(60));
    gone.watched.gone = Some(tenth(612));
    let mut heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    heir.watched.created = Some((tenth(598), tenth(613)));
    heir.watched.addressed = vec![("10.0.0.5".parse().unwrap(), tenth(614))];
    let inventory = Inventory::new(vec![vec![Object::Pod(heir), Object::Pod(gone)]]);
    let held = [599, 608, 611].map(|tenths| holder_at(&inventory, "10.0.0.5", tenths));
    assert_eq!(held, ["gone", "ambiguous", "heir"]);
}

#[test]
fn pods_of_one_second_follow_each_other_as_a_watch_saw_them() {
    let ip = "10.0.0.5".parse().unwrap();
    let seen = |name: &str, created, addressed, gone| {
        let mut pod = from(pod(name, "n", "10.0.0.5"), 60);
        pod.watched.created = Some((tenth(created), tenth(created + 1)));
        pod.watched.addressed = vec![(ip, tenth(addressed))];
        pod.watched.gone = Some(tenth(gone));
        Object::Pod(pod)
    };
    // Of the last one it is not known that it came last but by when its address was seen.
    let pods = vec![seen("a/z", 600, 601, 602), seen("a/y", 603, 604, 605), seen("a/x", 602, 607, 609)];
    let inventory = Inventory::new(vec![pods]);
    let held = [601, 604, 608].map(|tenths| holder_at(&inventory, "10.0.0.5", tenths));
    assert_eq!(held, ["z", "ambiguous", "x"]);
}

#[test]
fn a_pod_that_waits_for_an_address_does_not_have_that_of_another_which_nobody_asked_to_end() {
    let mut gone = from(pod("a/gone", "n", "10.0.0.5"), 20);
    gone.watched.unasked = Some(tenth(600));
    gone.watched.gone = Some(tenth(620));
    let mut waits = from(pod("a/waits", "n", "10.0.0.5"), 10);
    waits.watched.created = Some((tenth(99), tenth(100)));
    waits.watched.addressed = vec![("10.0.0.5".parse().unwrap(), tenth(630))];
    let inventory = Inventory::new(vec![vec![Object::Pod(waits), Object::Pod(gone)]]);
    let held = [300, 599, 610, 625].map(|tenths| holder_at(&inventory, "10.0.0.5", tenths));
    assert_eq!(held, ["gone", "gone", "ambiguous", "waits"]);
}

#[test]
fn what_a_watch_saw_late_is_nobodys_where_two_may_have_had_it() {
    let mut gone = from(pod("a/gone", "n", "10.0.0.5"), 0);
    gone.watched.gone = Some(tenth(900));
    let mut heir = from(pod("a/heir", "n", "10.0.0.5"), 60);
    heir.watched.created = Some((tenth(500), tenth(500 + 1)));
    heir.watched.addressed = vec![("10.0.0.5".parse().unwrap(), tenth(910))];
    let inventory = Inventory::new(vec![vec![Object::Pod(heir), Object::Pod(gone)]]);
    assert_eq!(holder_at(&inventory, "10.0.0.5", 599), "gone");
    assert_eq!(holder_at(&inventory, "10.0.0.5", 700), "ambiguous");
    assert_eq!(holder_at(&inventory, "10.0.0.5", 901), "heir");
}

#[test]
fn a_pod_that_changed_its_address_held_each_in_its_turn() {
    let mut moved = from(pod("a/moved", "n", "10.0.0.5"), 0);
    let (old, new) = ("10.0.0.5".parse().unwrap(), "10.0.0.6".parse().unwrap());
    moved.ips.push(new);
    moved.watched.left = vec![(old, tenth(500))];
    moved.watched.addressed = vec![(new, tenth(510))];
    let mut before = from(pod("a/before", "n", "10.0.0.6"), 0);
    before.watched.gone = Some(tenth(400));
    let mut heir = from(pod("a/heir", "n", "10.0.0.5"), 70);
    heir.watched.created = Some((tenth(705), tenth(705 + 1)));
    let inventory = Inventory::new(vec![vec![Object::Pod(moved), Object::Pod(before), Object::Pod(heir)]]);
    let held = |ip: &str, tenths| holder_at(&inventory, ip, tenths);
    assert_eq!([held("10.0.0.5", 300), held("10.0.0.5", 706)], ["moved", "heir"]);
    assert_eq!([held("10.0.0.6", 300), held("10.0.0.6", 600)], ["before", "moved"]);
}

#[test]
fn host_network_pods_hold_no_address() {
    let mut agent = pod("ops/agent", "n", "172.30.0.11");
    agent.host_network = true;
    let inventory = Inventory::new(vec![vec![Object::Pod(agent), node("n", "172.30.0.11", "10.244.1.0/24")]]);
    assert_eq!(holder(&inventory, "172.30.0.11", 0), "nobody");
    assert_eq!(inventory.node_of("172.30.0.11".parse().unwrap()), Some("n"));
    assert_eq!(inventory.node_of("10.244.1.1".parse().unwrap()), Some("n"), "its pod gateway");
}

fn workload_of(objects: Vec<Object>) -> String {
    Inventory::new(vec![objects]).pods()[0].workload.to_string()
}

#[test]
fn the_topmost_controller_names_the_workload() {
    let hashed = || {
        let mut pod = owned(pod("s/web-5d-x", "n", "10.0.0.1"), "ReplicaSet", "web-5d");
        pod.meta.labels = labels("app=web,pod-template-hash=5d");
        Object::Pod(pod)
    };
    let cases = [
        (
            vec![hashed(), controller("ReplicaSet", "s/web-5d", Some(("Deployment", "web")))],
            "s/Deployment/web",
        ),
        (vec![hashed(), controller("ReplicaSet", "s/web-5d", Some(("Rollout", "web")))], "s/Rollout/web"),
        (vec![hashed(), controller("ReplicaSet", "s/web-5d", None)], "s/ReplicaSet/web-5d"),
        (vec![hashed()], "s/Deployment/web"),
        (vec![Object::Pod(owned(pod("s/c-0", "n", "10.0.0.1"), "StatefulSet", "c"))], "s/StatefulSet/c"),
        (vec![Object::Pod(owned(pod("s/j-x", "n", "10.0.0.1"), "Job", "j-29925710"))], "s/Job/j-29925710"),
        (
            vec![
                Object::Pod(owned(pod("s/j-x", "n", "10.0.0.1"), "Job", "j-29925710")),
                controller("CronJob", "s/j", None),
            ],
            "s/CronJob/j",
        ),
        (vec![Object::Pod(pod("s/bare", "n", "10.0.0.1"))], "s/Pod/bare"),
        (vec![Object::Pod(owned(pod("s/etcd-n", "n", "10.0.0.1"), "Node", "n"))], "s/Pod/etcd-n"),
    ];
    for (objects, expected) in cases {
        assert_eq!(workload_of(objects), expected);
    }
}

#[test]
fn owners_that_own_each_other_end() {
    let objects = vec![
        Object::Pod(owned(pod("s/p", "n", "10.0.0.1"), "A", "x")),
        controller("A", "s/x", Some(("B", "y"))),
        controller("B", "s/y", Some(("A", "x"))),
    ];
    assert!(workload_of(objects).starts_with("s/"));
}

#[test]
fn the_later_state_of_an_object_counts_in_any_order_of_moments() {
    let mut old = pod("s/p", "n", "10.0.0.1");
    old.meta.version = 5;
    let mut new = old.clone();
    new.meta.version = 9;
    new.meta.labels = labels("app=new");
    for moments in [vec![old.clone(), new.clone()], vec![new, old]] {
        let inventory = Inventory::new(moments.into_iter().map(|p| vec![Object::Pod(p)]).collect());
        assert_eq!(inventory.pods().len(), 1);
        assert_eq!(inventory.pods()[0].pod.meta.labels, labels("app=new"));
    }
}

#[test]
fn backends_come_from_slices_and_from_selectors() {
    let mut web = pod("s/web", "n", "10.0.0.1");
    web.meta.labels = labels("app=web");
    let inventory = Inventory::new(vec![vec![
        Object::Pod(web),
        service("s/web", "10.96.0.9", 80, 8080, "app=web", Some(30000)),
        node("n", "172.30.0.11", "10.0.0.0/24"),
    ]]);
    let found = |ip: &str, port| {
        inventory.backends(ip.parse().unwrap(), Protocol::Tcp, port).map(|b| b.service.clone())
    };
    assert_eq!(found("10.96.0.9", 80).as_deref(), Some("s/web"));
    assert_eq!(found("172.30.0.11", 30000).as_deref(), Some("s/web"), "its node port");
    assert_eq!(found("10.0.0.1", 30000), None, "a node port is a node's");
    assert!(inventory.services_behind(0, Protocol::Tcp, 8080)[0].published);
}
