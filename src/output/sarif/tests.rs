use super::*;

fn entry(at: usize) -> Entry {
    Entry {
        rule: "b",
        level: "note",
        text: format!("finding {at}"),
        fix: None,
        fingerprint: format!("b:{at}"),
        place: Some(("./a b/p.yaml".to_owned(), 3)),
        rank: Some(40),
        properties: Map::new(),
        objects: Vec::new(),
    }
}

fn log(entries: &[Entry]) -> Value {
    let rule = |id| Rule { id, level: "note", title: "t", meaning: "m", doubt: "d", fix: "f" };
    let mut out = Vec::new();
    write("audit", &[rule("a"), rule("b")], entries, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_result_points_at_its_rule_and_file() {
    let log = log(&[entry(0)]);
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleIndex"], &result["rank"]), (&1.into(), &40.into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/p.yaml");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
}

#[test]
fn text_from_outside_is_no_link() {
    let link = Entry { text: "[here](https://a.example) in egress[0]\u{202e}".to_owned(), ..entry(0) };
    let text = &log(&[link, entry(1)])["runs"][0]["results"];
    assert_eq!(text[0]["message"]["text"], "\\[here\\](https://a.example) in egress\\[0\\]");
    assert_eq!(text[1]["message"]["text"], "finding 1");
}

#[test]
fn paths_that_leave_the_sources_are_not_said_to_be_under_them() {
    let of = |file| {
        let artifact = artifact(file);
        (artifact.uri, artifact.uri_base_id)
    };
    assert_eq!(of("/tmp/p.yaml"), ("file:///tmp/p.yaml".to_owned(), None));
    assert_eq!(of("../p:q.yaml"), ("../p%3Aq.yaml".to_owned(), None));
}

#[test]
fn what_code_scanning_would_refuse_is_left_out_and_counted() {
    let entries: Vec<Entry> = (0..MAX_RESULTS + 2).map(entry).collect();
    let log = log(&entries);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), MAX_RESULTS);
    let notice = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(notice.as_str().unwrap().starts_with("2 results"), "{notice}");
}
