mod sample;

use flowfence_graph::{Parts, Tally};
use flowfence_model::object::{Controller, Meta, Object, Owner, Schedule};
use flowfence_model::{Orientation, Protocol};

use super::*;
use crate::judge::testing::{World, at, connected, workload};
use crate::recommend::{Network, ServedRange};

/// So many seconds a part of the window that worlds have.
const PART: i64 = 600 / Parts::COUNT as i64;

fn during(secs: i64) -> Tally {
    Tally { first: at(secs), last: at(secs + 1), ..connected(1) }
}

fn once(world: &mut World, from: &str, to: &str, port: u16, secs: i64) {
    world.sees(from, to, Protocol::Tcp, port, during(secs));
}

fn steady(world: &mut World, from: &str, to: &str, port: u16) {
    for part in 0..i64::from(Parts::COUNT) {
        once(world, from, to, port, part * PART + 3);
    }
}

/// A client that asks a server in every part of the window.
fn shop() -> World {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 2).deployment("shop/api", "app=api", 2);
    steady(&mut world, "shop/web-0", "shop/api-0", 8080);
    steady(&mut world, "shop/web-1", "shop/api-1", 8080);
    world
}

/// A CronJob at three in the morning, with one pod a run: name, begin, end.
fn cron_job(world: &mut World, runs: &[(&str, i64, Option<i64>)]) {
    world.objects.push(Object::Controller(Controller {
        meta: Meta { namespace: "shop".to_owned(), name: "report".to_owned(), ..Meta::default() },
        kind: "CronJob".to_owned(),
        schedule: Some(Schedule { cron: "0 3 * * *".to_owned(), ..Schedule::default() }),
        ..Controller::default()
    }));
    for (name, begin, end) in runs {
        let owner = |kind: &str, name: &str| Some(Owner { kind: kind.to_owned(), name: name.to_owned() });
        world.objects.push(Object::Controller(Controller {
            meta: Meta {
                namespace: "shop".to_owned(),
                name: format!("report-{name}"),
                owner: owner("CronJob", "report"),
                ..Meta::default()
            },
            kind: "Job".to_owned(),
            ..Controller::default()
        }));
        let pod = world.pod(&format!("shop/report-{name}-x"));
        pod.meta.owner = owner("Job", &format!("report-{name}"));
        (pod.started, pod.finished, pod.is_finished) = (Some(at(*begin)), end.map(at), end.is_some());
    }
}

fn answer(world: &World) -> Readiness {
    answer_with(world, &Options::default(), 0.0)
}

fn answer_with(world: &World, options: &Options, loss: f64) -> Readiness {
    let seen = world.seen();
    readiness(&seen.facts, &seen.inventory, &seen.judgement, options, loss)
}

fn row<'r>(answer: &'r Readiness, id: &str) -> &'r Row {
    answer.workloads.iter().find(|row| row.id == workload(id)).unwrap_or_else(|| panic!("no row {id}"))
}

/// The verdict of a workload, and the tokens of what is more than a remark.
fn verdict(world: &World, id: &str) -> (Verdict, Vec<&'static str>) {
    let answer = answer(world);
    let row = row(&answer, id);
    let grave = row.reasons.iter().filter(|reason| reason.cause.verdict() != Verdict::Ready);
    (row.verdict, grave.map(|reason| reason.cause.token()).collect())
}

#[test]
fn what_comes_again_and_again_is_ready() {
    let world = shop();
    assert_eq!(verdict(&world, "shop/Deployment/web"), (Verdict::Ready, vec![]));
    let answer = answer(&world);
    let view = &row(&answer, "shop/Deployment/api").view;
    assert_eq!((view.edges, view.connections, view.samples), (1, 48, 24));
    assert_eq!((view.replicas, view.nodes), (Of { seen: 2, all: 2 }, Of { seen: 2, all: 2 }));
    assert_eq!(view.curve, vec![1; 24]);
    assert_eq!(view.horizon(), Some(std::time::Duration::from_secs(200)));
    assert_eq!(answer.all.verdict, Verdict::Ready);
}

#[test]
fn a_pod_that_no_tap_saw_makes_its_workload_blind() {
    let mut world = shop();
    world.unseen.insert("web-1".to_owned());
    assert_eq!(verdict(&world, "shop/Deployment/web"), (Verdict::Blind, vec!["pods-unseen"]));
    let answer = answer(&world);
    assert!(row(&answer, "shop/Deployment/web").reasons[0].why.contains("1 of 2 pods"));
    assert!(row(&answer, "shop/Deployment/web").reasons[0].why.ends_with("on node2"));
    assert_eq!((answer.all.verdict, answer.all.workloads), (Verdict::Blind, [1, 0, 1]));
}

