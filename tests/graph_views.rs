//! What `graph` shows of the shop: filters, folds, what was never used, and the views for terminals.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn graph(args: &[&str]) -> Output {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowfence"));
    command.current_dir(shop).env_remove("COLUMNS");
    command.args(["graph", "node1.pcap", "node2.pcap", "--cluster", "before", "--cluster", "snapshot"]);
    command.args(args).output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = graph(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn edges(args: &[&str]) -> Vec<String> {
    let report: Value = serde_json::from_str(&text(&[args, &["-o", "json"]].concat())).unwrap();
    let edges = report["edges"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    edges.map(|edge| ["from", "to", "port", "protocol"].map(|name| word(&edge[name])).join(" ")).collect()
}

#[test]
fn filters_leave_what_they_name_and_the_nodes_of_that() {
    let to_cache = edges(&["--to", "data/cache", "--port", "6379"]);
    assert_eq!(
        to_cache,
        [
            "shop/Deployment/api data/StatefulSet/cache 6379 TCP",
            "shop/Deployment/blog data/StatefulSet/cache 6379 TCP",
            "shop/Deployment/worker data/StatefulSet/cache 6379 TCP",
            "node/node2 data/StatefulSet/cache 6379 TCP",
        ]
    );
    assert_eq!(edges(&["--to", "*.miner.example"]), edges(&["--to", "198.51.100.64/28"]));
    assert_eq!(edges(&["--to", "pool.miner.example"]).len(), 1);
    assert_eq!(edges(&["--port", "icmp"]).len(), 1);
    assert!(edges(&["--verdict", "probe"]).iter().all(|edge| edge.starts_with("node/")));
    let around = edges(&["--around", "shop/pay"]);
    assert!(around.len() < edges(&["--around", "shop/pay", "--hops", "2"]).len());
    assert!(around.iter().all(|edge| edge.contains("shop/Deployment/pay")), "{around:?}");
    assert!(edges(&["-l", "app=web"]).iter().all(|edge| edge.contains("/web ")));
    assert!(edges(&["--until", "1990-01-01T00:00:00Z"]).is_empty());
}

#[test]
fn a_filter_that_leaves_nothing_says_so_with_close_names() {
    let said = String::from_utf8(graph(&["--from", "shop/wbe"]).stderr).unwrap();
    assert!(said.contains("names nothing in this graph; nearest: shop/web"), "{said}");
    assert!(said.contains("the filters leave no edge of"), "{said}");
}

#[test]
fn folds_add_up_to_the_same_counts() {
    let connections = |args: &[&str]| -> u64 {
        let report: Value = serde_json::from_str(&text(&[args, &["-o", "json"]].concat())).unwrap();
        report["edges"].as_array().unwrap().iter().map(|edge| edge["connections"].as_u64().unwrap()).sum()
    };
    let all = connections(&[]);
    for args in
        [["--by", "app"], ["--by", "owner"], ["--by", "namespace"], ["--by", "pod"], ["--externals", "one"]]
    {
        assert_eq!(connections(&args), all, "{args:?}");
    }
    let named = edges(&["--externals", "name"]);
    assert!(named.contains(&"shop/Deployment/pay domain/pay.example.net 443 TCP".to_owned()), "{named:?}");
    assert!(edges(&["--cidr", "203.0.113.0/25"]).iter().any(|edge| edge.contains("external/203.0.113.0/25")));
}

#[test]
fn what_was_never_used_is_allowed_and_not_seen() {
    let report: Value = serde_json::from_str(&text(&["--reach", "-o", "json"])).unwrap();
    let unused = report["unused"].as_array().unwrap();
    assert!(!unused.is_empty() && report["unusedLeftOut"] == 0);
    let seen = edges(&[]);
    for row in unused {
        for port in row["ports"].as_array().unwrap() {
            let (port, protocol) = port.as_str().unwrap().split_once('/').unwrap();
            let edge = format!(
                "{} {} {port} {protocol}",
                row["from"].as_str().unwrap(),
                row["to"].as_str().unwrap()
            );
            let is_connected = report["edges"].as_array().unwrap().iter().any(|seen| {
                seen["connections"] != 0
                    && seen["from"] == row["from"]
                    && seen["to"] == row["to"]
                    && seen["port"].as_u64().map(|port| port.to_string()).as_deref() == Some(port)
                    && seen["protocol"] == protocol
            });
            assert!(!is_connected, "{edge}");
        }
    }
    assert!(!seen.is_empty());
    assert!(text(&["--reach", "-o", "svg"]).contains("allowed, never used"));
    assert!(text(&["--reach"]).contains("Allowed and never used:"));
    assert_eq!(graph(&["--reach", "-o", "csv"]).status.code(), Some(2));
}

#[test]
fn trees_and_matrices_fit_the_width() {
    for format in ["tree", "matrix"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowfence"));
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop")).env("COLUMNS", "60");
        command.args(["graph", "node1.pcap", "node2.pcap", "--cluster", "snapshot", "--ascii", "-o", format]);
        let drawn = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(drawn.is_ascii() && drawn.lines().all(|line| line.len() <= 60), "{format}: {drawn}");
        assert!(drawn.contains("pay"), "{drawn}");
    }
}

#[test]
fn a_difference_is_of_what_the_filters_name_on_either_side() {
    let changes = text(&["--against", "node1.pcap", "--to", "data/cache"]);
    let rows = changes.lines().skip(1).take_while(|line| !line.is_empty());
    assert!(rows.into_iter().all(|row| row.contains("data/StatefulSet/cache")), "{changes}");
}
