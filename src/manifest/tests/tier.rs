//! Cluster-wide policies: what is read, and what the CRDs refuse.

use std::collections::BTreeMap;

use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPeer, TierPort};
use flowfence_model::{PortRange, Protocol};

use super::*;

/// A ClusterNetworkPolicy whose only rule is `rule`, from line 12, and its parts.
fn with_rule(direction: &str, rule: &str) -> String {
    let rule = rule.replace('\n', "\n    ");
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata:\n  name: p\n\
         spec:\n  tier: Admin\n  priority: 7\n  subject:\n    namespaces: {{}}\n  {direction}:\n  - name: r\n    {rule}\n"
    )
}

fn accepted(text: &str) -> ClusterPolicy {
    let snapshot = parse_objects(text, "t.yaml");
    assert!(snapshot.problems.is_empty(), "{text}: {:?}", snapshot.problems);
    snapshot.cluster_policies().remove(0)
}

fn refused(text: &str) -> Problem {
    let mut snapshot = parse_objects(text, "t.yaml");
    assert!(snapshot.objects.is_empty() && snapshot.has_errors(), "{text}");
    snapshot.problems.remove(0)
}

/// (egress rule, line, field below spec.egress[0], part of the reason).
const REFUSED: &[(&str, usize, &str, &str)] = &[
    ("action: Allow\nto: [{namespaces: {}}]", 12, "action", "supported are Accept, Deny, Pass"),
    ("to: [{namespaces: {}}]", 11, "action", "required"),
    ("action: Deny", 11, "to", "at least one peer"),
    ("action: Deny\nto: []", 13, "to", "at least one peer"),
    ("action: Deny\nto: [{}]", 13, "to[0]", "exactly one of namespaces, pods, nodes"),
    ("action: Deny\nto:\n- namespaces: {}\n  networks: [10.0.0.0/8]", 14, "to[0]", "exactly one"),
    ("action: Deny\nto: [namespaces]", 13, "to[0]", "expected a mapping"),
    ("action: Deny\nto: [{pods: {namespaceSelector: {}}}]", 13, "to[0].pods.podSelector", "required"),
    ("action: Deny\nto: [{networks: []}]", 13, "to[0].networks", "at least 1 item"),
    ("action: Deny\nto: [{networks: [10.0.0.0]}]", 13, "to[0].networks[0]", "not a CIDR"),
    ("action: Deny\nto: [{networks: [10.0.0.0/8, 10.0.0.0/8]}]", 13, "to[0].networks[1]", "duplicate"),
    ("action: Deny\nto: [{domainNames: [a.org]}]", 13, "to[0].domainNames", "the action that accepts"),
    ("action: Accept\nto: [{domainNames: [org]}]", 13, "to[0].domainNames[0]", "not a domain name"),
    ("action: Accept\nto: [{domainNames: ['a.*.org']}]", 13, "to[0].domainNames[0]", "not a domain name"),
    ("action: Accept\nto: [{nodes: {matchLabels: {a: 1}}}]", 13, "to[0].nodes.matchLabels.a", "quote it"),
    (
        "action: Deny\nto: [{networks: [10.0.0.0/8]}]\nprotocols: [{destinationNamedPort: http}]",
        14,
        "protocols",
        "no namedPorts for networks/nodes/domainNames",
    ),
    (
        "action: Deny\nto: [{nodes: {}}]\nprotocols: [{destinationNamedPort: http}]",
        14,
        "protocols",
        "no namedPorts",
    ),
    ("action: Deny\nto: [{namespaces: {}}]\nprotocols: []", 14, "protocols", "leave it out"),
    ("action: Deny\nto: [{namespaces: {}}]\nprotocols: [{}]", 14, "protocols[0]", "exactly one of tcp"),
    (
        "action: Deny\nto: [{namespaces: {}}]\nprotocols: [{icmp: {}}]",
        14,
        "protocols[0].icmp",
        "unknown field",
    ),
    (
        "action: Deny\nto: [{namespaces: {}}]\nprotocols: [{tcp: {destinationPort: {number: 0}}}]",
        14,
        "protocols[0].tcp.destinationPort.number",
        "not a port number",
    ),
    (
        "action: Deny\nto: [{namespaces: {}}]\nprotocols: [{tcp: {destinationPort: {range: {start: 5, end: 5}}}}]",
        14,
        "protocols[0].tcp.destinationPort.range",
        "less than End port",
    ),
    ("action: Deny\nto: [{namespaces: {}}]\nports: []", 14, "ports", "unknown field"),
];

