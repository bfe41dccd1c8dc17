//! The file of `-o html`: safe to open whatever things are called, and its data the same as what the other outputs say.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod element;
#[path = "../graph_exports/generated.rs"]
mod generated;
mod said;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use base64::Engine as _;
use element::{Element, elements, named};
use flowfence::output::page::{PageReport, write};
use generated::generated;
use serde_json::Value;
use support::shop;

/// The data of a page, of which there is exactly one.
fn data(page: &str) -> Value {
    let elements = elements(page);
    let data: Vec<&Element> =
        elements.iter().filter(|element| element.attribute("id") == "flowfence-data").collect();
    assert_eq!(data.len(), 1, "one element of data");
    assert_eq!((data[0].name.as_str(), data[0].attribute("type")), ("script", "application/json"));
    serde_json::from_str(&data[0].text).unwrap()
}

fn written(report: &PageReport) -> String {
    let mut octets = Vec::new();
    write(report, &mut octets).unwrap();
    String::from_utf8(octets).unwrap()
}

fn shop_page(verb: &str) -> Value {
    let code = i32::from(verb == "audit");
    data(&shop::inputs().run(verb, &["-o", "html"]).ends(code).stdout)
}

/// Rows without the fields that only the page has.
fn without(rows: &Value, fields: &[&str]) -> Vec<Value> {
    let mut rows = rows.as_array().unwrap().clone();
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        for field in fields {
            row.remove(*field);
        }
    }
    rows
}

#[test]
fn names_that_hurt_are_data_and_nothing_else() {
    let mut report = PageReport::from(generated(60, 400));
    report.title = "</title><script>alert(1)</script>".to_owned();
    let page = written(&report);
    let all = elements(&page);
    assert_eq!(data(&page), serde_json::to_value(&report).unwrap());
    assert_eq!(named(&all, "title")[0].text, report.title);
    let shapes = |all: &[Element]| -> Vec<String> {
        all.iter().map(|element| format!("{} {:?}", element.name, element.attributes)).collect()
    };
    let empty = elements(&written(&PageReport::from(generated(0, 0))));
    assert_eq!(shapes(&all), shapes(&empty), "no name makes or changes an element");
    assert!(
        page.contains("\\u003c/script\\u003e") && !page.contains('\u{202e}') && !page.contains('\u{2028}')
    );
}

#[test]
fn nothing_runs_but_what_the_policy_of_content_names() {
    let page = written(&PageReport::from(generated(0, 0)));
    let all = elements(&page);
    let hash = |text: &str| {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
    };
    let metas = named(&all, "meta");
    let csp = metas.iter().find(|m| m.attribute("http-equiv") == "Content-Security-Policy").unwrap();
    let directives: BTreeMap<&str, &str> =
        csp.attribute("content").split("; ").map(|directive| directive.split_once(' ').unwrap()).collect();
    let scripts = named(&all, "script");
    let (programs, styles) = (&scripts[1..], named(&all, "style"));
    assert_eq!((scripts.len(), styles.len()), (2, 1), "the data, the program, the looks");
    assert_eq!(directives["script-src"], hash(&programs[0].text));
    assert_eq!(directives["style-src"], hash(&styles[0].text));
    assert_eq!(directives["default-src"], "'none'");
    assert_eq!((directives["base-uri"], directives["form-action"]), ("'none'", "'none'"));
    let place = |name: &str| all.iter().position(|element| element.name == name).unwrap();
    assert!(
        place("meta") < place("style")
            && page.find("Content-Security").unwrap() < page.find("<style").unwrap()
    );
}

#[test]
fn the_page_loads_nothing_and_has_no_handler() {
    let page = written(&PageReport::from(generated(0, 0)));
    let all = elements(&page);
    for element in &all {
        for (name, value) in &element.attributes {
            let loads =
                ["src", "srcset", "href", "action", "formaction", "data", "poster", "background", "ping"];
            assert!(!loads.contains(&name.as_str()), "{name}={value} of {}", element.name);
            assert!(!name.starts_with("on") && name != "style", "{name}={value} of {}", element.name);
        }
        let loaders = ["link", "base", "iframe", "frame", "object", "embed", "img", "form", "applet"];
        assert!(!loaders.contains(&element.name.as_str()), "{}", element.name);
    }
    let style = &named(&all, "style")[0].text;
    assert!(!style.contains("@import") && !style.contains("url("), "looks load nothing");
    assert!(page.len() <= 1_500_000, "{} octets without data", page.len());
}

#[test]
fn the_same_input_gives_the_same_octets() {
    let page = |jobs: &str| shop::inputs().run("graph", &["-o", "html", "--jobs", jobs]).ends(0).stdout;
    assert!(page("1") == page("2"));
    assert!(page("1").len() < 2_000_000);
}

#[test]
fn every_verb_gives_the_same_page_opened_elsewhere() {
    let mut pages = ["graph", "audit", "recommend"].map(shop_page);
    let opened = pages.each_mut().map(|page| page.as_object_mut().unwrap().remove("open").unwrap());
    assert_eq!(opened, ["map", "findings", "policies"]);
    assert!(pages[0] == pages[1] && pages[1] == pages[2]);
}

#[test]
fn the_data_is_what_its_schema_says() {
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(shop::path("docs/schema/Page.json")).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let pages = [shop_page("graph"), data(&written(&PageReport::from(generated(60, 400))))];
    for page in pages {
        let problems: Vec<String> = schema.iter_errors(&page).map(|error| error.to_string()).collect();
        assert_eq!(problems, [""; 0]);
    }
}
