//! Today's policies narrowed: in a page's samples, in files that people wrote, and as patches that apply.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::program::{Run, Scratch, flowfence};
use support::shop;

/// The policies of the example as a person wrote them, in a directory of their own.
fn written(scratch: &Scratch) -> PathBuf {
    let dir = scratch.path().join("policies");
    std::fs::create_dir(&dir).unwrap();
    for file in ["data.yaml", "shop.yaml"] {
        std::fs::copy(shop::path("examples/shop/policies").join(file), dir.join(file)).unwrap();
    }
    dir
}

fn tighten(policies: &Path, more: &[&str]) -> Run {
    let mut args = vec!["--mode", "tighten", "--policies", policies.to_str().unwrap()];
    args.extend(more);
    shop::inputs().run("recommend", &args)
}

fn read(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn every_sample_of_the_page_is_what_the_program_says() {
    let page = std::fs::read_to_string(shop::path("docs/existing-policies.md")).unwrap();
    let mut shown = 0;
    for block in page.split("```console\n$ flowfence ").skip(1) {
        let block = block.split("```").next().unwrap();
        let (command, sample) = block.split_once('\n').unwrap();
        let globbed = command.replace(
            "examples/shop/*.pcap --cluster …",
            "examples/shop/node1.pcap examples/shop/node2.pcap --cluster examples/shop/before --cluster examples/shop/snapshot",
        );
        let run = flowfence(globbed.split_whitespace()).ends(0);
        let real: BTreeSet<&str> = run.stdout.lines().chain(run.stderr.lines()).collect();
        for line in sample.lines().filter(|line| *line != "…" && !line.is_empty()) {
            assert!(real.contains(line), "{command}\n{line}\n{}{}", run.stdout, run.stderr);
            shown += 1;
        }
    }
    assert!(shown > 60, "the samples were found: {shown}");
}

#[test]
fn files_are_edited_in_place_once_and_everything_else_in_them_survives() {
    let scratch = Scratch::new();
    let dir = written(&scratch);
    let run = tighten(&dir, &["--in-place"]).ends(0);
    assert_eq!(run.stdout, "", "the policies are in their files");
    let (data, shop) = (read(&dir, "data.yaml"), read(&dir, "shop.yaml"));
    for line in [
        "# Who may use the stores. Ask the data team before you change it.",
        "  labels: {team: data}",
        "    # the shop",
        "        - {port: redis, protocol: TCP}",
        "    - from:   # everybody, until we know better",
    ] {
        assert!(data.lines().any(|own| own == line), "{line}\n{data}");
    }
    assert!(!data.contains("16379") && !data.contains("old wiki"), "{data}");
    assert!(shop.ends_with("  podSelector: {matchLabels: {app: shopping-cart}}\n"), "{shop}");
    let again = tighten(&dir, &["--in-place", "-o", "json"]).ends(0);
    assert_eq!(again.json()["tightening"]["edits"], serde_json::json!([]));
    assert_eq!((read(&dir, "data.yaml"), read(&dir, "shop.yaml")), (data, shop));
}

#[test]
fn the_patch_makes_of_the_files_what_an_edit_in_place_does() {
    let scratch = Scratch::new();
    let dir = written(&scratch);
    let patch = tighten(&dir, &["-o", "patch"]).ends(0).stdout;
    assert_eq!(
        read(&dir, "data.yaml"),
        read(&shop::path("examples/shop/policies"), "data.yaml"),
        "only shown"
    );
    let file = scratch.path().join("narrow.patch");
    std::fs::write(&file, &patch).unwrap();
    // The names in it lead from the root, for the files lie beyond the working directory.
    let root = scratch.path().ancestors().last().unwrap();
    let tools: [(&str, &[&str]); 2] =
        [("git", &["apply", "--unsafe-paths", "-p1"]), ("patch", &["-s", "-p1", "-i"])];
    let mut applied = 0;
    for (tool, args) in tools {
        let run = Command::new(tool)
            .args(args)
            .arg(&file)
            .current_dir(root)
            .env("GIT_CEILING_DIRECTORIES", "/")
            .output();
        let Ok(run) = run else {
            eprintln!("skipped: there is no {tool}");
            continue;
        };
        assert!(run.status.success(), "{tool}: {}\n{patch}", String::from_utf8_lossy(&run.stderr));
        let patched = (read(&dir, "data.yaml"), read(&dir, "shop.yaml"));
        std::fs::remove_dir_all(&dir).unwrap();
        written(&scratch);
        tighten(&dir, &["--in-place"]).ends(0);
        assert_eq!(patched, (read(&dir, "data.yaml"), read(&dir, "shop.yaml")), "{tool}");
        std::fs::remove_dir_all(&dir).unwrap();
        written(&scratch);
        applied += 1;
    }
    assert!(applied > 0 || std::env::var_os("CI").is_none(), "neither git nor patch is there");
}

#[test]
fn a_file_that_cannot_be_edited_is_left_alone_with_the_reason_and_the_others_are_edited() {
    let scratch = Scratch::new();
    let dir = written(&scratch);
    let anchored = read(&dir, "shop.yaml").replace("- podSelector: {}", "- &all\n          podSelector: {}");
    std::fs::write(dir.join("shop.yaml"), &anchored).unwrap();
    let before = read(&dir, "data.yaml");
    let run = tighten(&dir, &["--in-place"]).ends(3);
    assert!(
        run.stderr.contains(
            "shop.yaml: shop/api cannot be edited where it is: its spec is written with YAML anchors"
        ),
        "{}",
        run.stderr
    );
    assert_eq!(read(&dir, "shop.yaml"), anchored);
    assert_ne!(read(&dir, "data.yaml"), before);
    let names: BTreeSet<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        names,
        ["data.yaml".to_owned(), "shop.yaml".to_owned()].into(),
        "nothing half-written is left"
    );
}