#[test]
fn an_invalid_cluster_policy_is_refused_with_line_field_and_reason() {
    for (rule, line, field, reason) in REFUSED {
        let problem = refused(&with_rule("egress", rule));
        assert_eq!(problem.field.as_deref(), Some(&*format!("spec.egress[0].{field}")), "{rule}: {problem}");
        assert!(problem.reason.contains(reason), "{rule}: {problem}");
        assert_eq!(problem.line, Some(*line), "{rule}: {problem}");
        assert_eq!(problem.object.as_deref(), Some("ClusterNetworkPolicy p"));
    }
}

#[test]
fn lists_are_as_long_as_each_version_lets_them_be() {
    let rules = |count: usize| "\n  - {action: Deny, to: [{namespaces: {}}]}".repeat(count);
    let cluster = |count| {
        format!(
            "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: p}}\n\
             spec:\n  tier: Baseline\n  priority: 0\n  subject: {{namespaces: {{}}}}\n  egress:{}\n",
            rules(count)
        )
    };
    assert_eq!(accepted(&cluster(25)).egress.len(), 25);
    assert!(refused(&cluster(26)).reason.contains("at most 25"));
    let admin = |count| {
        let text = cluster(count).replace("v1alpha2", "v1alpha1").replace("  tier: Baseline\n", "");
        text.replace("ClusterNetworkPolicy", "AdminNetworkPolicy")
    };
    assert_eq!(accepted(&admin(100)).egress.len(), 100);
    assert!(refused(&admin(101)).reason.contains("at most 100"));
    let many = |count: usize| vec!["{namespaces: {}}"; count].join(", ");
    assert!(
        refused(&with_rule("egress", &format!("action: Deny\nto: [{}]", many(26)))).reason.contains("25")
    );
    let blocks: Vec<String> = (0..26).map(|n| format!("10.{n}.0.0/16")).collect();
    let networks = format!("action: Deny\nto: [{{networks: [{}]}}]", blocks.join(", "));
    assert!(refused(&with_rule("egress", &networks)).reason.contains("at most 25"));
}

#[test]
fn a_priority_is_a_number_from_0_to_1000_and_a_tier_is_named() {
    let with =
        |from: &str, to: &str| with_rule("egress", "action: Deny\nto: [{namespaces: {}}]").replace(from, to);
    for priority in ["-1", "1001", "high"] {
        let problem = refused(&with("priority: 7", &format!("priority: {priority}")));
        assert_eq!(problem.field.as_deref(), Some("spec.priority"), "{problem}");
    }
    assert_eq!(accepted(&with("priority: 7", "priority: 1000")).priority, 1000);
    assert_eq!(refused(&with("  priority: 7\n", "")).field.as_deref(), Some("spec.priority"));
    assert_eq!(refused(&with("tier: Admin", "tier: admin")).field.as_deref(), Some("spec.tier"));
    assert_eq!(accepted(&with("tier: Admin", "tier: Baseline")).tier, Tier::Baseline);
    let both = "subject:\n    pods: {namespaceSelector: {}, podSelector: {}}";
    let problem = refused(&with("subject:", both));
    assert!(problem.reason.contains("exactly one of namespaces, pods"), "{problem}");
    assert!(refused(&with("subject:\n    namespaces: {}", "subject: {}")).reason.contains("exactly one"));
}

#[test]
fn the_baseline_policy_of_v1alpha1_is_named_default_and_passes_nothing() {
    let baseline = |name: &str, action: &str| {
        format!(
            "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\n\
             metadata: {{name: {name}}}\nspec:\n  subject: {{namespaces: {{}}}}\n  ingress:\n  \
             - action: {action}\n    from: [{{namespaces: {{}}}}]\n    ports: [{{namedPort: http}}]\n"
        )
    };
    let policy = accepted(&baseline("default", "Allow"));
    assert_eq!((policy.kind, policy.tier), (ClusterPolicyKind::BaselineAdminNetworkPolicy, Tier::Baseline));
    assert_eq!(policy.ingress[0].action, Action::Accept);
    assert_eq!(policy.ingress[0].ports, [TierPort::Named("http".to_owned())]);
    assert!(refused(&baseline("other", "Allow")).reason.contains("Only one baseline"));
    assert!(refused(&baseline("default", "Pass")).reason.contains("supported are Allow, Deny"));
}

