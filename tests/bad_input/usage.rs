//! Command lines: what is wrong with one, and what helps to write one.

use super::support::program::{Scratch, flowfence};
use super::{USAGE, says};

#[test]
fn usage_is_two_and_says_what_would_be_right() {
    let run = flowfence(["graph", "a.pcap", "--clutser", "x"]).ends(USAGE);
    says(&run, &["--clutser", "--cluster"]);
    let run = flowfence(["grpah", "a.pcap"]).ends(USAGE);
    says(&run, &["grpah", "graph"]);
    flowfence(["graph"]).ends(USAGE);
    flowfence(["graph", "a.pcap", "-o", "pdf"]).ends(USAGE);
    flowfence(["graph", "a.pcap", "--allow-loss", "2"]).ends(USAGE);
    flowfence([""; 0]).ends(USAGE);
    let run =
        flowfence(["graph", "a.pcap", "--cluster", "none", "--cluster", "examples/shop/before"]).ends(USAGE);
    says(&run, &["none"]);
}

#[test]
fn help_and_version_end_well() {
    assert!(flowfence(["--help"]).ends(0).stdout.contains("recommend"));
    assert!(flowfence(["--version"]).ends(0).stdout.starts_with("flowfence "));
    for verb in ["graph", "audit", "recommend", "reach"] {
        assert!(flowfence([verb, "--help"]).ends(0).stdout.contains("--cluster"), "{verb}");
    }
    assert!(flowfence(["completion", "bash"]).ends(0).stdout.contains("flowfence"));
    let scratch = Scratch::new();
    flowfence(["man", scratch.path().to_str().unwrap()]).ends(0);
    assert!(scratch.path().join("flowfence.1").exists());
}
