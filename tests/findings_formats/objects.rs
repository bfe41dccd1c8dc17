//! What an API server makes of findings as report objects.

use std::collections::BTreeMap;

use flowfence::cli::FindingsFormat;
use flowfence::output::audit::FindingRow;
use flowfence::output::safe;
use serde_json::Value;

use super::generated::generated;
use super::support::crd::Crd;
use super::written;

const APIS: [(FindingsFormat, &str, [&str; 2]); 2] = [
    (FindingsFormat::Policyreport, "openreports.io/v1alpha1", ["Report", "ClusterReport"]),
    (
        FindingsFormat::PolicyreportWgpolicyk8s,
        "wgpolicyk8s.io/v1alpha2",
        ["PolicyReport", "ClusterPolicyReport"],
    ),
];

/// The objects of a text, document by document.
fn objects(text: &str) -> Vec<Value> {
    serde_yaml::from_multiple(text).unwrap()
}

#[test]
fn reports_are_what_their_definition_asks_for_and_hold_each_finding_once() {
    let report = generated(3_000);
    let by_id: BTreeMap<String, &FindingRow> =
        report.findings.iter().map(|finding| (safe::line(&finding.id), finding)).collect();
    for (format, version, kinds) in APIS {
        let objects = objects(&written(&report, format));
        let mut ids = BTreeMap::<String, usize>::new();
        let mut names = std::collections::BTreeSet::new();
        for object in &objects {
            assert_eq!(Crd::of(object).faults(object), [""; 0], "{format:?}");
            let namespace = object["metadata"]["namespace"].as_str();
            assert_eq!(object["apiVersion"], version);
            assert_eq!(object["kind"], kinds[usize::from(namespace.is_none())]);
            assert!(names.insert((namespace, object["metadata"]["name"].as_str().unwrap())));
            assert!(object.to_string().len() < 256 * 1_024, "what kubectl apply keeps in an annotation");
            let results = object["results"].as_array().unwrap();
            for name in ["fail", "warn"] {
                let count = results.iter().filter(|result| result["result"] == name).count();
                assert_eq!(object["summary"][name], count);
            }
            for result in results {
                let id = result["properties"]["id"].as_str().unwrap();
                let finding = by_id[id];
                let text = |name: &str| result["properties"][name].as_str().map(str::to_owned);
                assert_eq!(text("rank"), finding.rank_total().map(|rank| rank.to_string()));
                assert_eq!(text("owner"), finding.owner_name());
                *ids.entry(result["properties"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        assert!(objects.len() > 8 && ids.values().sum::<usize>() == 3_000, "{}", objects.len());
        let mut wrong = objects[0].clone();
        wrong["results"][0]["severity"] = "fatal".into();
        assert!(!Crd::of(&wrong).faults(&wrong).is_empty());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_api_server_takes_the_reports() {
    use serde_json::json;

    use super::support::apiserver::{collection, turn, wait_for};
    use super::support::shop;

    let Some(server) = turn("an_api_server_takes_the_reports") else { return };
    let report = generated(600);
    for (format, version, kinds) in APIS {
        let (group, version) = version.split_once('/').unwrap();
        for kind in kinds {
            let plural = format!("{}s", kind.to_lowercase());
            let scope = if kind.starts_with("Cluster") { "Cluster" } else { "Namespaced" };
            let path = shop::path(&format!("tests/data/crd/{group}_{plural}.json"));
            let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &json!({
                "metadata": {"name": format!("{plural}.{group}")},
                "spec": {"group": group, "scope": scope, "names": {"kind": kind, "plural": plural},
                    "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}}));
        }
        let objects = objects(&written(&report, format));
        for object in &objects {
            let collection = collection(object);
            wait_for("the kind of reports", || server.try_request("GET", &collection, None).is_ok());
            if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                let path = "/api/v1/namespaces";
                if server.try_request("GET", &format!("{path}/{namespace}"), None).is_err() {
                    server.post(path, &json!({"metadata": {"name": namespace}}));
                }
            }
            // The server says what it would drop, instead of dropping it.
            let asked = format!("{collection}?dryRun=All&fieldValidation=Strict");
            let taken = server.post(&asked, object);
            assert_eq!(taken["results"], object["results"], "{format:?}");
        }
        let mut wrong = objects[0].clone();
        wrong["results"][0]["severity"] = "fatal".into();
        let asked = format!("{}?dryRun=All&fieldValidation=Strict", collection(&wrong));
        assert!(server.try_request("POST", &asked, Some(&wrong)).is_err());
    }
}
