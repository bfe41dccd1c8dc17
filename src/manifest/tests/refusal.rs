//! NetworkPolicies that the API server refuses, and the ones it accepts although they look odd.

use flowfence_model::{LabelSelector, NetworkPolicy, PolicyPeer, PolicyRule};

use super::*;

fn read(spec: &str) -> Snapshot {
    let spec = spec.replace('\n', "\n  ");
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\nspec:\n  {spec}\n"
    );
    parse_objects(&text, "t.yaml")
}

fn accepted(spec: &str) -> NetworkPolicy {
    let snapshot = read(spec);
    assert!(snapshot.problems.is_empty(), "{spec}: {:?}", snapshot.problems);
    snapshot.policies().remove(0)
}

/// (spec, line of the file, field below spec, part of the reason); the spec begins on line 6.
const REFUSED: &[(&str, usize, &str, &str)] = &[
    (
        "ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.0/33}",
        8,
        "ingress[0].from[0].ipBlock.cidr",
        "not a CIDR",
    ),
    ("ingress:\n- from:\n  - ipBlock: {cidr: 10.0.0.1}", 8, "ingress[0].from[0].ipBlock.cidr", "not a CIDR"),
    ("ingress:\n- from:\n  - ipBlock: {}", 8, "ingress[0].from[0].ipBlock.cidr", "required"),
    (
        "egress:\n- to:\n  - ipBlock:\n      cidr: 10.0.0.0/8\n      except:\n      - 11.0.0.0/16",
        11,
        "egress[0].to[0].ipBlock.except[0]",
        "strict subset",
    ),
    (
        "egress:\n- to:\n  - ipBlock:\n      cidr: 10.0.0.0/8\n      except: [10.0.0.0/8]",
        10,
        "egress[0].to[0].ipBlock.except[0]",
        "strict subset",
    ),
    (
        "egress:\n- to:\n  - ipBlock: {cidr: 10.0.0.0/8, except: ['::/0']}",
        8,
        "egress[0].to[0].ipBlock.except[0]",
        "strict subset",
    ),
    (
        "ingress:\n- ports:\n  - port: 80\n    endPort: 79",
        9,
        "ingress[0].ports[0].endPort",
        "greater than or equal",
    ),
    ("ingress:\n- ports:\n  - port: http\n    endPort: 79", 9, "ingress[0].ports[0].endPort", "is a name"),
    ("ingress:\n- ports:\n  - endPort: 79", 8, "ingress[0].ports[0].endPort", "`port` is not specified"),
    ("ingress:\n- ports:\n  - port: 0", 8, "ingress[0].ports[0].port", "not a port number"),
    ("ingress:\n- ports:\n  - port: 65536", 8, "ingress[0].ports[0].port", "not a port number"),
    ("ingress:\n- ports:\n  - port: \"80\"", 8, "ingress[0].ports[0].port", "without quotes"),
    ("ingress:\n- ports:\n  - port: Http", 8, "ingress[0].ports[0].port", "not a port name"),
    ("ingress:\n- ports:\n  - port: -1", 8, "ingress[0].ports[0].port", "not a port number"),
    ("ingress:\n- ports:\n  - port: 80.5", 8, "ingress[0].ports[0].port", "expected a number or a name"),
    ("ingress:\n- ports:\n  - port: true", 8, "ingress[0].ports[0].port", "expected a number or a name"),
    ("ingress:\n- ports:\n  - port: [80]", 8, "ingress[0].ports[0].port", "expected a number or a name"),
    ("ingress:\n- ports:\n  - port: abcdefghijklmnop", 8, "ingress[0].ports[0].port", "at most 15"),
    ("ingress:\n- ports:\n  - port: my--http", 8, "ingress[0].ports[0].port", "not a port name"),
    ("ingress:\n- ports:\n  - port: -http", 8, "ingress[0].ports[0].port", "not a port name"),
    ("ingress:\n- ports:\n  - port: http-", 8, "ingress[0].ports[0].port", "not a port name"),
    ("ingress:\n- ports:\n  - port: 80-81", 8, "ingress[0].ports[0].port", "with a letter"),
    ("ingress:\n- ports:\n  - port: ''", 8, "ingress[0].ports[0].port", "not a port name"),
    (
        "ingress:\n- ports:\n  - {port: 80, endPort: 65536}",
        8,
        "ingress[0].ports[0].endPort",
        "not a port number",
    ),
    (
        "ingress:\n- ports:\n  - {port: 80, endPort: '90'}",
        8,
        "ingress[0].ports[0].endPort",
        "expected a number",
    ),
    ("ingress:\n- ports:\n  - {port: 80, name: http}", 8, "ingress[0].ports[0].name", "unknown field"),
    ("ingress:\n- ports: 80", 7, "ingress[0].ports", "expected a list, found the number 80"),
    ("ingress: true", 6, "ingress", "expected a list, found the boolean true"),
    ("ingress:\n- ports:\n  - protocol: 6", 8, "ingress[0].ports[0].protocol", "expected a string"),
    ("ingress:\n- ports:\n  - protocol: tcp", 8, "ingress[0].ports[0].protocol", "unsupported protocol"),
    ("ingress:\n- ports:\n  - protocol: ICMP", 8, "ingress[0].ports[0].protocol", "unsupported protocol"),
    ("ingress:\n- from:\n  - {}", 8, "ingress[0].from[0]", "must specify a peer"),
    ("ingress:\n- from:\n  -", 8, "ingress[0].from[0]", "must specify a peer"),
    (
        "ingress:\n- from:\n  - podSelector: {}\n    ipBlock: {cidr: 10.0.0.0/8}",
        9,
        "ingress[0].from[0].ipBlock",
        "another peer",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: In}",
        8,
        "podSelector.matchExpressions[0].values",
        "must be specified",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: Exists, values: [b]}",
        8,
        "podSelector.matchExpressions[0].values",
        "may not be",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: Gt, values: [b]}",
        8,
        "podSelector.matchExpressions[0].operator",
        "not a valid selector operator",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {operator: Exists}",
        8,
        "podSelector.matchExpressions[0].key",
        "not a valid label key",
    ),
    (
        "podSelector:\n  matchLabels:\n    a: on",
        8,
        "podSelector.matchLabels.a",
        "found the boolean true; quote it",
    ),
    (
        "podSelector:\n  matchLabels:\n    a: 1",
        8,
        "podSelector.matchLabels.a",
        "found the number 1; quote it",
    ),
    ("podSelector:\n  matchLabels:\n    a: 'b c'", 8, "podSelector.matchLabels.a", "not a valid label value"),
    (
        "podSelector:\n  matchLabels:\n    a/b/c: d",
        8,
        "podSelector.matchLabels.a/b/c",
        "not a valid label key",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: NotIn, values: []}",
        8,
        "podSelector.matchExpressions[0].values",
        "must be specified",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: DoesNotExist, values: [b]}",
        8,
        "podSelector.matchExpressions[0].values",
        "may not be",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: in, values: [b]}",
        8,
        "podSelector.matchExpressions[0].operator",
        "not a valid selector operator",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: In, values: [-b]}",
        8,
        "podSelector.matchExpressions[0].values[0]",
        "not a valid label value",
    ),
    (
        "podSelector:\n  matchExpressions:\n  - {key: a, operator: In, values: b}",
        8,
        "podSelector.matchExpressions[0].values",
        "expected a list",
    ),
    ("podSelector:\n  matchLabels: [a]", 7, "podSelector.matchLabels", "expected a mapping"),
    (
        "podSelector:\n  matchLabels:\n    Up.per/a: b",
        8,
        "podSelector.matchLabels.Up.per/a",
        "not a valid label key",
    ),
    ("podSelector:\n  matchLabels:\n    a_: b", 8, "podSelector.matchLabels.a_", "not a valid label key"),
    ("podSelector:\n  matchLabels:\n    /a: b", 8, "podSelector.matchLabels./a", "not a valid label key"),
    ("podSelector: []", 6, "podSelector", "expected a mapping, found a list"),
    ("ingress:\n  from: []", 7, "ingress", "expected a list, found a mapping"),
    ("policyTypes: [ingress]", 6, "policyTypes[0]", "neither \"Ingress\" nor \"Egress\""),
    ("policyTypes: [Ingress, Egress, Ingress]", 6, "policyTypes", "more than two"),
    ("podselector: {}", 6, "podselector", "unknown field"),
    ("ingress:\n- to: []", 7, "ingress[0].to", "unknown field"),
    (
        "ingress:\n- from:\n  - podSelector: {app: web}",
        8,
        "ingress[0].from[0].podSelector.app",
        "unknown field",
    ),
];

