//! The file of `-o html`: safe to open whatever things are called, and its data the same as what the other outputs say.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

#[path = "graph_exports/generated.rs"]
mod generated;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use flowfence::output::page::{PageReport, write};
use generated::generated;
use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use serde_json::{Value, json};
use support::program::{Inputs, Run, Scratch, flowfence};
use support::shop;

/// An element as a browser reads it.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

impl Element {
    fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Every element of a page, in order.
fn elements(page: &str) -> Vec<Element> {
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(page);
    let mut found = Vec::new();
    collect(&dom.document, &mut found);
    found
}

fn collect(node: &Handle, found: &mut Vec<Element>) {
    let children = node.children.borrow();
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let text = children.iter().map(|child| match &child.data {
            NodeData::Text { contents } => contents.borrow().to_string(),
            _ => String::new(),
        });
        let attributes = attrs.borrow();
        let attributes = attributes.iter().map(|a| (a.name.local.to_string(), a.value.to_string()));
        found.push(Element {
            name: name.local.to_string(),
            attributes: attributes.collect(),
            text: text.collect(),
        });
    }
    children.iter().for_each(|child| collect(child, found));
}

fn named<'e>(elements: &'e [Element], name: &str) -> Vec<&'e Element> {
    elements.iter().filter(|element| element.name == name).collect()
}

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

#[test]
fn edges_findings_and_proof_are_those_of_the_other_outputs() {
    let page = shop_page("graph");
    let graph = shop::inputs().graph();
    let own = ["standing", "slices", "admittedBy", "deniedBy", "after", "rules", "withheld"];
    assert!(without(&page["edges"], &own) == *graph["edges"].as_array().unwrap(), "edges differ");
    assert!(
        without(&page["nodes"], &["isolated", "after", "kind"]) == without(&graph["nodes"], &["kind"]),
        "nodes differ"
    );
    let audit = shop::inputs().run("audit", &["-o", "json"]).ends(1).json();
    assert!(
        without(&page["findings"], &["edges"]) == *audit["findings"].as_array().unwrap(),
        "findings differ"
    );
    let recommend = shop::inputs().run("recommend", &["-o", "json"]).ends(0).json();
    for field in ["proof", "readiness", "completeness"] {
        assert_eq!(page[field], recommend[field], "{field}");
    }
}

