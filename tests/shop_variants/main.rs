//! The shop in other clothes: what is found may not hang on names, numbers, times, files or formats.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

#[path = "../support/mod.rs"]
mod support;
mod taps;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use support::capture::{self, Frame};
use support::graph::{self, Edge, Edges, Key};
use support::program::{Inputs, Scratch};
use support::rewrite::{self, Later, OtherPorts, Renamed, Renumbered, Rewrite};
use support::shop::{self, Truth};

/// Writes captures and moments and tells where they are.
fn write(scratch: &Scratch, captures: &[Vec<u8>], moments: &[Vec<Value>]) -> Inputs {
    let capture = |(n, bytes): (usize, &Vec<u8>)| scratch.file(&format!("tap-{n}"), bytes);
    let moment = |(n, objects): (usize, &Vec<Value>)| {
        scratch.file(&format!("moment-{n}.json"), rewrite::list(objects))
    };
    Inputs {
        captures: captures.iter().enumerate().map(capture).collect(),
        clusters: moments.iter().enumerate().map(moment).collect(),
    }
}

/// The shop with other captures and the objects as they are.
fn with_captures(scratch: &Scratch, captures: &[Vec<u8>]) -> Inputs {
    Inputs { clusters: shop::inputs().clusters, ..write(scratch, captures, &[]) }
}

fn rewritten(scratch: &Scratch, rewrite: &dyn Rewrite) -> Inputs {
    let mut frames = shop::frames();
    frames.iter_mut().flatten().for_each(|frame| rewrite.frame(frame));
    let mut objects = shop::objects();
    objects.iter_mut().flatten().for_each(|object| rewrite.object(object));
    write(scratch, &frames.map(|frames| capture::pcap(&frames)), &objects)
}

fn in_old_words(edges: Edges, rewrite: &dyn Rewrite) -> Edges {
    let back = |(key, edge): (Key, Edge)| {
        let key = Key {
            from: rewrite.id_back(&key.from),
            to: rewrite.id_back(&key.to),
            port: key.port.map(|port| rewrite.port_back(port)),
            ..key
        };
        let services = edge.services.iter().map(|service| rewrite.service_back(service)).collect();
        let behind = edge.behind.iter().map(|address| rewrite.address_back(address)).collect();
        (key, Edge { services, behind, ..edge })
    };
    edges.into_iter().map(back).collect()
}

fn edges_of(inputs: &Inputs) -> Edges {
    graph::edges(&inputs.graph())
}

#[track_caller]
fn assert_same(found: &Edges, expected: &Edges) {
    let mut difference = Vec::new();
    for key in found.keys().chain(expected.keys()).collect::<BTreeSet<_>>() {
        if found.get(key) != expected.get(key) {
            difference.push(format!("{key}:\n    {:?}\n    {:?}", found.get(key), expected.get(key)));
        }
    }
    assert!(difference.is_empty(), "found, then as it was:\n{}", difference.join("\n"));
}

/// Proof, withheld edges and unfenced workloads: what a recommendation says, without the names of policies.
fn proof_in_old_words(inputs: &Inputs, rewrite: &dyn Rewrite) -> Vec<String> {
    let answer = inputs.run("recommend", &["-o", "json"]).ends(0).json();
    let edge = |edge: &Value| {
        let key = graph::key(edge);
        Key {
            from: rewrite.id_back(&key.from),
            to: rewrite.id_back(&key.to),
            port: key.port.map(|port| rewrite.port_back(port)),
            ..key
        }
    };
    let mut said: Vec<String> = ["observed", "admitted", "reachableBefore", "reachableAfter"]
        .map(|count| format!("{count} {}", answer["proof"]["alone"][count]))
        .to_vec();
    let mut list = |what: &str, lines: Vec<String>| {
        let mut lines: Vec<String> = lines.into_iter().map(|line| format!("{what} {line}")).collect();
        lines.sort();
        said.append(&mut lines);
    };
    let texts =
        |list: &Value, of: &dyn Fn(&Value) -> String| list.as_array().unwrap().iter().map(of).collect();
    list("cut", texts(&answer["proof"]["alone"]["cut"], &|cut| edge(cut).to_string()));
    list("excess", texts(&answer["proof"]["alone"]["excess"], &|excess| excess["why"].to_string()));
    list(
        "withheld",
        texts(&answer["withheld"], &|withheld| match &withheld["edge"] {
            Value::String(text) => text.clone(),
            object => edge(object).to_string(),
        }),
    );
    list("suspect", texts(&answer["suspects"], &|id| rewrite.id_back(id.as_str().unwrap())));
    list("unobserved", texts(&answer["unobserved"], &|id| rewrite.id_back(id.as_str().unwrap())));
    list(
        "unfenced",
        texts(&answer["unfenced"], &|it| {
            format!("{} {} {}", rewrite.id_back(it["id"].as_str().unwrap()), it["direction"], it["why"])
        }),
    );
    list(
        "policy",
        texts(&answer["policies"], &|policy| {
            let namespace = policy["metadata"]["namespace"].as_str().unwrap();
            let rules = |way: &str| policy["spec"][way].as_array().map_or(0, Vec::len);
            let words = rewrite.service_back(&format!("{namespace}/x"));
            format!("{} {} {}", words.split('/').next().unwrap(), rules("ingress"), rules("egress"))
        }),
    );
    said
}

struct AsItWas;

impl Rewrite for AsItWas {}

