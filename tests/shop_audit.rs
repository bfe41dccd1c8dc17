//! What is found in the shop: all that is wrong with it, and nothing that is not.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use support::shop::{self, Truth};

fn findings() -> Vec<Value> {
    let report = shop::inputs().run("audit", &["-o", "json", "--fail-on", "never"]).ends(0).json();
    assert_eq!((&report["apiVersion"], &report["kind"]), (&"flowfence.dev/v1".into(), &"Report".into()));
    report["findings"].as_array().unwrap().clone()
}

fn of_rule(rule: &str) -> Vec<Value> {
    findings().into_iter().filter(|finding| finding["rule"] == rule).collect()
}

fn ends(finding: &Value) -> (String, String) {
    let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    (text("from"), text("to"))
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn blog_scans_and_nobody_else_does() {
    let scans = of_rule("port-scan");
    assert_eq!(
        scans.iter().map(|scan| scan["from"].as_str().unwrap()).collect::<Vec<_>>(),
        ["shop/Deployment/blog"]
    );
    assert_eq!(scans[0]["level"], "error");
}

#[test]
fn blog_mines_and_nobody_else_does() {
    let miners = of_rule("mining");
    assert_eq!(
        miners.iter().map(ends).collect::<Vec<_>>(),
        [pair("shop/Deployment/blog", "external/198.51.100.66/32")]
    );
    assert_eq!((&miners[0]["level"], &miners[0]["port"]), (&"error".into(), &3333.into()));
}

#[test]
fn the_door_that_only_the_scan_found_is_undeclared_and_no_other_is() {
    let undeclared = of_rule("undeclared-port");
    assert_eq!(undeclared.len(), 1, "{undeclared:#?}");
    assert_eq!(
        (&undeclared[0]["to"], &undeclared[0]["port"]),
        (&"kube-system/Deployment/coredns".into(), &8080.into())
    );
    assert_eq!(undeclared[0]["evidence"]["came"], serde_json::json!(["shop/Deployment/blog"]));
}

#[test]
fn the_stale_policy_selects_nothing_and_no_other_does() {
    let stale = of_rule("policy-selects-nothing");
    assert_eq!(stale.len(), 1, "{stale:#?}");
    assert!(stale[0].to_string().contains("shop/stale"), "{stale:#?}");
}

#[test]
fn the_rule_on_the_cache_admits_all_of_shop_and_two_workloads_use_it() {
    let wide = of_rule("rule-wider-than-used");
    assert_eq!(wide.len(), 1, "{wide:#?}");
    let said = wide[0].to_string();
    assert!(said.contains("data/cache-from-shop"), "{said}");
    for idle in ["web", "pay", "inventory", "report"] {
        assert!(said.contains(&format!("/{idle}")), "{idle} is admitted and never came: {said}");
    }
    for user in ["shop/Deployment/api", "shop/Deployment/worker"] {
        assert!(said.contains(user), "{user} came: {said}");
    }
    assert_eq!(of_rule("rule-unused"), Vec::<Value>::new(), "its one rule is used");
}

#[test]
fn refused_attempts_are_those_of_the_truth() {
    let refused: BTreeSet<(String, String)> = of_rule("refused-attempt").iter().map(ends).collect();
    assert!(refused.contains(&pair("shop/Deployment/blog", "data/StatefulSet/cache")), "{refused:?}");
    assert!(refused.contains(&pair("ops/Deployment/scraper", "shop/Deployment/web")), "{refused:?}");
    let attempts = Truth::load().edges();
    let real: BTreeSet<(String, String)> = attempts
        .iter()
        .filter(|(_, edge)| edge.attempts > 0)
        .map(|(key, _)| pair(&key.from, &key.to))
        .collect();
    assert_eq!(refused.difference(&real).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
}

#[test]
fn every_knock_of_blog_on_the_cache_is_told_with_its_port() {
    let knocks = of_rule("refused-attempt");
    let knocks: Vec<&Value> =
        knocks.iter().filter(|f| ends(f) == pair("shop/Deployment/blog", "data/StatefulSet/cache")).collect();
    let said = knocks.iter().map(ToString::to_string).collect::<String>();
    for (_, (_, port)) in Truth::load().refused_knocks() {
        assert!(said.contains(&port.to_string()), "{port}: {said}");
    }
}

#[test]
fn what_the_cluster_of_today_leaves_open_is_uncovered() {
    let uncovered: BTreeSet<String> = of_rule("workload-uncovered")
        .iter()
        .map(|finding| {
            [&finding["to"], &finding["from"]].into_iter().find_map(Value::as_str).unwrap().to_owned()
        })
        .collect();
    // Every workload with pods of its own address, but the cache, which a policy selects.
    let expected: BTreeSet<String> = shop::objects()
        .concat()
        .iter()
        .filter(|object| object["kind"] == "Deployment" || object["kind"] == "CronJob")
        .map(|object| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap();
            format!("{}/{}/{}", text("namespace"), object["kind"].as_str().unwrap(), text("name"))
        })
        .collect();
    assert_eq!(uncovered, expected);
}

#[test]
fn only_the_scraper_needs_a_rule_that_grows_with_nodes() {
    let subjects: Vec<Value> =
        of_rule("grows-with-nodes").iter().map(|finding| finding["from"].clone()).collect();
    assert_eq!(subjects, ["ops/Deployment/scraper"]);
}

#[test]
fn no_finding_is_of_another_kind() {
    let kinds: BTreeSet<String> = findings().iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect();
    let expected = [
        "grows-with-nodes",
        "mining",
        "policy-selects-nothing",
        "port-scan",
        "refused-attempt",
        "rule-wider-than-used",
        "undeclared-port",
        "workload-uncovered",
    ];
    let other: Vec<&String> = kinds.iter().filter(|kind| !expected.contains(&kind.as_str())).collect();
    assert_eq!(other, Vec::<&String>::new());
}

#[test]
fn findings_have_what_readers_of_the_json_need() {
    let findings = findings();
    let ids: BTreeSet<&str> = findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), findings.len(), "an id names one finding");
    for finding in &findings {
        assert!(["error", "warning", "note"].contains(&finding["level"].as_str().unwrap()), "{finding}");
        assert!(finding["title"].as_str().is_some_and(|title| !title.is_empty()), "{finding}");
        assert!(!finding["evidence"].is_null(), "{finding}");
    }
}