#[test]
fn an_edge_that_appears_late_asks_for_more() {
    let mut world = shop();
    once(&mut world, "shop/web-0", "203.0.113.9", 443, 599);
    let (found, causes) = verdict(&world, "shop/Deployment/web");
    assert_eq!((found, causes), (Verdict::KeepWatching, vec!["new-edge"]));
    assert_eq!(verdict(&world, "shop/Deployment/api").0, Verdict::Ready, "its peer has nothing new");
    let answer = answer(&world);
    let newest = row(&answer, "shop/Deployment/web").view.last_new.clone().unwrap();
    assert_eq!(newest.edge.to_string(), "shop/Deployment/web -> external/203.0.113.9/32 443/TCP");
    assert_eq!(newest.at, at(599));
}

#[test]
fn edges_that_came_once_tell_of_others_that_did_not() {
    let mut world = shop();
    for n in 1..9 {
        once(&mut world, "shop/web-0", &format!("203.0.113.{n}"), 443, 20 * i64::from(n));
    }
    let (found, causes) = verdict(&world, "shop/Deployment/web");
    assert_eq!((found, causes), (Verdict::KeepWatching, vec!["coverage", "unseen-edges"]));
}

#[test]
fn a_connection_that_stays_open_is_there_all_the_time() {
    let mut world = shop();
    let open = Tally { first: at(2), last: at(598), ..connected(1) };
    world.sees("shop/api-0", "203.0.113.5", Protocol::Tcp, 5432, open);
    assert_eq!(verdict(&world, "shop/Deployment/api").0, Verdict::Ready);
}

#[test]
fn a_workload_that_began_at_the_end_has_too_few_samples() {
    let mut world = shop();
    world.deployment("shop/late", "app=late", 1);
    world.pods.get_mut("shop/late-0").unwrap().started = Some(at(560));
    once(&mut world, "shop/late-0", "shop/api-0", 8080, 565);
    assert_eq!(verdict(&world, "shop/Deployment/late"), (Verdict::KeepWatching, vec!["few-samples"]));
}

#[test]
fn silence_and_absence_are_told_apart() {
    let mut world = shop();
    world.deployment("shop/idle", "app=idle", 1).deployment("shop/off", "app=off", 0);
    assert_eq!(verdict(&world, "shop/Deployment/idle"), (Verdict::KeepWatching, vec!["unobserved"]));
    assert_eq!(verdict(&world, "shop/Deployment/off"), (Verdict::KeepWatching, vec!["not-running"]));
}

#[test]
fn a_cron_job_without_a_run_says_when_it_runs_next() {
    let mut world = shop();
    cron_job(&mut world, &[]);
    assert_eq!(verdict(&world, "shop/CronJob/report"), (Verdict::KeepWatching, vec!["schedule-uncovered"]));
    let found = answer(&world);
    // The window of worlds ends on 2023-11-14 at 22:23:20.
    assert!(row(&found, "shop/CronJob/report").reasons[0].why.ends_with("at 2023-11-15T03:00:00Z"));
    assert_eq!((found.schedules.len(), found.schedules[0].runs), (1, 0));
    let Object::Controller(controller) = world.objects.last_mut().unwrap() else { unreachable!() };
    controller.schedule.as_mut().unwrap().suspended = true;
    let found = answer(&world);
    assert_eq!(found.schedules[0].next, None);
    assert!(row(&found, "shop/CronJob/report").reasons[0].why.contains("suspended"));
}

#[test]
fn runs_of_a_cron_job_are_its_samples() {
    let mut world = shop();
    cron_job(&mut world, &[("1", 100, Some(110)), ("2", 400, Some(410))]);
    once(&mut world, "shop/report-1-x", "shop/api-0", 8080, 104);
    assert_eq!(verdict(&world, "shop/CronJob/report").1, ["few-samples"], "the second run did nothing");
    once(&mut world, "shop/report-2-x", "shop/api-0", 8080, 404);
    assert_eq!(verdict(&world, "shop/CronJob/report"), (Verdict::Ready, vec![]));
    let found = answer(&world);
    assert_eq!(row(&found, "shop/CronJob/report").view.samples, 2);
    assert_eq!(found.schedules[0].runs, 2);
    once(&mut world, "shop/report-2-x", "203.0.113.7", 443, 405);
    assert!(verdict(&world, "shop/CronJob/report").1.contains(&"new-edge"));
}