#[test]
fn what_is_narrowed_cuts_nothing_and_keeps_what_people_wrote_beside_it() {
    let scratch = Scratch::new();
    let dir = written(&scratch);
    let run = tighten(&dir, &["-o", "json"]).ends(0);
    let answer = run.json();
    let tightening = &answer["tightening"];
    assert_eq!((&tightening["lost"], &tightening["added"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(answer["proof"]["alone"]["excess"], serde_json::json!([]));
    assert_eq!(tightening["selectsNothing"], serde_json::json!(["shop/cart"]));
    let cache = &answer["policies"][0];
    assert_eq!(cache["metadata"]["labels"], serde_json::json!({"team": "data"}));
    let edit = &tightening["edits"][0];
    assert_eq!(
        (&edit["what"], &edit["was"]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]),
        (&"peer-replaced".into(), &"shop".into())
    );
    assert_eq!(edit["evidence"]["suspicious"], serde_json::json!(["shop/Deployment/blog"]));
    let yaml = scratch.path().join("narrowed.yaml");
    std::fs::write(&yaml, tighten(&dir, &[]).ends(0).stdout).unwrap();
    let check = shop::inputs().run("check", &["--policies", yaml.to_str().unwrap(), "-o", "json"]).ends(0);
    assert_eq!(check.json()["cut"], serde_json::json!([]));
    let mut args = vec!["reach".to_owned(), "--policies".to_owned(), yaml.to_str().unwrap().to_owned()];
    args.extend(shop::MOMENTS.iter().flat_map(|dir| ["--cluster".to_owned(), (*dir).to_owned()]));
    args.extend([
        "--against".to_owned(),
        dir.to_str().unwrap().to_owned(),
        "-o".to_owned(),
        "json".to_owned(),
    ]);
    let difference = flowfence(&args).stdout;
    assert!(difference.contains("before") || difference.contains("removed"), "{difference:.300}");
}

#[test]
fn other_modes_give_patches_too_and_what_is_there_already_is_no_change() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let out = out.to_str().unwrap();
    let fresh = shop::inputs().run("recommend", &["--out", out, "-o", "patch"]).ends(0).stdout;
    assert!(
        fresh.contains("--- /dev/null\n+++ b/") && fresh.contains("/out/shop/web.yaml\n"),
        "{fresh:.300}"
    );
    assert!(!Path::new(out).exists(), "a patch is only shown");
    shop::inputs().run("recommend", &["--out", out]).ends(0);
    assert_eq!(shop::inputs().run("recommend", &["--out", out, "-o", "patch"]).ends(0).stdout, "");
    let web = Path::new(out).join("shop/web.yaml");
    std::fs::write(&web, std::fs::read_to_string(&web).unwrap().replace("port: 8080", "port: 8081")).unwrap();
    let patch = shop::inputs().run("recommend", &["--out", out, "-o", "patch"]).ends(0).stdout;
    let changed: Vec<&str> = patch
        .lines()
        .filter(|l| l.starts_with(['+', '-']) && !l.starts_with("+++") && !l.starts_with("---"))
        .collect();
    assert_eq!(changed, ["-      port: 8081", "+      port: 8080"], "{patch}");
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for args in [
        &["--in-place"][..],
        &["--mode", "tighten", "--in-place", "--out", "x"],
        &["--mode", "tighten", "--default-deny"],
        &["--mode", "tighten", "--dns"],
        &["--default-deny=some"],
    ] {
        let run = shop::inputs().run("recommend", args).ends(2);
        assert!(!run.stderr.is_empty());
    }
}

#[test]
fn policies_of_namespaces_are_written_where_that_is_safe() {
    let run = shop::inputs().run("recommend", &["--default-deny", "--dns", "-o", "json"]).ends(0);
    let answer = run.json();
    let names: BTreeSet<String> = answer["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            format!(
                "{}/{}",
                p["metadata"]["namespace"].as_str().unwrap(),
                p["metadata"]["name"].as_str().unwrap()
            )
        })
        .filter(|name| name.ends_with("-dns") || name.ends_with("-deny"))
        .collect();
    let expected = [
        "data/flowfence-default-deny",
        "data/flowfence-dns",
        "ops/flowfence-default-deny",
        "ops/flowfence-dns",
        "shop/flowfence-default-deny",
    ];
    assert_eq!(names, expected.map(str::to_owned).into(), "in shop a suspect lives");
    assert_eq!(answer["namespaced"][0]["why"], "suspect");
    assert_eq!(
        (&answer["proof"]["alone"]["cut"], &answer["proof"]["alone"]["excess"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
}