#[test]
fn ports_of_both_versions_mean_the_same() {
    let new = accepted(&with_rule(
        "ingress",
        "action: Pass\nfrom: [{namespaces: {}}]\nprotocols: [{udp: {destinationPort: {range: {start: 5, end: 9}}}}, \
         {sctp: {}}, {tcp: {destinationPort: {number: 80}}}]",
    ));
    let numbers = |protocol, first, last| TierPort::Numbers { protocol, range: PortRange { first, last } };
    assert_eq!(
        new.ingress[0].ports,
        [
            numbers(Protocol::Udp, 5, 9),
            TierPort::Numbers { protocol: Protocol::Sctp, range: PortRange::ALL },
            numbers(Protocol::Tcp, 80, 80)
        ]
    );
    let old = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: p}\n\
               spec:\n  priority: 0\n  subject: {namespaces: {}}\n  ingress:\n  - action: Allow\n    \
               from: [{namespaces: {}}]\n    ports: [{portRange: {protocol: UDP, start: 5, end: 9}}, {portNumber: {port: 80}}]\n";
    assert_eq!(
        accepted(old).ingress[0].ports,
        [numbers(Protocol::Udp, 5, 9), numbers(Protocol::Tcp, 80, 80)],
        "a missing protocol is TCP"
    );
}

#[test]
fn a_peer_of_a_newer_api_is_kept_as_unknown() {
    let policy = accepted(&with_rule("egress", "action: Deny\nto: [{services: {}}, {nodes: {}}]"));
    assert!(matches!(&policy.egress[0].peers[0], TierPeer::Unknown(field) if field == "services"));
    let policy = accepted(&with_rule("ingress", "action: Accept\nfrom: [{networks: [10.0.0.0/8]}]"));
    assert!(
        matches!(&policy.ingress[0].peers[0], TierPeer::Unknown(field) if field == "networks"),
        "ingress peers are pods only"
    );
}

#[test]
fn what_is_written_reads_back_as_the_same_policy_in_every_kind() {
    // Names of ports are for pods alone.
    let rules = |action: &str, [named, numbered]: [&str; 2]| {
        format!(
            "ingress: [{{name: r, action: Deny, from: [{{namespaces: {{}}}}, {{pods: {{namespaceSelector: {{matchLabels: {{a: b}}}}, \
             podSelector: {{matchExpressions: [{{key: x, operator: NotIn, values: [z]}}]}}}}}}], {named}}}], \
             egress: [{{action: {action}, to: [{{networks: [10.0.0.0/8, \"::/0\"]}}, {{nodes: {{}}}}], {numbered}}}]"
        )
    };
    let old = [
        "ports: [{namedPort: web}]",
        "ports: [{portNumber: {protocol: UDP, port: 53}}, {portRange: {protocol: TCP, start: 1, end: 9}}]",
    ];
    let new = [
        "protocols: [{destinationNamedPort: web}]",
        "protocols: [{udp: {destinationPort: {number: 53}}}, {tcp: {destinationPort: {range: {start: 1, end: 9}}}}]",
    ];
    let subject = "subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {q: \"on\"}}}}";
    for (version, kind, name, head, rules) in [
        ("v1alpha2", "ClusterNetworkPolicy", "p", "tier: Baseline, priority: 7, ", rules("Accept", new)),
        ("v1alpha1", "AdminNetworkPolicy", "p", "priority: 7, ", rules("Allow", old)),
        ("v1alpha1", "BaselineAdminNetworkPolicy", "default", "", rules("Allow", old)),
    ] {
        let policy = accepted(&format!(
            "apiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\n\
             spec: {{{head}{subject}, {rules}}}\n"
        ));
        let mut text = String::new();
        write_cluster_policy(&mut text, &policy, &BTreeMap::default()).unwrap();
        assert_eq!(accepted(&text), policy, "{text}");
    }
}
