//! What a flow log cannot tell is said of the run, and of the rules that rest on it.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::{Value, json};

use support::program::{Run, flowfence};

/// `recommend` from a log alone.
fn recommended(lines: &[Value], output: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flows.log");
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    flowfence([
        "recommend",
        file.to_str().unwrap(),
        "--cluster",
        "none",
        "--include-blind",
        "-o",
        output,
        "--allow-loss",
        "1",
    ])
    .ends(0)
}

/// A connection of GKE's policy log, which never shows an answer.
fn gke(port: u16, client: u16) -> Value {
    let end = |app: &str| json!({"pod_name": format!("{app}-0"), "pod_namespace": "shop", "workload_kind": "StatefulSet", "workload_name": app});
    json!({"connection": {"src_ip": "10.42.1.1", "dest_ip": "10.42.2.2", "src_port": client, "dest_port": port,
            "protocol": "tcp", "direction": "egress"}, "disposition": "allow", "src": end("web"), "dest": end("db"),
        "count": 1, "timestamp": "2026-11-24T10:00:00Z"})
}

/// A packet of Hubble's.
fn hubble(is_reply: bool) -> Value {
    let end = |app: &str| {
        json!({"namespace": "shop", "pod_name": format!("{app}-0"), "labels": [format!("k8s:app={app}")],
        "workloads": [{"kind": "StatefulSet", "name": app}]})
    };
    let ((from, to), (source, destination), (x, y)) = if is_reply {
        (("10.42.2.2", "10.42.1.1"), (end("db"), end("web")), (5432, 40_001))
    } else {
        (("10.42.1.1", "10.42.2.2"), (end("web"), end("db")), (40_001, 5432))
    };
    json!({"flow": {"time": "2026-11-24T10:00:00Z", "verdict": "FORWARDED", "is_reply": is_reply, "Type": "L3_L4",
        "IP": {"source": from, "destination": to}, "source": source, "destination": destination,
        "l4": {"TCP": {"source_port": x, "destination_port": y, "flags": {"SYN": true, "ACK": is_reply}}}},
        "node_name": "n1"})
}

#[test]
fn rules_that_rest_on_records_without_an_answer_are_named() {
    let mut labelled: Vec<Value> = vec![hubble(false), hubble(true)];
    // A slow scan of one port a day would look like this.
    labelled.extend([gke(5432, 40_001), gke(6379, 40_002), gke(9999, 40_003)]);
    let run = recommended(&[labelled[2..].to_vec()].concat(), "json");
    let report = run.json();
    assert_eq!(report["completeness"]["silentLogs"], json!(["gke-policy"]));
    assert!(run.stderr.contains("gke-policy never shows an answer"), "{}", run.stderr);

    // Beside a log that shows that one of them was answered, in one file of each format.
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, lines: &[Value]| {
        let path = dir.path().join(name);
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        path.display().to_string()
    };
    let (one, other) = (write("hubble.log", &labelled[..2]), write("gke.log", &labelled[2..]));
    let recommend = |output: &str| {
        let args = ["recommend", &one, &other, "--cluster", "none", "--include-blind", "-o", output];
        flowfence(args).ends(0)
    };
    let run = recommend("json");
    let report = run.json();
    let ports = |edges: &Value| -> Vec<u64> {
        edges.as_array().unwrap().iter().map(|edge| edge["port"].as_u64().unwrap()).collect()
    };
    assert_eq!(ports(&report["unanswered"]), [6379, 9999], "{report:#}");
    let evidence = report["evidence"].as_array().unwrap().iter();
    let edges: Vec<&Value> = evidence.flat_map(|row| row["edges"].as_array().unwrap()).collect();
    assert!(!edges.is_empty());
    for edge in edges {
        let expected = if edge["port"] == 5432 { Value::Null } else { json!(false) };
        assert_eq!(edge["answered"], expected, "{edge}");
    }
    assert!(
        run.stderr.contains("2 of these edges rest only on logs that never show an answer (gke-policy)"),
        "{}",
        run.stderr
    );
    let markdown = recommend("markdown");
    assert!(markdown.stdout.contains("2 edges rest only on logs that never show an answer (gke-policy)"));
    let alone = flowfence(["recommend", &one, "--cluster", "none", "--include-blind", "-o", "yaml"]).ends(0);
    assert!(!alone.stderr.contains("never show"));
}

#[test]
fn a_sampled_run_says_so_and_is_not_ready() {
    let netobserv = |sampling: Value| {
        json!({"SrcAddr": "10.42.1.1", "DstAddr": "10.42.2.2", "SrcPort": 40_001, "DstPort": 5432, "Proto": 6, "Flags": 2,
            "Packets": 3, "Bytes": 180, "TimeFlowStartMs": 1_795_514_400_000_u64, "TimeFlowEndMs": 1_795_514_401_000_u64,
            "SrcK8S_Name": "web-0", "SrcK8S_Namespace": "shop", "SrcK8S_Type": "Pod", "SrcK8S_OwnerName": "web",
            "SrcK8S_OwnerType": "StatefulSet", "DstK8S_Name": "db-0", "DstK8S_Namespace": "shop", "DstK8S_Type": "Pod",
            "DstK8S_OwnerName": "db", "DstK8S_OwnerType": "StatefulSet", "AgentIP": "192.0.2.1", "Sampling": sampling})
    };
    let gcp = json!({"jsonPayload": {"connection": {"src_ip": "10.42.1.1", "dest_ip": "10.42.2.2", "src_port": 40_001,
            "dest_port": 5432, "protocol": 6}, "reporter": "SRC", "bytes_sent": "180", "packets_sent": "3",
        "start_time": "2026-11-24T10:00:00Z", "end_time": "2026-11-24T10:00:01Z",
        "src_gke_details": {"pod": {"pod_name": "web-0", "pod_namespace": "shop"}},
        "dest_gke_details": {"pod": {"pod_name": "db-0", "pod_namespace": "shop"}}}});
    for line in [netobserv(json!(50)), gcp] {
        let run = recommended(std::slice::from_ref(&line), "json");
        let report = run.json();
        assert_eq!(report["completeness"]["sampled"], json!(1), "{report:#}");
        assert_eq!(report["completeness"]["counts"]["flows-sampled"], json!(1));
        assert!(run.stderr.contains("look at a sample of the packets"), "{}", run.stderr);
        let workloads = report["readiness"]["workloads"].as_array().unwrap();
        assert!(!workloads.is_empty());
        for row in workloads {
            assert_ne!(row["verdict"], json!("ready"), "{row:#}");
            let reasons = row["reasons"].as_array().unwrap();
            assert!(reasons.iter().any(|reason| reason.to_string().contains("\"sampled\"")), "{row:#}");
        }
    }
    for whole in [json!(1), json!(0), Value::Null] {
        let report = recommended(&[netobserv(whole)], "json").json();
        assert_eq!(report["completeness"]["sampled"], Value::Null, "{report:#}");
    }
}