#[test]
fn an_invalid_policy_is_refused_with_line_field_and_reason() {
    for (spec, line, field, reason) in REFUSED {
        let snapshot = read(spec);
        assert!(snapshot.objects.is_empty(), "{spec}");
        let problem = &snapshot.problems[0];
        assert_eq!(problem.field.as_deref(), Some(&*format!("spec.{field}")), "{spec}: {problem}");
        assert!(problem.reason.contains(reason), "{spec}: {problem}");
        assert_eq!(problem.line, Some(*line), "{spec}: {problem}");
        assert_eq!(problem.object.as_deref(), Some("NetworkPolicy p"));
    }
}

#[test]
fn what_the_server_takes_is_taken_although_it_looks_odd() {
    for spec in [
        "ingress:\n- ports:\n  - {port: abcdefghijklmno, protocol: SCTP}",
        "ingress:\n- ports:\n  - port: 1st",
        "ingress:\n- ports:\n  - {port: 80, endPort: 80}",
        "ingress:\n- ports:\n  - {port: 65535}",
        "podSelector:\n  matchLabels:\n    a.b-c_D.e: F.g-h_1",
        "podSelector:\n  matchLabels:\n    a: ''",
        "podSelector:\n  matchExpressions:\n  - {key: example.org/a, operator: In, values: [b, b]}",
        "egress:\n- to:\n  - ipBlock: {cidr: '2001:db8::/32', except: ['2001:db8:1::/48', '2001:db8:1::/48']}",
        "policyTypes: [Egress, Egress]",
    ] {
        accepted(spec);
    }
}

