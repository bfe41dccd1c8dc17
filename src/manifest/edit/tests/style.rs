use Direction::{Egress, Ingress};
use Part::{Becomes, Goes, Stays};

use super::*;

const STYLED: &str = "\
# Who may ask the API.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop, labels: {team: \"a\"}}   # ours
spec:
    podSelector:
        matchLabels: { app: api }
    ingress:
      # the shop window
      - from:
          - podSelector: {matchLabels: {app: 'web'}} # quoted
          # nobody remembers
          - namespaceSelector:
              matchLabels:
                team: b
            # deeper
        ports:
          - {port: 9090, protocol: TCP}
          - port: 9091

      # metrics
      - ports: [{port: 9100}, {port: 9101}, {port: 9102}]
    policyTypes: [Ingress]
---
kind: ConfigMap
apiVersion: v1
metadata: {name: other}
data: {a: \"\\u0041\", b: 'it''s'}
";

#[test]
fn what_is_not_narrowed_survives_byte_for_byte() {
    let text =
        edited(STYLED, Ingress, &[rule(&[Stays, Goes], &[Becomes, Stays]), rule(&[], &[Goes, Stays, Goes])]);
    let expected = STYLED
        .replace(
            "          # nobody remembers\n          - namespaceSelector:\n              matchLabels:\n                team: b\n            # deeper\n",
            "",
        )
        .replace(
            "          - {port: 9090, protocol: TCP}\n",
            "          - protocol: TCP\n            port: 7000\n          - protocol: TCP\n            port: 7050\n",
        )
        .replace("[{port: 9100}, {port: 9101}, {port: 9102}]", "[{port: 9101}]");
    assert_eq!(text, expected);
}

#[test]
fn rules_go_with_the_comment_above_them_and_the_last_leaves_an_empty_list() {
    let text = edited(STYLED, Ingress, &[Step::Drop]);
    let start = STYLED.find("      # the shop window").unwrap();
    let end = STYLED.find("\n      # metrics").unwrap();
    assert_eq!(text, format!("{}{}", &STYLED[..start], &STYLED[end..]));

    let text = edited(STYLED, Ingress, &[Step::Drop, Step::Drop]);
    let end = STYLED.find("    policyTypes").unwrap();
    let head = STYLED[..start].replace("ingress:\n", "ingress: []\n");
    assert_eq!(text, format!("{head}{}", &STYLED[end..]));
}

#[test]
fn a_split_rule_is_followed_by_the_new_one() {
    let text = edited(STYLED, Ingress, &[Step::Split]);
    assert!(text.contains("- port: 9091\n      - from:\n        - namespaceSelector:\n"), "{text}");
    assert!(text.contains("      # the shop window\n      - from:\n          - podSelector"), "{text}");
}

#[test]
fn a_list_that_was_not_there_is_written_where_people_look_for_it() {
    let text =
        edited(STYLED, Ingress, &[rule(&[Stays, Stays], &[Stays, Stays]), rule(&[Becomes], &[Stays; 3])]);
    let expected = "\
      - from:
        - podSelector:
            matchLabels:
              app: new-90
        - podSelector:
            matchLabels:
              app: new-91
        ports: [{port: 9100}, {port: 9101}, {port: 9102}]
";
    assert!(text.contains(expected), "{text}");
}

fn spec(spec: &str) -> String {
    format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\nspec:\n{spec}")
}

#[test]
fn a_rule_that_says_nothing_becomes_one_and_keeps_its_comment() {
    let everybody = [rule(&[Becomes], &[Becomes])];
    for (bare, head) in [
        ("  - {}  # everybody\n", "  - from:  # everybody\n    - podSelector:\n"),
        ("  -\n", "  - from:\n    - podSelector:\n"),
        ("  - null\n", "  - from:\n    - podSelector:\n"),
        ("  - {}", "  - from:\n    - podSelector:\n"),
    ] {
        let text = spec(&format!("  podSelector: {{}}\n  ingress:\n{bare}"));
        let now = edited(&text, Ingress, &everybody);
        assert!(now.contains(head), "{now}");
    }
    let text = spec("  podSelector: {}\n  ingress: [{}]\n");
    assert!(edited(&text, Ingress, &everybody).contains("ingress: [{\"from\": [{\"podSelector\""));
    let text = spec("  podSelector: {}\n  ingress:\n  - from: []\n    ports:\n");
    let now = edited(&text, Ingress, &everybody);
    assert!(
        now.contains("  - from: [{\"podSelector\"") && now.contains("    ports: [{\"protocol\""),
        "{now}"
    );
}

#[test]
fn egress_without_rules_and_policy_types_still_isolates() {
    let text = spec("  podSelector: {}\n  egress:  # out\n  - ports:\n    - port: 1\n");
    let now = edited(&text, Egress, &[Step::Drop]);
    let expected = "  policyTypes:\n  - Ingress\n  - Egress\n  podSelector: {}\n  egress: []  # out\n";
    assert_eq!(now, spec(expected));
    let flow = "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {\"name\": \"p\"},
  \"spec\": {\"podSelector\": {}, \"egress\": [{\"ports\": [{\"port\": 1}]}]}}";
    let now = edited(flow, Egress, &[Step::Drop]);
    assert!(
        now.contains("{\"policyTypes\": [\"Ingress\", \"Egress\"], \"podSelector\": {}, \"egress\": []}"),
        "{now}"
    );
}

#[test]
fn json_stays_json_and_is_edited_in_itself() {
    let text = r#"{
	"apiVersion": "v1", "kind": "List",
	"items": [
		{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		 "metadata": {"name": "p", "namespace": "shop"},
		 "spec": {"podSelector": {}, "ingress": [
			{"from": [{"podSelector": {"matchLabels": {"a": "b"}}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]},
			{"ports": [{"port": 80}]}
		 ]}},
		{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
	]
}
"#;
    let now = edited(text, Ingress, &[rule(&[Goes, Becomes], &[Becomes]), Step::Drop]);
    serde_json::from_str::<serde_json::Value>(&now).unwrap();
    assert!(now.starts_with(&text[..text.find("{\"from\"").unwrap()]), "{now}");
    assert!(now.ends_with(&text[text.find("\n\t\t ]}},").unwrap()..]), "{now}");
}

#[test]
fn windows_line_breaks_a_mark_and_a_missing_last_break_stay() {
    let unix = spec(
        "  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}  #\ta\ttab\n    - podSelector: {matchLabels: {a: b}}",
    );
    let text = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    let now = edited(&text, Ingress, &[rule(&[Stays, Becomes], &[])]);
    assert!(now.starts_with('\u{feff}') && now.contains("#\ta\ttab\r\n"));
    assert_eq!(now.matches('\n').count(), now.matches("\r\n").count());
    assert!(now.ends_with("app: new-51"), "{now:?}");
}

#[test]
fn what_is_shared_through_anchors_is_refused_in_words() {
    let text = spec(
        "  podSelector: {}\n  ingress:\n  - from: &who\n    - podSelector: {}\n  - from: *who\n    ports: [{port: 1}]\n",
    );
    let error = try_edit(&text, Ingress, &[Step::Drop]).unwrap_err().to_string();
    assert_eq!(
        error,
        "test.yaml: default/p cannot be edited where it is: its spec is written with YAML anchors or aliases, \
         and an edit would change more than it"
    );
    let elsewhere = format!("{}---\na: &x 1\nb: *x\n", spec("  podSelector: {}\n  ingress:\n  - {}\n"));
    let all = parse_objects(&elsewhere, "test.yaml").policies();
    let now = narrowed(&all[0], Ingress, &[Step::Drop]);
    assert!(edit(&elsewhere, "test.yaml", &[Change { was: &all[0], now: &now }]).is_ok());
}

#[test]
fn a_policy_that_a_file_holds_twice_is_refused() {
    let one = spec("  podSelector: {}\n  ingress:\n  - {}\n");
    let text = format!("{one}---\n{one}");
    let error = try_edit(&text, Ingress, &[Step::Drop]).unwrap_err().to_string();
    assert!(error.ends_with("the file holds it more than once"), "{error}");
}

#[test]
fn a_list_of_kubectl_keeps_its_other_items() {
    let text = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: s\n- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata:\n    name: p\n    namespace: shop\n  spec:\n    ingress:\n    - from:\n      - podSelector: {}\n      ports:\n      - port: 1\n      - port: 2\n    podSelector: {}\n    policyTypes:\n    - Ingress\nkind: List\n";
    let now = edited(text, Ingress, &[rule(&[Stays], &[Goes, Stays])]);
    assert_eq!(now, text.replace("      - port: 1\n", ""));
}
