//! The data of a page says what the other outputs say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::support::program::{Inputs, Run, Scratch, flowfence};
use super::support::shop;
use super::{data, shop_page, without};

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