#[test]
fn a_field_beside_spec_is_refused_since_dropping_it_would_change_the_meaning() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}}\ningress:\n- {}\n";
    let problem = parse_objects(text, "t").problems.remove(0);
    assert_eq!(problem.field.as_deref(), Some("ingress"));
}

#[test]
fn json_problems_have_the_line_of_their_field() {
    let text = "{\n \"apiVersion\": \"networking.k8s.io/v1\",\n \"kind\": \"NetworkPolicy\",\n \"metadata\": {\"name\": \"p\"},\n \"spec\": {\n  \"podSelector\": {},\n  \"ingress\": [\n   {\"ports\": [\n    {\"port\": 0}]}]}}";
    let problem = parse_objects(text, "t.json").problems.remove(0);
    assert_eq!((problem.line, problem.field.as_deref()), (Some(9), Some("spec.ingress[0].ports[0].port")));
}

#[test]
fn policy_types_default_to_ingress_and_to_egress_only_with_an_egress_rule() {
    let isolates = |spec: &str| {
        let policy = accepted(spec);
        (policy.ingress.is_some(), policy.egress.is_some())
    };
    assert_eq!(isolates("podSelector: {}"), (true, false));
    assert_eq!(isolates("egress: []"), (true, false), "an empty list is as good as none");
    assert_eq!(isolates("egress: null"), (true, false));
    assert_eq!(isolates("egress:\n- {}"), (true, true));
    assert_eq!(isolates("policyTypes: []\negress:\n- {}"), (true, true));
    assert_eq!(isolates("policyTypes: [Egress]"), (false, true));
}

#[test]
fn policy_types_win_over_rules() {
    let policy = accepted("policyTypes: [Egress]\ningress:\n- {}");
    assert_eq!((policy.ingress, policy.egress), (None, Some(vec![])));
    let policy = accepted("policyTypes: [Ingress, Egress]\ningress:\n- {}");
    assert_eq!((policy.ingress, policy.egress), (Some(vec![PolicyRule::default()]), Some(vec![])));
}

#[test]
fn empty_and_null_lists_are_absent_and_a_null_rule_is_an_empty_one() {
    for rule in ["{from: []}", "{from: null, ports: []}", "{}", "null"] {
        let policy = accepted(&format!("ingress:\n- {rule}"));
        assert_eq!(policy.ingress, Some(vec![PolicyRule::default()]), "{rule}");
    }
    for list in ["[]", "null", ""] {
        assert_eq!(accepted(&format!("ingress: {list}")).ingress, Some(vec![]), "{list:?}");
    }
}

#[test]
fn an_empty_selector_of_a_peer_is_not_an_absent_one() {
    let policy =
        accepted("ingress:\n- from:\n  - namespaceSelector: {}\n  - podSelector:\n      matchLabels: null");
    let peers = &policy.ingress.unwrap()[0].peers;
    let PolicyPeer::Pods(first) = &peers[0] else { panic!("{peers:?}") };
    assert_eq!((&first.namespaces, &first.pods), (&Some(LabelSelector::everything()), &None));
    let PolicyPeer::Pods(second) = &peers[1] else { panic!("{peers:?}") };
    assert_eq!((&second.namespaces, &second.pods), (&None, &Some(LabelSelector::everything())));
}

#[test]
fn a_missing_namespace_is_default_and_a_missing_protocol_is_tcp() {
    let policy = accepted("ingress:\n- ports:\n  - port: 0100");
    assert_eq!(policy.namespace, "default");
    let port = &policy.ingress.unwrap()[0].ports[0];
    assert_eq!(port.protocol.token(), "TCP");
    assert_eq!(port.port.as_ref().unwrap().to_string(), "64", "kubectl reads a leading zero as octal");
}

#[test]
fn host_bits_of_a_cidr_are_masked_and_no_spec_selects_the_namespace() {
    let policy = accepted("ingress:\n- from:\n  - ipBlock: {cidr: 10.1.2.3/8, except: [10.9.9.9/16]}");
    let expected = PolicyPeer::Block {
        cidr: "10.0.0.0/8".parse().unwrap(),
        except: vec!["10.9.0.0/16".parse().unwrap()],
    };
    assert_eq!(policy.ingress.unwrap()[0].peers, [expected]);
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n";
    assert!(parse_objects(text, "t").policies()[0].pod_selector.is_everything());
}