#[track_caller]
fn assert_same_after(rewrite: &dyn Rewrite) {
    let scratch = Scratch::new();
    let inputs = rewritten(&scratch, rewrite);
    assert_same(&in_old_words(edges_of(&inputs), rewrite), &edges_of(&shop::inputs()));
}

#[track_caller]
fn assert_same_proof_after(rewrite: &dyn Rewrite) {
    let scratch = Scratch::new();
    let inputs = rewritten(&scratch, rewrite);
    assert_eq!(proof_in_old_words(&inputs, rewrite), proof_in_old_words(&shop::inputs(), &AsItWas));
}

#[test]
fn names_do_not_matter_to_the_graph() {
    assert_same_after(&Renamed);
}

#[test]
fn names_do_not_matter_to_the_policies() {
    assert_same_proof_after(&Renamed);
}

#[test]
fn addresses_do_not_matter_to_the_graph() {
    assert_same_after(&Renumbered);
}

#[test]
fn addresses_do_not_matter_to_the_policies() {
    assert_same_proof_after(&Renumbered);
}

#[test]
fn names_of_outside_addresses_follow_their_dns_answers() {
    let names = |graph: &Value, rewrite: &dyn Rewrite| -> BTreeSet<(String, BTreeSet<String>)> {
        let nodes = graph["nodes"].as_array().unwrap().iter();
        nodes
            .filter(|node| node["kind"] == "External")
            .map(|node| (rewrite.id_back(node["id"].as_str().unwrap()), graph::texts(&node["fqdns"])))
            .collect()
    };
    let scratch = Scratch::new();
    let expected = names(&shop::inputs().graph(), &AsItWas);
    assert_eq!(names(&rewritten(&scratch, &Renumbered).graph(), &Renumbered), expected);
    let pay = expected.iter().find(|(id, _)| id == "external/203.0.113.10/32").unwrap();
    assert_eq!(pay.1, BTreeSet::from(["pay.example.net".to_owned()]));
}

#[test]
fn port_numbers_do_not_matter_to_the_graph() {
    assert_same_after(&OtherPorts);
}

#[test]
fn port_numbers_do_not_matter_to_the_policies() {
    assert_same_proof_after(&OtherPorts);
}

#[test]
fn the_date_does_not_matter() {
    // Over a change of the year, and before 2001, when seconds had nine digits.
    for seconds in [86_400 * 45 + 12_345, -86_400 * 365 * 26] {
        assert_same_after(&Later(seconds));
    }
    assert_same_proof_after(&Later(86_400 * 45 + 12_345));
}

#[test]
fn file_names_and_the_order_of_arguments_do_not_matter() {
    let scratch = Scratch::new();
    let shop = shop::inputs();
    let copy = |from: &PathBuf, name: &str| scratch.file(name, std::fs::read(from).unwrap());
    let swapped = Inputs {
        captures: vec![copy(&shop.captures[1], "node1.pcap"), copy(&shop.captures[0], "z")],
        clusters: shop.clusters.iter().rev().cloned().collect(),
    };
    assert_same(&edges_of(&swapped), &edges_of(&shop));
    let yaml = |inputs: &Inputs| inputs.run("recommend", &["-o", "yaml"]).ends(0).stdout;
    assert_eq!(yaml(&swapped), yaml(&shop), "the same bytes");
    let split = with_captures(
        &scratch,
        &shop::frames()
            .iter()
            .flat_map(|frames| {
                let (early, late) = frames.split_at(frames.len() / 3);
                [capture::pcap(late), capture::pcap(early)]
            })
            .collect::<Vec<_>>(),
    );
    assert_same(&counted(edges_of(&split)), &counted(edges_of(&shop)));
}

#[test]
fn a_capture_given_twice_counts_once() {
    let mut twice = shop::inputs();
    twice.captures.extend(shop::inputs().captures);
    assert_same(&edges_of(&twice), &edges_of(&shop::inputs()));
    let scratch = Scratch::new();
    let mut copied = shop::inputs();
    copied.captures.push(scratch.file("copy.pcap", std::fs::read(&copied.captures[0]).unwrap()));
    assert_same(&edges_of(&copied), &edges_of(&shop::inputs()));
}

type Format = fn(&[Frame]) -> Vec<u8>;

#[test]
fn formats_do_not_matter() {
    let expected = edges_of(&shop::inputs());
    let frames = shop::frames();
    let formats: [(&str, Format); 5] = [
        ("pcapng of two sections", capture::pcapng),
        ("big-endian nanoseconds", capture::pcap_nano_big_endian),
        ("gzip", |frames| capture::gzip(&capture::pcap(frames))),
        ("zstd", |frames| capture::zstd(&capture::pcap(frames))),
        ("pcapng in gzip", |frames| capture::gzip(&capture::pcapng(frames))),
    ];
    for (name, format) in formats {
        let scratch = Scratch::new();
        let inputs = with_captures(&scratch, &frames.each_ref().map(|frames| format(frames)));
        eprintln!("{name}");
        assert_same(&counted(edges_of(&inputs)), &counted(expected.clone()));
    }
}

/// Without packet counts and times, which legitimately differ where packets were repeated or files cut.
fn counted(edges: Edges) -> Edges {
    edges
        .into_iter()
        .map(|(key, edge)| (key, Edge { packets: Vec::new(), octets: Vec::new(), ..edge }))
        .collect()
}