#[test]
fn rules_and_policies_are_those_of_recommend() {
    let page = shop_page("recommend");
    let recommend = shop::inputs().run("recommend", &["-o", "json"]).ends(0).json();
    let mut wanted = BTreeMap::new();
    for policy in recommend["policies"].as_array().unwrap() {
        let meta = &policy["metadata"];
        let name = format!("{}/{}", meta["namespace"].as_str().unwrap(), meta["name"].as_str().unwrap());
        for direction in ["egress", "ingress"] {
            for (at, rule) in policy["spec"][direction].as_array().into_iter().flatten().enumerate() {
                wanted.insert((name.clone(), format!("{direction}[{at}]")), json!([rule]));
            }
        }
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rules = page["rules"].as_array().unwrap();
    let found: BTreeMap<(String, String), Value> = rules
        .iter()
        .map(|rule| {
            let pasted: Value = serde_yaml::from_str(rule["yaml"].as_str().unwrap()).unwrap();
            ((text(&rule["policy"]), text(&rule["field"])), pasted)
        })
        .collect();
    assert!(wanted.len() > 20 && found == wanted, "rules differ");
    // Each edge of the evidence names its rule.
    for row in recommend["evidence"].as_array().unwrap() {
        let field = format!("{}[{}]", row["direction"].as_str().unwrap(), row["rule"]);
        let number = rules.iter().position(|r| r["policy"] == row["policy"] && r["field"] == *field).unwrap();
        for edge in row["edges"].as_array().unwrap() {
            let is_it = |e: &&Value| ["from", "to", "protocol", "port"].iter().all(|key| e[key] == edge[key]);
            let shown = page["edges"].as_array().unwrap().iter().find(is_it).unwrap();
            assert!(shown["rules"].as_array().unwrap().contains(&json!(number)), "{edge}");
            assert_eq!(shown.get("withheld"), None, "{edge}");
        }
    }
    let yaml = shop::inputs().run("recommend", &["-o", "yaml"]).ends(0).stdout;
    let policies = page["policies"].as_array().unwrap();
    for policy in policies.iter().filter(|policy| policy["state"] == "new" || policy["state"] == "changed") {
        assert!(yaml.contains(policy["yaml"].as_str().unwrap()), "{}", policy["name"]);
    }
    let of_state = |state: &str| -> Vec<&Value> {
        policies.iter().filter(|policy| policy["state"] == state).map(|policy| &policy["name"]).collect()
    };
    assert_eq!(of_state("removed"), recommend["supersedes"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(of_state("new").len(), recommend["policies"].as_array().unwrap().len());
    assert_eq!(of_state("kept"), ["shop/stale"], "what touches no fenced workload stays");
}

#[test]
fn an_edge_tells_what_admits_and_what_denies_it_and_how_it_stands_after() {
    let page = shop_page("graph");
    let edges = page["edges"].as_array().unwrap();
    let find = |from: &str, to: &str, port: u16| {
        let is_it = |edge: &&Value| edge["from"] == from && edge["to"] == to && edge["port"] == port;
        edges.iter().find(is_it).unwrap()
    };
    let (cache, policy) = ("data/StatefulSet/cache", "data/cache-from-shop");
    let allowed = find("shop/Deployment/api", cache, 6379);
    assert_eq!(allowed["admittedBy"]["ingress"], json!([{"policy": policy, "field": "ingress[0]"}]));
    assert_eq!(allowed.get("deniedBy"), None);
    assert_eq!(allowed["after"], json!({"egress": "allowed", "ingress": "allowed"}));
    let scanned =
        edges.iter().find(|e| e["from"] == "shop/Deployment/blog" && e["to"] == cache && e["port"] != 6379);
    let scanned = scanned.unwrap();
    assert_eq!(scanned["deniedBy"]["ingress"], json!([policy]));
    assert!(scanned["withheld"].as_str().unwrap().contains("port-scan:shop/Deployment/blog"));
    assert_eq!(scanned["after"]["egress"], "denied");
    let id = |id: &str| page["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap();
    assert_eq!(id(cache)["isolated"], json!({"ingress": true, "egress": false}));
    assert_eq!(id(cache)["after"], json!({"ingress": true, "egress": true}));
    // Every genuine edge is admitted after, every withheld one is denied.
    for edge in edges {
        let said = edge["after"].as_object().into_iter().flat_map(serde_json::Map::values);
        let said: Vec<&Value> = said.filter(|said| !said.is_null()).collect();
        if edge.get("rules").is_some() && edge["standing"] == "allowed" {
            // Of a pod that reaches itself no policy speaks.
            assert!(said.iter().all(|said| *said != "denied"), "{edge}");
        }
        if edge["withheld"].as_str().is_some_and(|why| why.starts_with("withheld")) {
            assert!(said.contains(&&json!("denied")), "{edge}");
        }
    }
}

#[test]
fn slices_tell_when_edges_were_active() {
    let page = shop_page("graph");
    let count = usize::try_from(page["slices"]["count"].as_u64().unwrap()).unwrap();
    assert!((2..=60).contains(&count));
    let mut all = BTreeSet::new();
    for edge in page["edges"].as_array().unwrap() {
        let slices = edge["slices"].as_array().unwrap();
        let active: Vec<usize> = (0..count).filter(|at| slices[*at] != 0).collect();
        assert!(slices.len() == count && !active.is_empty(), "{edge}");
        all.extend(active);
    }
    assert_eq!(all.len(), count, "the shop never sleeps");
}

#[test]
fn findings_name_their_edges() {
    let page = shop_page("audit");
    let scan = &page["findings"][0];
    let edges = scan["edges"].as_array().unwrap();
    assert!(scan["rule"] == "port-scan" && edges.len() > 100);
    for at in edges {
        let edge = &page["edges"][usize::try_from(at.as_u64().unwrap()).unwrap()];
        assert_eq!(edge["from"], "shop/Deployment/blog");
    }
}

#[test]
fn partial_data_gives_a_page_that_says_why_there_are_no_policies() {
    let scratch = Scratch::new();
    let whole = std::fs::read(shop::path(shop::CAPTURES[0])).unwrap();
    let cut = scratch.file("cut.pcap", &whole[..whole.len() - 7]);
    let inputs = Inputs { captures: vec![cut], clusters: shop::inputs().clusters };
    for verb in ["graph", "audit", "recommend"] {
        let more = ["-o", "html", "--allow-loss", "0"];
        let code = if verb == "audit" { 1 } else { 5 };
        let page = data(&inputs.run(verb, &more).ends(code).stdout);
        assert!(page["refused"].as_str().unwrap().contains("partial data"), "{verb}");
        assert_eq!((page["policies"].clone(), page["rules"].clone()), (json!([]), json!([])), "{verb}");
        assert_eq!(page.get("proof"), None);
        assert!(!page["edges"].as_array().unwrap().is_empty());
        assert!(page["review"][0]["text"] == page["refused"] && page["review"][0]["level"] == "error");
    }
}

#[test]
fn a_what_if_tells_what_its_policies_would_cut() {
    let scratch = Scratch::new();
    let deny = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: shut, namespace: data}\n\
                spec: {podSelector: {}, policyTypes: [Ingress]}\n";
    let set = scratch.file("set.yaml", deny);
    let more = ["--policies", set.to_str().unwrap(), "-o"];
    let run =
        |verb: &str, format: &str| -> Run { shop::inputs().run(verb, &[&more[..], &[format]].concat()) };
    let page = data(&run("graph", "html").ends(0).stdout);
    let cut = run("check", "json").ends(1).json();
    let set = |name: &str| page["breaks"].as_array().unwrap().iter().find(|set| set["set"] == name).unwrap();
    let count = |name: &str| set(name)["edges"].as_array().unwrap().len();
    assert!(count("policies") > 3);
    assert_eq!(count("policies"), cut["cut"].as_array().unwrap().len());
    assert_eq!((count("today"), count("recommended")), (0, 0));
    let said: Vec<&Value> = page["review"].as_array().unwrap().iter().map(|row| &row["text"]).collect();
    assert!(said.contains(&&set("policies")["text"]), "{said:?}");
}

#[test]
fn policies_alone_have_a_page_too() {
    let cluster = shop::path(shop::MOMENTS[1]);
    let run = flowfence(["audit", "-o", "html", "--cluster", cluster.to_str().unwrap()]).ends(0);
    let page = data(&run.stdout);
    assert!(page["refused"].as_str().unwrap().contains("no traffic"));
    assert_eq!((page["edges"].clone(), page["breaks"].clone()), (json!([]), json!([])));
    assert!(
        !page["nodes"].as_array().unwrap().is_empty() && !page["findings"].as_array().unwrap().is_empty()
    );
}
