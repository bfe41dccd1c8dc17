//! Who can put packets on the wire, or records into a flow log by them, tries to make rules: nothing of it becomes one, and what is genuine keeps its own.
//!
//! Each way is mixed into the same ordinary traffic, and the policies are byte for byte those of the ordinary traffic alone.
//! What has the shape of a connection by the evidence of both ends is one; `docs/detection.md` says which lies those are.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod labels;
mod logs;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::net::SocketAddr;

use serde_json::{Value, json};

use support::cluster::{Cluster, Wire, at};
use support::program::Inputs;

const WEB: &str = "10.1.1.5";
const API: &str = "10.1.1.7";
const DB: &str = "10.1.2.8";
const BOT: &str = "10.1.2.9";

fn cluster() -> Cluster {
    Cluster::new(2)
        .dns()
        .deployment("web", 8080, &[WEB, "10.1.2.5"])
        .deployment("api", 8080, &[API])
        .deployment("db", 5432, &[DB])
        .deployment("bot", 8080, &[BOT])
}

fn end(address: &str, port: u16) -> SocketAddr {
    at(&format!("{address}:{port}"))
}

/// Five genuine edges, early and late.
fn ordinary() -> Wire {
    let mut wire = Wire::new();
    for (n, seconds) in (0..).zip([0, 200, 400, 590]) {
        wire.from(seconds);
        wire.connect(end(WEB, 40_000 + n), end(API, 8080));
        wire.connect(end("10.1.2.5", 40_000 + n), end(API, 8080));
        wire.connect(end(API, 41_000 + n), end(DB, 5432));
        wire.connect(end(BOT, 42_000 + n), end(API, 8080));
        wire.ask(end(API, 43_000 + n), end("10.1.1.53", 53));
        wire.connect(end(API, 44_000 + n), end("203.0.113.10", 443));
    }
    wire
}

/// What a capture and a cluster are recommended.
fn recommended(inputs: &Inputs) -> Value {
    let answer = inputs.run("recommend", &["-o", "json", "--include-blind"]).ends(0).json();
    let proof = &answer["proof"]["alone"];
    assert_eq!((&proof["cut"], &proof["observed"]), (&json!([]), &proof["admitted"]), "genuine recall");
    answer
}
