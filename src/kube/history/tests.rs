use std::time::Duration;

use super::*;
use serde_json::json;

fn kind(name: &str) -> usize {
    RESOURCES.iter().position(|resource| resource.kind == name).expect("a kind of the table")
}

fn pod(uid: &str, ip: &str) -> Value {
    let status = json!({"podIPs": if ip.is_empty() { json!([]) } else { json!([{"ip": ip}]) }});
    json!({"apiVersion": "v1", "kind": "Pod", "status": status,
        "metadata": {"namespace": "a", "name": "p", "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z"}})
}

fn pods(history: &History) -> Vec<Pod> {
    let objects = history.snapshot().objects.into_iter();
    objects
        .filter_map(|located| match located.item {
            Object::Pod(pod) => Some(pod),
            _ => None,
        })
        .collect()
}

fn history() -> History {
    History::new(Clock::default())
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs, 0)
}

fn listed(list: u64) -> Told {
    Told { by: By::List(list), after: at(0), now: at(10) }
}

fn seen(by: By, secs: i64) -> Told {
    Told { by, after: at(secs), now: at(secs) }
}

#[test]
fn a_deleted_pod_stays_with_its_end_and_the_address_that_its_last_state_has_no_more() {
    let history = history();
    history.apply(kind("Pod"), &pod("1", "10.0.0.1"), listed(1));
    history.delete(kind("Pod"), &pod("1", ""), at(19), at(20));
    history.apply(kind("Pod"), &pod("2", "10.0.0.1"), seen(By::Creation, 21));
    let pods = pods(&history);
    assert_eq!(pods.len(), 2);
    assert_eq!((pods[0].watched.gone, pods[1].watched.gone), (Some(at(20)), None));
    assert_eq!(pods[0].watched.unasked, Some(at(19)));
    assert_eq!(pods[1].watched.created, Some((at(21), at(21))));
    assert_eq!(pods[0].ips.len(), 1);
}

#[test]
fn what_a_new_list_lacks_was_gone_since_the_kind_was_last_followed() {
    let history = history();
    history.apply(kind("Pod"), &pod("1", "10.0.0.1"), listed(1));
    history.apply(kind("Pod"), &pod("2", "10.0.0.2"), listed(2));
    history.close(kind("Pod"), 2, at(5));
    let pods = pods(&history);
    assert_eq!((pods[0].watched.gone, pods[1].watched.gone), (Some(at(5)), None));
}

#[test]
fn a_pod_keeps_the_addresses_that_it_had() {
    let history = history();
    for (ip, told) in [
        ("", listed(1)),
        ("10.0.0.1", seen(By::Change, 11)),
        ("10.0.0.2", seen(By::Change, 12)),
        ("", seen(By::Change, 13)),
        ("10.0.0.1", seen(By::Change, 14)),
    ] {
        history.apply(kind("Pod"), &pod("1", ip), told);
    }
    let watched = &pods(&history)[0].watched;
    let ip = |text: &str| text.parse().unwrap();
    assert_eq!(watched.left, [(ip("10.0.0.2"), at(14))]);
    assert_eq!(
        watched.addressed,
        [(ip("10.0.0.1"), at(11)), (ip("10.0.0.2"), at(12)), (ip("10.0.0.1"), at(14))]
    );
    assert_eq!(pods(&history)[0].ips.len(), 2);
}

#[test]
fn a_pod_that_changes_its_address_without_end_is_bounded() {
    let history = history();
    for n in 0..1000 {
        history.apply(kind("Pod"), &pod("1", &format!("10.0.{}.{}", n / 250, n % 250)), seen(By::Change, n));
    }
    let pod = &pods(&history)[0];
    assert!(
        pod.ips.len() <= MAX_EARLIER + 1 && pod.watched.addressed.len() <= MAX_EARLIER,
        "{}",
        pod.ips.len()
    );
}

#[test]
fn a_deleted_policy_is_in_force_no_more() {
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": "a", "name": "x", "uid": "9"}, "spec": {"podSelector": {}}});
    let history = history();
    history.apply(kind("NetworkPolicy"), &policy, listed(1));
    assert_eq!(history.snapshot().policies().len(), 1);
    history.delete(kind("NetworkPolicy"), &policy, at(1), at(1));
    assert_eq!(history.snapshot().policies().len(), 0);
    history.apply(kind("NetworkPolicy"), &policy, listed(1));
    history.close(kind("NetworkPolicy"), 2, at(1));
    assert_eq!(history.snapshot().policies().len(), 0);
}

#[test]
fn endpoints_that_went_still_explain_packets() {
    let slice = |ip: &str| {
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"namespace": "a", "name": "s", "uid": "3", "labels": {"kubernetes.io/service-name": "s"}},
            "endpoints": [{"addresses": [ip]}], "ports": [{"port": 80}]})
    };
    let history = history();
    for ip in ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"] {
        history.apply(kind("EndpointSlice"), &slice(ip), seen(By::Change, 1));
    }
    assert_eq!(history.snapshot().objects.len(), 3);
}

#[test]
fn what_is_gone_is_kept_up_to_a_bound() {
    let history = history();
    for n in 0..MAX_GONE + 10 {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("n{n}")}});
        history.delete(kind("Namespace"), &object, at(1), at(1));
    }
    assert_eq!(history.forgotten(), 10);
    assert_eq!(history.snapshot().objects.len(), MAX_GONE);
}

#[test]
fn moments_of_the_api_server_are_set_to_our_clock() {
    let history = History::new(Clock::ahead_by(3600));
    history.apply(kind("Pod"), &pod("1", "10.0.0.1"), listed(1));
    let created = pods(&history)[0].meta.created.unwrap();
    assert_eq!(
        created.plus(Duration::from_hours(1)),
        "2026-01-01T00:00:00Z"
            .parse::<jiff::Timestamp>()
            .map(|at| Timestamp::from_secs(at.as_second(), 0))
            .unwrap()
    );
}
