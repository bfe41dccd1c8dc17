use flowfence_model::{Direction, Remark};

use super::super::parse_objects;

/// The remarks on a NetworkPolicy with this `spec`, in flow style.
fn remarks(spec: &str) -> Vec<Remark> {
    let head =
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n";
    let snapshot = parse_objects(&format!("{head}spec: {spec}\n"), "p.yaml");
    assert!(!snapshot.has_errors(), "{:?}", snapshot.problems);
    snapshot.objects[0].spelling.remarks.clone()
}

#[test]
fn what_the_checked_form_no_longer_shows_is_remarked() {
    let (ingress, egress) = (Direction::Ingress, Direction::Egress);
    for (spec, expected) in [
        ("{podSelector: {}, policyTypes: [Ingress]}", vec![]),
        ("{podSelector: {}, policyTypes: [Ingress, Egress], egress: []}", vec![]),
        ("{podSelector: {}, ingress: []}", vec![]),
        ("{podSelector: {}, ingress: [], egress: [{}]}", vec![]),
        ("{podSelector: {}}", vec![Remark::OnlyIngressDenied]),
        ("{podSelector: {}, policyTypes: []}", vec![Remark::OnlyIngressDenied]),
        ("{podSelector: {}, egress: []}", vec![Remark::EgressLeftOpen]),
        ("{podSelector: {}, ingress: [{}], egress: []}", vec![Remark::EgressLeftOpen]),
        ("{podSelector: {}, egress: [{}]}", vec![Remark::IngressDeniedToo]),
        (
            "{podSelector: {}, policyTypes: [Egress], ingress: [{}, {from: []}]}",
            vec![Remark::RulesIgnored { direction: ingress, rules: 2 }],
        ),
        (
            "{podSelector: {}, policyTypes: [Ingress], ingress: [{}], egress: [{}]}",
            vec![Remark::RulesIgnored { direction: egress, rules: 1 }],
        ),
        (
            "{podSelector: {}, ingress: [{from: null}, {from: []}]}",
            vec![Remark::EmptyPeers { direction: ingress, rule: 1 }],
        ),
    ] {
        assert_eq!(remarks(spec), expected, "{spec}");
    }
}

#[test]
fn each_part_of_a_policy_knows_its_line() {
    let text = "kind: List\napiVersion: v1\nitems:\n\
                - apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata: {name: p}\n  spec:\n\
                \x20   podSelector: {}\n    ingress:\n    - ports:\n      - port: 80\n      - port: 81\n\
                \x20   - from:\n      - podSelector: {}\n";
    let snapshot = parse_objects(text, "p.yaml");
    let lines = &snapshot.objects[0].spelling.lines;
    let of = |field: &str| lines.get(field).copied();
    assert_eq!(
        [of("podSelector"), of("ingress[0]"), of("ingress[0].ports[1]")],
        [Some(8), Some(10), Some(12)]
    );
    assert_eq!([of("ingress[1]"), of("ingress[1].from[0]"), of("egress")], [Some(13), Some(14), None]);
}

#[test]
fn other_kinds_have_no_spelling() {
    let snapshot =
        parse_objects("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n", "p.yaml");
    assert_eq!(snapshot.objects[0].spelling, super::super::Spelling::default());
}