#[test]
fn one_run_or_half_a_run_is_not_enough() {
    let mut world = shop();
    cron_job(&mut world, &[("1", 100, Some(110))]);
    once(&mut world, "shop/report-1-x", "shop/api-0", 8080, 104);
    assert_eq!(verdict(&world, "shop/CronJob/report").1, ["few-samples"]);
    let mut world = shop();
    cron_job(&mut world, &[("1", -50, Some(10)), ("2", 590, None)]);
    once(&mut world, "shop/report-1-x", "shop/api-0", 8080, 4);
    once(&mut world, "shop/report-2-x", "shop/api-0", 8080, 595);
    assert_eq!(verdict(&world, "shop/CronJob/report").1, ["run-not-whole"]);
}

#[test]
fn a_job_that_ran_whole_is_done_and_one_that_ended_before_is_left_out() {
    let mut world = shop();
    world.controlled("Job", "shop/migrate", "job=migrate", 1);
    let pod = world.pods.get_mut("shop/migrate-0").unwrap();
    (pod.started, pod.finished, pod.is_finished) = (Some(at(5)), Some(at(9)), true);
    once(&mut world, "shop/migrate-0", "shop/api-0", 8080, 6);
    assert_eq!(verdict(&world, "shop/Job/migrate"), (Verdict::Ready, vec![]));
    let mut world = shop();
    world.controlled("Job", "shop/migrate", "job=migrate", 1);
    let pod = world.pods.get_mut("shop/migrate-0").unwrap();
    (pod.started, pod.finished, pod.is_finished) = (Some(at(-90)), Some(at(-60)), true);
    assert!(answer(&world).workloads.iter().all(|row| row.id.kind() != "Job"));
}

#[test]
fn loss_lowers_what_is_covered() {
    let found = answer_with(&shop(), &Options::default(), 0.2);
    let row = row(&found, "shop/Deployment/web");
    let causes: Vec<Cause> = row.reasons.iter().map(|reason| reason.cause).collect();
    assert_eq!(row.verdict, Verdict::KeepWatching);
    assert!(causes.starts_with(&[Cause::Loss, Cause::Coverage]), "{causes:?}");
    assert!((row.view.estimate.unwrap().coverage - 0.8).abs() < 1e-9);
}

#[test]
fn what_nobody_decided_is_told() {
    let mut world = shop();
    world.sees("shop/web-0", "shop/api-0", Protocol::Tcp, 9999, during(50)).orientation =
        Orientation::Unknown;
    assert_eq!(verdict(&world, "shop/Deployment/web").1, ["direction-unknown"]);
    let mut world = shop();
    world.sees("shop/web-0", "203.0.113.80", Protocol::Tcp, 80, Tally { unanswered: 3, ..connected(0) });
    let found = answer(&world);
    let remarks: Vec<Cause> = row(&found, "shop/Deployment/web").reasons.iter().map(|r| r.cause).collect();
    assert_eq!(remarks, [Cause::Unanswered, Cause::NoStart]);
    assert_eq!(found.all.verdict, Verdict::Ready);
}

#[test]
fn nodes_and_visitors_are_one_edge_where_one_rule_admits_them() {
    let mut world = shop();
    world.service("shop/web", "app=web", 80, 80, Some(30080));
    steady(&mut world, "198.51.100.1", "shop/web-0", 80);
    once(&mut world, "198.51.100.2", "shop/web-0", 80, 598);
    steady(&mut world, "172.30.0.11", "shop/api-0", 9000);
    once(&mut world, "172.30.0.12", "shop/api-0", 9000, 598);
    assert_eq!(verdict(&world, "shop/Deployment/web"), (Verdict::Ready, vec![]));
    assert_eq!(verdict(&world, "shop/Deployment/api"), (Verdict::Ready, vec![]));
    let narrow = Options { exposed: crate::recommend::Exposed::Observed, ..Options::default() };
    let found = answer_with(&world, &narrow, 0.0);
    assert_eq!(row(&found, "shop/Deployment/web").reasons[0].cause, Cause::NewEdge);
}

