use super::*;

/// The objects of a document that comes in parts of `part` octets, and how many were given up.
fn objects(text: &str, part: usize) -> (Vec<String>, usize, usize) {
    let data = text.as_bytes();
    let (mut walk, mut begin, mut end) = (Walk::new(), 0, 0);
    let (mut found, mut broken, mut other) = (Vec::new(), 0, 0);
    loop {
        let here = &data[begin..end];
        let mut step = walk.step(here);
        if step == Step::More {
            if end < data.len() {
                end = (end + part).min(data.len());
                continue;
            }
            if !walk.is_inside() {
                return (found, broken, other);
            }
            step = walk.give_up(here);
        }
        begin += match step {
            Step::More => unreachable!("handled above"),
            Step::Pass(n) => n,
            Step::Object(n) => {
                found.push(String::from_utf8(here[..n].to_vec()).unwrap());
                n
            }
            Step::Broken { passed } => {
                broken += 1;
                passed
            }
            Step::Other(n) => {
                other += 1;
                n
            }
        };
    }
}

fn ones(text: &str) -> Vec<String> {
    let whole = objects(text, text.len());
    for part in [1, 2, 7] {
        assert_eq!(objects(text, part).0, whole.0, "in parts of {part}: {text}");
    }
    assert_eq!((whole.1, whole.2), (0, 0), "{text}");
    whole.0
}

#[test]
fn objects_are_found_however_they_are_put_together() {
    let want = vec![r#"{"a":1}"#.to_owned(), r#"{"b":[{"c":2}]}"#.to_owned()];
    for text in [
        "{\"a\":1}\n{\"b\":[{\"c\":2}]}\n",
        r#"{"a":1}{"b":[{"c":2}]}"#,
        r#"[{"a":1},{"b":[{"c":2}]}]"#,
        "[\n  {\"a\":1},\n  {\"b\":[{\"c\":2}]}\n]\n",
        "[\n{\"a\":1}\n,{\"b\":[{\"c\":2}]}\n]\n",
        "\u{1e}{\"a\":1}\n\u{1e}{\"b\":[{\"c\":2}]}\n",
        r#"{"records":[{"a":1},{"b":[{"c":2}]}]}"#,
        r#"{"nextToken":null,"logEvents":[{"a":1},{"b":[{"c":2}]}],"searched":[{"x":1}],"end":{"y":[{}]}}"#,
        r#"{"logEvents":[{"a":1}]}{"logEvents":[{"b":[{"c":2}]}]}"#,
        r#"{"took":1,"hits":{"total":{"value":2},"hits":[{"a":1},{"b":[{"c":2}]}],"max":null},"more":{}}"#,
        r#"{"items":[{"a":1}],"flows":[{"b":[{"c":2}]}]}"#,
        r#"[[{"a":1}],[{"b":[{"c":2}]}]]"#,
    ] {
        assert_eq!(ones(text), want, "{text}");
    }
}

#[test]
fn an_object_over_several_lines_is_one() {
    let text = "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\n  \"a\": 2\n}\n";
    assert_eq!(ones(text).len(), 2);
}

#[test]
fn damage_costs_only_the_object_that_it_is_in() {
    for (text, left) in [
        ("{\"a\":1}\n{\"a\":\n{\"a\":3}\n{\"a\":4}\n", 3),
        ("{\"a\":1}\n{\"a\":\"x\n{\"a\":3}\n", 2),
        ("{\n  \"a\": 1\n}\n{\n  \"a\": {\n    \"b\": ]\n  }\n}\n{\n  \"a\": 3\n}\n", 2),
        ("[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": {\n  },\n  {\n    \"a\": 3\n  }\n]\n", 2),
        (r#"[{"a":1},{"a":},{"a":3}]"#, 2),
        (r#"{"a":1}{"a":1 2}{"a":3}"#, 2),
        ("{\"a\":1}\n{\"a\":2", 1),
    ] {
        for part in [1, 5, text.len()] {
            let (found, broken, _) = objects(text, part);
            if part == text.len() {
                assert_eq!(found.len(), left, "{text}: {found:?}");
            }
            assert!(broken >= 1, "{text} in parts of {part}");
        }
    }
}

#[test]
fn what_is_no_json_is_told_and_passed() {
    let text = "starting\n{\"a\":1}\nlevel=info msg=\"x\"\n{\"a\":2}\n";
    let (found, broken, other) = objects(text, text.len());
    assert_eq!((found.len(), broken, other), (2, 0, 2));
}

#[test]
fn hostile_openings_cost_bounded_work() {
    let text = "{\"a\":[\n".repeat(20_000) + "{\"good\":1}\n";
    let begun = std::time::Instant::now();
    let (found, broken, _) = objects(&text, 4096);
    assert!(found.iter().any(|f| f.contains("good")), "{broken}");
    assert!(begun.elapsed().as_secs() < 20);
}
