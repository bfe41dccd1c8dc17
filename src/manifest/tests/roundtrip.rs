//! What is written reads back as it was meant.

use std::collections::BTreeMap;

use flowfence_model::policy::Direction;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol, Requirement,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Label values that other readers of YAML take for something else than text.
pub(in crate::manifest) const NASTY: &[&str] = &[
    "on",
    "off",
    "yes",
    "no",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "false",
    "True",
    "null",
    "Null",
    "1_000",
    "0123",
    "0o17",
    "0x1F",
    "1e3",
    "1.0",
    "12",
    "2026-01-02",
    "1.2.3",
    "NaN",
    "inf",
    "0",
    "",
    "a",
    "a-b",
    "0b1",
    "1E5",
    "190.20.30",
];
const KEYS: &[&str] = &["app", "on", "y", "1", "null", "0x1", "app.kubernetes.io/name", "true", "2026-01-02"];

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(of).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = LabelSelector> {
    let values = || btree_set(text(NASTY), 1..=3);
    let requirement = prop_oneof![
        (text(KEYS), values()).prop_map(|(key, values)| Requirement::In(key, values)),
        (text(KEYS), values()).prop_map(|(key, values)| Requirement::NotIn(key, values)),
        text(KEYS).prop_map(Requirement::Exists),
        text(KEYS).prop_map(Requirement::DoesNotExist),
    ];
    (btree_map(text(KEYS), text(NASTY), 0..=3), vec(requirement, 0..=2))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions })
}

fn rule() -> impl Strategy<Value = PolicyRule> {
    let block = (any::<u32>(), 8u8..=30, any::<bool>()).prop_map(|(bits, length, has_except)| {
        let net = |length| ipnet::Ipv4Net::new(bits.into(), length).unwrap().trunc().into();
        PolicyPeer::Block {
            cidr: net(length),
            except: if has_except { vec![net(length + 1)] } else { vec![] },
        }
    });
    let pods = prop_oneof![
        selector().prop_map(|pods| PeerSelector { namespaces: None, pods: Some(pods) }),
        (selector(), option::of(selector()))
            .prop_map(|(namespaces, pods)| PeerSelector { namespaces: Some(namespaces), pods }),
    ];
    let port = prop_oneof![
        Just(None),
        (1..=u16::MAX, 0..100u16).prop_map(|(first, more)| {
            Some(PortName::Range(PortRange { first, last: first.saturating_add(more) }))
        }),
        text(&["http", "on", "yes", "0x1f", "1e3", "null", "n"]).prop_map(|name| Some(PortName::Name(name))),
    ];
    let port =
        (select(&Protocol::WITH_PORTS[..]), port).prop_map(|(protocol, port)| PolicyPort { protocol, port });
    let peer = prop_oneof![block, pods.prop_map(PolicyPeer::Pods)];
    (vec(peer, 0..=3), vec(port, 0..=3)).prop_map(|(peers, ports)| PolicyRule { peers, ports })
}

/// Any policy that isolates for something: the API cannot say one that isolates for nothing.
pub(in crate::manifest) fn manifest() -> impl Strategy<Value = PolicyManifest> {
    let name = || text(&["web", "on", "null", "1", "1e3", "0x1", "a.b"]);
    let rules = || option::of(vec(rule(), 0..=3));
    let comment = "[ -~\n\u{7f}-\u{a0}é#:]{0,40}";
    (
        // A namespace is one part of a name.
        text(&["web", "on", "null", "1", "1e3", "0x1"]),
        name(),
        selector(),
        rules(),
        rules(),
        btree_map(text(KEYS), text(NASTY), 0..=2),
        ".{0,200}",
        comment,
    )
        .prop_filter_map(
            "isolates",
            |(namespace, name, pod_selector, ingress, egress, labels, note, comment)| {
                (ingress.is_some() || egress.is_some()).then(|| PolicyManifest {
                    policy: NetworkPolicy { namespace, name, pod_selector, ingress, egress },
                    labels,
                    annotations: BTreeMap::from([("note".to_owned(), note)]),
                    comments: Direction::BOTH
                        .into_iter()
                        .map(|direction| ((direction, 0), comment.clone()))
                        .collect(),
                })
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_written_reads_back_equal(manifest in manifest()) {
        let mut text = String::new();
        write_policy(&mut text, &manifest).unwrap();
        let mut again = String::new();
        write_policy(&mut again, &manifest).unwrap();
        prop_assert_eq!(&text, &again);
        let read = parse_policies(&text, "written");
        prop_assert!(read.problems.is_empty(), "{:?}\n{}", read.problems, text);
        prop_assert_eq!(&read.policies(), std::slice::from_ref(&manifest.policy), "{}", text);
        let json = to_json(&manifest);
        prop_assert_eq!(&objects_from_values([&json], "json").policies(), std::slice::from_ref(&manifest.policy));
        let json = serde_json::to_string_pretty(&json).unwrap();
        prop_assert_eq!(&parse_policies(&json, "json").policies(), std::slice::from_ref(&manifest.policy));
        let two = parse_policies(&format!("{text}---\n{text}"), "written").policies();
        prop_assert_eq!(two.len(), 2);
    }
}

#[test]
fn a_policy_is_written_in_the_order_that_people_expect() {
    let peer = PolicyPeer::Pods(PeerSelector {
        namespaces: None,
        pods: Some(LabelSelector::labels([("app", "on")])),
    });
    let port = PolicyPort {
        protocol: Protocol::Tcp,
        port: Some(PortName::Range(PortRange { first: 80, last: 90 })),
    };
    let policy = NetworkPolicy {
        namespace: "shop".into(),
        name: "web".into(),
        pod_selector: LabelSelector::everything(),
        ingress: Some(vec![PolicyRule { peers: vec![peer], ports: vec![port] }, PolicyRule::default()]),
        egress: Some(vec![]),
    };
    let mut manifest = PolicyManifest::from(policy);
    manifest.labels.insert("app.kubernetes.io/managed-by".into(), "flowfence".into());
    manifest.comments.insert((Direction::Ingress, 0), "12 connections".into());
    manifest.comments.insert((Direction::Ingress, 1), "all".into());
    let mut text = String::new();
    write_policy(&mut text, &manifest).unwrap();
    assert_eq!(
        text,
        r#"apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: flowfence
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
  ingress:
  # 12 connections
  - from:
    - podSelector:
        matchLabels:
          app: "on"
    ports:
    - protocol: TCP
      port: 80
      endPort: 90
  # all
  - {}
"#
    );
}

#[test]
fn a_comment_is_one_line_for_readers_of_yaml_1_1_too() {
    let policy = NetworkPolicy {
        namespace: "shop".into(),
        name: "web".into(),
        pod_selector: LabelSelector::everything(),
        ingress: Some(vec![PolicyRule::default()]),
        egress: None,
    };
    let mut manifest = PolicyManifest::from(policy);
    manifest.comments.insert((Direction::Ingress, 0), "a\u{2028}- {}\u{2029}- {}\u{85}- {}\n- {}".into());
    let mut text = String::new();
    write_policy(&mut text, &manifest).unwrap();
    assert!(text.contains("\n  # a - {} - {} - {} - {}\n"), "{text:?}");
}