#[test]
fn a_network_with_a_name_is_one_peer_and_a_range_of_ports_one_port() {
    let mut world = shop();
    steady(&mut world, "shop/web-0", "203.0.113.1", 40000);
    once(&mut world, "shop/web-0", "203.0.113.2", 40000, 598);
    once(&mut world, "shop/web-0", "shop/api-0", 8081, 598);
    assert_eq!(verdict(&world, "shop/Deployment/web").1, ["new-edge", "unseen-edges"]);
    let partner = Network { name: "partner".to_owned(), cidrs: vec!["203.0.113.0/24".parse().unwrap()] };
    let range = ServedRange {
        server: workload("shop/Deployment/api"),
        protocol: Protocol::Tcp,
        range: flowfence_model::PortRange { first: 8080, last: 8090 },
    };
    let options = Options { networks: vec![partner], port_ranges: vec![range], ..Options::default() };
    let found = answer_with(&world, &options, 0.0);
    assert_eq!(row(&found, "shop/Deployment/web").verdict, Verdict::Ready);
    assert_eq!(row(&found, "shop/Deployment/web").view.edges, 2);
}

#[test]
fn who_never_answered_under_a_rule_that_is_needed_is_no_remark() {
    let mut world = shop();
    steady(&mut world, "shop/web-0", "203.0.113.1", 443);
    world.sees("shop/web-0", "203.0.113.2", Protocol::Tcp, 443, Tally { unanswered: 3, ..connected(0) });
    let causes = |options: &Options| -> Vec<Cause> {
        let found = answer_with(&world, options, 0.0);
        row(&found, "shop/Deployment/web").reasons.iter().map(|reason| reason.cause).collect()
    };
    assert_eq!(causes(&Options::default()), [Cause::Unanswered, Cause::NoStart]);
    let partner = Network { name: "partner".to_owned(), cidrs: vec!["203.0.113.0/24".parse().unwrap()] };
    assert_eq!(causes(&Options { networks: vec![partner], ..Options::default() }), [Cause::NoStart]);
}

#[test]
fn a_namespace_is_as_ready_as_its_least_ready_workload() {
    let mut world = shop();
    world.deployment("data/idle", "app=idle", 1).deployment("kube-system/dns", "k8s-app=dns", 1);
    let found = answer(&world);
    let verdicts: Vec<(&str, Verdict)> =
        found.namespaces.iter().map(|(name, group)| (name.as_str(), group.verdict)).collect();
    assert_eq!(verdicts, [("data", Verdict::KeepWatching), ("shop", Verdict::Ready)]);
    assert_eq!(found.namespaces[0].1.causes, [(Cause::Unobserved, 1)]);
    assert_eq!((found.all.verdict, found.all.workloads), (Verdict::KeepWatching, [2, 1, 0]));
}

#[test]
fn nothing_watched_is_no_panic_and_never_ready() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1);
    let seen = world.seen();
    let facts = Facts { window: None, ..seen.facts };
    let found = readiness(&facts, &seen.inventory, &seen.judgement, &Options::default(), 0.0);
    assert_eq!((found.all.verdict, found.all.view.estimate), (Verdict::KeepWatching, None));
    assert_eq!(
        readiness(&Facts::default(), &Inventory::default(), &Judgement::default(), &Options::default(), 1.0)
            .workloads,
        []
    );
}

#[test]
fn the_order_of_contacts_and_more_of_the_same_change_nothing() {
    let mut world = shop();
    for n in 1..9 {
        once(&mut world, "shop/web-0", &format!("203.0.113.{n}"), 443, 20 * i64::from(n));
    }
    let before = answer(&world);
    world.contacts.reverse();
    assert_eq!(answer(&world), before);
    for part in [0, 0, 0, 7, 7] {
        once(&mut world, "shop/web-1", "shop/api-0", 8080, part * PART + 5);
    }
    let after = answer(&world);
    let estimates =
        |found: &Readiness| found.workloads.iter().map(|row| row.view.estimate).collect::<Vec<_>>();
    assert_eq!(estimates(&after), estimates(&before));
}

#[test]
fn the_learning_curve_ends_with_everything_that_was_found() {
    let mut world = shop();
    once(&mut world, "shop/web-0", "203.0.113.1", 443, 10 * PART + 1);
    let found = answer(&world);
    let curve = &row(&found, "shop/Deployment/web").view.curve;
    assert_eq!((curve[0], curve[9], curve[10], curve[23]), (1, 1, 2, 2));
}