#[test]
fn the_exit_code_follows_the_level() {
    let code = |level: &str| shop::inputs().run("audit", &["--fail-on", level]).code;
    assert_eq!([code("error"), code("warning"), code("note"), code("never")], [1, 1, 1, 0]);
    // Nothing is wrong where nobody was attacked and nothing runs.
    let elsewhere = |level: &str| shop::inputs().run("audit", &["--fail-on", level, "-n", "default"]).code;
    assert_eq!(elsewhere("note"), 0);
    assert_eq!(shop::inputs().run("audit", &[]).code, 1, "error is the default");
}

#[test]
fn ids_are_the_same_in_every_run_and_order() {
    let mut turned = shop::inputs();
    turned.captures.reverse();
    let report = turned.run("audit", &["-o", "json", "--fail-on", "never"]).ends(0).json();
    assert_eq!(report["findings"], Value::from(findings()));
}

#[test]
fn findings_of_a_level_come_by_rank_and_every_total_can_be_worked_out() {
    let levels = ["error", "warning", "note"];
    let mut before = (0, u64::MAX);
    for finding in findings() {
        let rank = &finding["rank"];
        let level = levels.iter().position(|level| finding["level"] == *level).unwrap();
        let total = rank["total"].as_u64().unwrap();
        assert!(level > before.0 || (level == before.0 && total <= before.1), "{finding}");
        before = (level, total);
        let points = |part: &str| rank["parts"][part]["points"].as_u64().unwrap();
        let share = |part: &str| rank["parts"][part]["percent"].as_u64().unwrap();
        let sum: u64 = ["base", "exposure", "privilege", "blastRadius"].map(points).iter().sum();
        assert_eq!(total, (sum * share("environment") * share("confidence") + 5_000) / 10_000, "{rank}");
    }
}

#[test]
fn each_workload_belongs_to_the_team_that_its_namespace_names() {
    for (rule, owner, from) in [
        ("port-scan", "shop", "label team of namespace shop"),
        ("workload-uncovered", "platform", "label team of namespace data"),
    ] {
        let wanted = serde_json::json!({"name": owner, "from": from});
        assert!(of_rule(rule).iter().any(|finding| finding["owner"] == wanted), "{rule}");
    }
}
