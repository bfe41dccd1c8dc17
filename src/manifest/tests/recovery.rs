//! One broken thing costs only itself.

use super::*;

fn problems(snapshot: &Snapshot) -> Vec<String> {
    snapshot.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_syntax_error_loses_only_its_document() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\n\
                metadata: {name: b\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n";
    let snapshot = parse_objects(text, "t.yaml");
    assert_eq!(names(&snapshot), [("a".to_owned(), 1), ("c".to_owned(), 9)]);
    assert_eq!(snapshot.problems.len(), 1);
    assert!(problems(&snapshot)[0].starts_with("t.yaml:7: Pod: "), "{:?}", problems(&snapshot));
}

#[test]
fn documents_of_json_between_markers_are_all_read() {
    let one = |name: &str| {
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{{\"name\":\"{name}\"}}}}\n")
    };
    let text = format!("{}---\n{}---\n{}", one("a"), one("b"), one("c"));
    let snapshot = parse_objects(&text, "t.json");
    assert_eq!(problems(&snapshot), [""; 0]);
    assert_eq!(names(&snapshot).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_syntax_error_loses_only_its_list_item_however_the_list_is_indented() {
    for indent in ["", "  "] {
        let item = |name: &str, extra: &str| {
            format!(
                "{indent}- apiVersion: v1\n{indent}  kind: Namespace\n{indent}  metadata:\n\
                 {indent}    name: {name}\n{extra}"
            )
        };
        let text = format!(
            "apiVersion: v1\nitems:\n{}{}{}kind: List\nmetadata:\n  resourceVersion: \"\"\n",
            item("a", ""),
            item("b", "   oops: [\n"),
            item("c", "")
        );
        let snapshot = parse_objects(&text, "t.yaml");
        assert_eq!(names(&snapshot), [("a".to_owned(), 3), ("c".to_owned(), 12)], "{text}");
        assert!(problems(&snapshot)[0].contains(": Namespace b: "), "{:?}", problems(&snapshot));
    }
}

#[test]
fn a_broken_item_of_a_printed_json_list_loses_only_itself() {
    let item = |name: &str, extra: &str| {
        format!(
            "        {{\n            \"apiVersion\": \"v1\",\n            \"kind\": \"Namespace\",\n            \
             \"metadata\": {{\n                \"name\": \"{name}\"{extra}\n            }}\n        }}"
        )
    };
    let text = format!(
        "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n{},\n{},\n{}\n    ],\n    \"kind\": \"List\"\n}}\n",
        item("a", ""),
        item("b", ",,"),
        item("c", "")
    );
    let snapshot = parse_objects(&text, "t.json");
    assert_eq!(names(&snapshot), [("a".to_owned(), 4), ("c".to_owned(), 18)]);
    assert_eq!(problems(&snapshot).len(), 1);
    assert!(problems(&snapshot)[0].starts_with("t.json:15: "), "{:?}", problems(&snapshot));
}

#[test]
fn truncated_json_keeps_its_whole_items() {
    let text = "{\n    \"items\": [\n        {\n            \"apiVersion\": \"v1\",\n            \
                \"kind\": \"Namespace\",\n            \"metadata\": {\"name\": \"a\"}\n        },\n        {\n            \"ki";
    let snapshot = parse_objects(text, "t.json");
    assert_eq!(names(&snapshot), [("a".to_owned(), 3)]);
    assert_eq!(snapshot.problems.len(), 1);
}

#[test]
fn a_duplicate_key_refuses_its_object() {
    for spec in ["podSelector: {}\n  podSelector: {}", "podSelector: {matchLabels: {a: b, a: c}}"] {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec:\n  {spec}\n"
        );
        let snapshot = parse_objects(&text, "t.yaml");
        assert!(snapshot.objects.is_empty());
        assert!(problems(&snapshot)[0].contains("duplicate mapping key"), "{:?}", problems(&snapshot));
    }
    let json = r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},
        "spec":{"podSelector":{},"podSelector":{}}}"#;
    assert!(problems(&parse_objects(json, "t.json"))[0].contains("duplicate key"));
}

#[test]
fn lists_documents_and_empties_in_every_spelling_read_alike() {
    let a = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
    let flow =
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Namespace, metadata: {name: a}}]}";
    let typed = "apiVersion: v1\nkind: NamespaceList\nitems:\n- kind: Namespace\n  apiVersion: v1\n  metadata: {name: a}\n";
    let json = r#"{"kind":"List","apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}]}"#;
    let array = r#"[{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}]"#;
    let commented = format!("# a comment\n%YAML 1.2\n--- # first\n{a}...\n---\n# nothing\n---\n");
    let windows = a.replace('\n', "\r\n");
    let anchored = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: &m {name: a}\n\
                    - apiVersion: v1\n  kind: Namespace\n  metadata: *m\n";
    for text in [a, flow, typed, json, array, &commented, &windows, anchored, &format!("\u{feff}{a}")] {
        let snapshot = parse_objects(text, "t");
        assert!(snapshot.problems.is_empty(), "{text}: {:?}", snapshot.problems);
        assert_eq!(names(&snapshot).len(), 1, "{text}");
    }
    for empty in [
        "",
        "---\n",
        "# only a comment\n",
        "apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
    ] {
        assert_eq!(parse_objects(empty, "t"), Snapshot::default(), "{empty:?}");
    }
    let two = format!("{json}\n{json}");
    assert_eq!(names(&parse_objects(&two, "t")), [("a".to_owned(), 1), ("a".to_owned(), 2)]);
}

#[test]
fn block_scalars_that_look_like_documents_or_items_stay_inside() {
    let text = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: a\n    \
                annotations:\n      x: |\n        items:\n        - kind: Pod\n        ---\n        kind: Pod\n- \
                apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: b\nkind: List\n";
    let snapshot = parse_objects(text, "t.yaml");
    assert_eq!(names(&snapshot), [("a".to_owned(), 3), ("b".to_owned(), 13)], "{:?}", snapshot.problems);
}

#[test]
fn other_kinds_are_counted_by_group() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\
                apiVersion: crd.projectcalico.org/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n---\n\
                apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n";
    let snapshot = parse_objects(text, "t.yaml");
    assert!(snapshot.objects.is_empty() && !snapshot.has_errors());
    let ignored: Vec<&str> = snapshot.ignored_kinds.keys().map(String::as_str).collect();
    assert_eq!(
        ignored,
        ["crd.projectcalico.org/v1 NetworkPolicy", "serving.knative.dev/v1 Service", "v1 ConfigMap"]
    );
}

#[test]
fn hostile_text_is_bounded_and_never_panics() {
    let brackets = "[".repeat(200_000);
    let depth = (0..500).fold(String::new(), |text, i| text + &" ".repeat(i) + "a:\n");
    let bomb = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    let storm = "- x\n---\n".repeat(5_000);
    let json = format!("{}{}", "{\"a\":".repeat(100_000), "1");
    for text in [
        brackets.as_str(),
        &depth,
        bomb,
        &storm,
        &json,
        "%",
        "---",
        "- ",
        "{",
        "\"",
        "items:\n-",
        "kind: List\nitems:\n- \n",
    ] {
        let snapshot = parse_objects(text, "t");
        assert!(snapshot.problems.len() <= Snapshot::MAX_PROBLEMS);
    }
    assert_eq!(parse_objects(&storm, "t").further_problems, 4_000);
}
