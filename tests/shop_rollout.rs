//! How the policies for the shop are laid out, applied step by step, taken back and reviewed.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flowfence::manifest::read_objects;
use similar::{ChangeTag, TextDiff};
use support::program::Scratch;
use support::shop;

/// Every file under a directory, by its path from there.
fn files(dir: &Path) -> BTreeMap<String, String> {
    fn collect(dir: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                collect(&path, root, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(dir, dir, &mut found);
    found
}

fn recommended(more: &[&str]) -> BTreeMap<String, String> {
    let scratch = Scratch::new();
    let out = scratch.path().join("policies");
    let args: Vec<&str> = ["--out", out.to_str().unwrap()].iter().chain(more).copied().collect();
    shop::inputs().run("recommend", &args).ends(0);
    files(&out)
}

fn resources(kustomization: &str) -> BTreeSet<String> {
    let parsed: serde_json::Value = serde_yaml::from_str(kustomization).unwrap();
    let list = parsed["resources"].as_array().unwrap();
    list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_flat_layout_holds_the_same_policies_and_no_kustomization() {
    let (tree, flat) = (recommended(&[]), recommended(&["--layout", "flat"]));
    let policies = tree.iter().filter(|(name, _)| *name != "kustomization.yaml");
    let renamed: BTreeMap<String, String> =
        policies.map(|(name, text)| (name.replace('/', "."), text.clone())).collect();
    assert_eq!(flat, renamed);
}

#[test]
fn a_canary_has_a_kustomization_a_namespace_and_together_they_are_the_set() {
    let found = recommended(&["--canary"]);
    let whole = resources(&found["kustomization.yaml"]);
    let stages =
        found.iter().filter_map(|(name, text)| Some((name.strip_suffix("/kustomization.yaml")?, text)));
    let parts: BTreeSet<String> = stages
        .flat_map(|(stage, text)| resources(text).into_iter().map(move |name| format!("{stage}/{name}")))
        .collect();
    assert_eq!(parts, whole);
    shop::inputs().run("recommend", &["--canary"]).ends(2);
    shop::inputs().run("recommend", &["--canary", "--layout", "flat", "--out", "x"]).ends(2);
}

#[test]
fn the_way_back_holds_what_is_replaced_as_it_was() {
    let scratch = Scratch::new();
    let back = scratch.path().join("back");
    let run = shop::inputs().run("recommend", &["-o", "json", "--rollback", back.to_str().unwrap()]).ends(0);
    let supersedes: BTreeSet<String> = run.json()["supersedes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key.as_str().unwrap().to_owned())
        .collect();
    assert!(!supersedes.is_empty());
    let restored = read_objects(&back).unwrap();
    assert!(restored.problems.is_empty(), "{:?}", restored.problems);
    let today = read_objects(&shop::path(shop::MOMENTS[1])).unwrap().policies();
    let was: Vec<_> = today.into_iter().filter(|policy| supersedes.contains(&policy.key())).collect();
    assert_eq!(restored.policies(), was);
    assert_eq!(resources(&files(&back)["kustomization.yaml"]).len(), supersedes.len());
}

#[test]
fn one_edge_less_changes_one_hunk_of_the_files_of_its_ends() {
    let edge = "shop/Deployment/api -> shop/Deployment/inventory 7000/TCP";
    let (with, without) = (recommended(&[]), recommended(&["--deny", edge]));
    assert_eq!(with.keys().collect::<Vec<_>>(), without.keys().collect::<Vec<_>>());
    let changed: BTreeSet<&str> =
        with.iter().filter(|(name, text)| without[*name] != **text).map(|(name, _)| name.as_str()).collect();
    assert_eq!(changed, ["shop/api.yaml", "shop/inventory.yaml"].into());
    for name in changed {
        let diff = TextDiff::from_lines(&without[name], &with[name]);
        assert_eq!(diff.unified_diff().context_radius(3).iter_hunks().count(), 1, "{name}");
        assert!(diff.iter_all_changes().any(|change| change.tag() == ChangeTag::Insert), "{name}");
    }
}

#[test]
fn the_summary_for_a_pull_request_says_what_closes_and_what_to_look_at_first() {
    let page = shop::inputs().run("recommend", &["-o", "markdown"]).ends(0).stdout;
    let headings: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(
        headings,
        [
            "## Network policies: the proof holds",
            "### What becomes closed",
            "### What to review first",
            "### One namespace after the other",
            "### What was withheld",
            "### What was seen",
        ]
    );
    for told in [
        "| this set alone | 39 of 39 | 0 | 0 | 161 → 30 |",
        "- `data/cache-from-shop`",
        "**Wide on purpose**",
        "- `shop/Deployment/blog -> external/198.51.100.66/32 3333/TCP`: `first seen after shop/Deployment/blog began to scan`; accept `port-scan:shop/Deployment/blog`",
    ] {
        assert!(page.contains(told), "{told}\n{page}");
    }
}
