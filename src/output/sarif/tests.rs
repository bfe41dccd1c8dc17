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

fn logged(entries: &[Entry]) -> Value {
    let rule = |id| Rule { id, level: "note", title: "t", meaning: "m", doubt: "d", fix: "f" };
    let mut out = Vec::new();
    write("audit", &[rule("a"), rule("b")], entries, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_result_points_at_its_rule_and_file() {
    let log = logged(&[entry(0)]);
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleIndex"], &result["rank"]), (&1.into(), &40.into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/p.yaml");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
}

#[test]
fn text_from_outside_is_no_link() {
    let link = Entry { text: "[here](https://a.example) in egress[0]\u{202e}".to_owned(), ..entry(0) };
    let text = &logged(&[link, entry(1)])["runs"][0]["results"];
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
    let log = logged(&entries);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), MAX_RESULTS);
    let notice = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(notice.as_str().unwrap().starts_with("2 results"), "{notice}");
}

#[test]
fn a_log_that_code_scanning_would_refuse_for_its_size_is_cut() {
    // Text that gzip cannot make smaller than half.
    let noise = |seed: usize| -> String {
        let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
        };
        (0..20_000).map(|_| next()).collect()
    };
    let entries: Vec<Entry> = (0..1_200).map(|at| Entry { text: noise(at), ..entry(at) }).collect();
    let rule = Rule { id: "b", level: "note", title: "t", meaning: "m", doubt: "d", fix: "f" };
    let mut out = Vec::new();
    write("audit", &[rule], &entries, &mut out).unwrap();
    assert!(compressed(&out).unwrap() <= MAX_OCTETS);
    let log: Value = serde_json::from_slice(&out).unwrap();
    let kept = log["runs"][0]["results"].as_array().unwrap().len();
    assert!((300..1_200).contains(&kept), "{kept}");
    let notice = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(notice.as_str().unwrap().starts_with(&format!("{} results", 1_200 - kept)), "{notice}");
}

#[test]
fn the_fingerprint_that_code_scanning_goes_by_is_made_of_the_id() {
    let moved = Entry { place: Some(("other.yaml".to_owned(), 9)), ..entry(0) };
    let log = logged(&[entry(0), moved, entry(1)]);
    let prints: Vec<String> = log["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["partialFingerprints"]["primaryLocationLineHash"].to_string())
        .collect();
    assert!(prints[0] == prints[1] && prints[0] != prints[2], "{prints:?}");
}
