//! Objects that the API server would refuse, through every verb: each is named with file, line, field and reason, the
//! rest is used, and the report says what was left out.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::Value;

use support::cluster::{Cluster, Wire, at};
use support::program::{Inputs, Run, Scratch};

/// A sound policy, and below it one of each mistake: (YAML of the object, field, part of the reason).
const BAD: &[(&str, &str, &str)] = &[
    (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolcy\nmetadata: {name: b0, namespace: app}\nspec: {}",
        "kind",
        "no kind",
    ),
    (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: B_1, namespace: app}\nspec: {}",
        "metadata.name",
        "RFC 1123",
    ),
    (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: b2, namespace: app}\nspec:\n  podSelectors: {}",
        "spec.podSelectors",
        "unknown field",
    ),
    (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: b3, namespace: app}\nspec:\n  podSelector: {}\n  podSelector: {}",
        "",
        "duplicate",
    ),
    (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: b4, namespace: app}\nspec:\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}",
        "spec.ingress[0].from[0].ipBlock.except[0]",
        "strict subset",
    ),
    (
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: b5}\nspec:\n  tier: Admin\n  priority: 1001\n  subject: {namespaces: {}}",
        "spec.priority",
        "0 to 1000",
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: b6, namespace: app}\nstatus: {podIP: 10.1.1.999}",
        "status.podIP",
        "not an IP address",
    ),
    ("apiVersion: v1\nkind: Service\nmetadata: {namespace: app}\nspec: {}", "metadata.name", "needs a name"),
];

const SOUND: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: sound, namespace: app}\n\
                     spec:\n  podSelector: {matchLabels: {app: server}}\n  ingress: []\n";

/// The file of all objects, and the line on which each bad one begins.
fn file() -> (String, Vec<usize>) {
    let mut text = SOUND.to_owned();
    let mut lines = Vec::new();
    for (object, ..) in BAD {
        text.push_str("---\n");
        lines.push(text.lines().count() + 1);
        text.push_str(object);
        text.push('\n');
    }
    (text, lines)
}

fn inputs(scratch: &Scratch) -> Inputs {
    let cluster =
        Cluster::new(1).deployment("client", 1, &["10.1.1.5"]).deployment("server", 8080, &["10.1.1.7"]);
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.1.7:8080"));
    cluster.inputs(scratch, &[&wire])
}

/// What a verb must say of every bad object: each within the lines that are its own.
fn names_each(run: &Run, refused: &[String], begins: &[usize], verb: &str) {
    assert_eq!(refused.len(), BAD.len(), "{verb}: {refused:#?}");
    for (at, (object, field, reason)) in BAD.iter().enumerate() {
        let said = &refused[at];
        let ends = begins[at] + object.lines().count();
        let line = said.split(':').nth(1).unwrap().parse::<usize>().unwrap();
        assert!(
            said.contains("bad.yaml:") && (begins[at]..ends).contains(&line),
            "{verb}: {said} not in {}",
            begins[at]
        );
        assert!(said.contains(field) && said.contains(reason), "{verb}: {said}");
        assert!(run.stderr.contains(&format!("left out: {said}")), "{verb}: {said} in {}", run.stderr);
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_verb_names_what_it_leaves_out_and_uses_the_rest() {
    let scratch = Scratch::new();
    let mut inputs = inputs(&scratch);
    let (text, begins) = file();
    let bad = scratch.file("bad.yaml", &text);
    inputs.clusters.push(bad.clone());
    let candidate = scratch.file("candidate.yaml", SOUND);
    let candidate = candidate.to_str().unwrap();
    let sound = "app/sound";
    for (verb, more, at, code) in [
        ("graph", vec![], "/completeness/objects", 0),
        ("audit", vec!["--fail-on", "never"], "/completeness/objects", 0),
        ("recommend", vec![], "/completeness/objects", 0),
        ("check", vec!["--policies", candidate], "/completeness/objects", 1),
    ] {
        let run = inputs.run(verb, &[&more[..], &["-o", "json"]].concat()).ends(code);
        let report = run.json();
        let objects = report.pointer(at).unwrap();
        names_each(&run, &texts(&objects["refused"]), &begins, verb);
        assert!(objects["used"].as_u64().unwrap() > 5, "{verb}");
    }
    inputs.captures.clear();
    let ends = ["app/Deployment/client", "app/Deployment/server", "8080"];
    for (verb, more) in [("reach", &[][..]), ("explain", &ends[..])] {
        let run = inputs.run(verb, &[more, &["-o", "json"]].concat()).ends(0);
        names_each(&run, &texts(&run.json()["objects"]["refused"]), &begins, verb);
        let text = inputs.run(verb, more).ends(0).stdout;
        assert!(
            text.contains("8 objects were left out:") && text.contains("spec.podSelectors"),
            "{verb}: {text}"
        );
    }
    let told = inputs.run("explain", &ends).stdout;
    assert!(told.contains(sound) && told.contains("denied"), "the sound policy counts: {told}");
    let probes = scratch.file("probes.json", r#"[{"from": "10.1.1.5", "to": "10.1.1.7", "port": 8080}]"#);
    let run = inputs.run("reach", &["--probes", probes.to_str().unwrap()]).ends(0);
    assert_eq!(run.json()["results"][0]["allowed"], false);
    names_each(&run, &texts(&run.json()["refused"]), &begins, "reach --probes");
}

#[test]
fn a_set_that_is_asked_about_and_not_read_whole_never_ends_well() {
    let scratch = Scratch::new();
    let inputs = inputs(&scratch);
    let (text, _) = file();
    let set = scratch.file("bad.yaml", &text);
    let set = set.to_str().unwrap();
    for verb in ["graph", "recommend"] {
        inputs.run(verb, &["--policies", set, "-o", "json"]).ends(5);
    }
    inputs.run("audit", &["--policies", set, "--fail-on", "never"]).ends(5);
    inputs.run("check", &["--policies", set]).ends(1);
    let mut objects = inputs.clone();
    objects.captures.clear();
    objects.run("reach", &["--policies", set]).ends(5);
    objects.run("reach", &["--against", set]).ends(5);
    objects.run("explain", &["10.1.1.5", "10.1.1.7", "8080", "--policies", set]).ends(5);
    let probes = scratch.file("probes.json", "[]");
    objects.run("reach", &["--policies", set, "--probes", probes.to_str().unwrap()]).ends(5);
    let whole = scratch.file("whole.yaml", SOUND);
    let whole = whole.to_str().unwrap();
    inputs.run("graph", &["--policies", whole]).ends(0);
    objects.run("reach", &["--policies", whole]).ends(0);
    assert!(!objects.run("reach", &["--against", whole]).ends(0).stdout.contains("left out"));
}
