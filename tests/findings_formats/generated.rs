//! Findings in which everything is called what hurts most.

use std::collections::BTreeMap;

use flowfence::output::audit::{AuditReport, FindingRow, OwnerRow, RankRow};
use flowfence::output::completeness::CompletenessReport;
use flowfence_model::{NodeId, Protocol, Timestamp};
use flowfence_policy::audit::rank::{Part, Rank};
use flowfence_policy::audit::{Value, detectors};

/// Texts that would break out of one format or another, if it let them.
pub const HOSTILE: &[&str] = &[
    "</failure></testcase><script>alert(1)</script>",
    "]]><!--&lt;&#0;<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "x\n::error file=a,line=1::forged",
    "::stop-commands::t",
    "##vso[task.setvariable variable=PATH]/tmp",
    "a%0Ab%3A,line=9::x",
    "a | b |\n|---|---|\n| c",
    "`` ` ``` [ok](javascript:x()) ![x](http://203.0.113.9/x.png) <b onclick=x()> @everyone #1 https://a.example",
    "x\",y=\"1\"} 1\ninjected{a=\"\\",
    "a: {b: c}\n---\nkind: NetworkPolicy\n",
    "a\u{202e}b\u{1b}[31m\u{0}\u{feff}\u{2028}c\nd\u{fffe}\u{85}",
    "../../../etc/passwd",
    "{{ .Values.x }} $(id) ${x} %s {0}",
    "]]\n[[ATTACHMENT|/etc/passwd]] [[PROPERTY|rank=0]]",
    "(others)",
    "日本語 ünï 🦀",
    "",
    "   ",
];

/// A report of `count` findings of every detector, level, rank, owner and kind of subject, the worst first.
pub fn generated(count: usize) -> AuditReport {
    let mut findings: Vec<FindingRow> = (0..count).map(row).collect();
    findings.sort_by_key(|finding| {
        let level = ["error", "warning", "note"].iter().position(|l| *l == finding.level);
        (level, std::cmp::Reverse(finding.rank_total()))
    });
    AuditReport {
        api_version: "flowfence.dev/v1",
        kind: "Report",
        findings,
        completeness: CompletenessReport::default(),
        has_traffic: true,
    }
}

fn row(at: usize) -> FindingRow {
    let hostile = HOSTILE[at % HOSTILE.len()];
    let rules: Vec<&'static str> = detectors().map(|detector| detector.id).collect();
    let rule = rules[at % rules.len()];
    let namespace = if at.is_multiple_of(3) { hostile.to_owned() } else { format!("ns{}", at % 7) };
    let from = match at % 5 {
        0 => None,
        1 => Some(NodeId::Node(hostile.into())),
        _ => Some(NodeId::workload(&namespace, "Deployment", &format!("{hostile} {at}"))),
    };
    let time = |seconds: i64| Timestamp::from_nanos((1_760_000_000 + seconds) * 1_000_000_000);
    let evidence = BTreeMap::from([
        ("first".into(), Value::Time(time(i64::try_from(at).unwrap()))),
        ("last".into(), Value::Time(time(90_000))),
        ("names".into(), vec![hostile.to_owned(); at % 40].as_slice().into()),
        ("zone".into(), Value::Text(hostile.to_owned())),
        ("connections".into(), Value::Count(at as u64)),
    ]);
    FindingRow {
        id: format!("{rule}:{namespace}/{hostile}/{at}"),
        rule,
        level: ["error", "warning", "note"][at % 3],
        title: format!("{hostile} and {hostile} of {at}"),
        to: (at % 4 == 1).then(|| NodeId::workload("data", "StatefulSet", hostile)),
        from,
        protocol: Some(Protocol::Tcp),
        port: Some(443),
        evidence,
        // Some are of nobody.
        rank: (!at.is_multiple_of(11)).then(|| Box::new(rank(at, hostile))),
        owner: (!at.is_multiple_of(7)).then(|| owner(at)),
        fix: at.is_multiple_of(2).then(|| format!("write {hostile}")),
        policy: at.is_multiple_of(5).then(|| format!("{namespace}/{hostile}")),
        field: None,
        file: at.is_multiple_of(6).then(|| format!("./policies/{hostile}.yaml")),
        line: at.is_multiple_of(6).then_some(at + 1),
    }
}

/// Its reasons name objects.
fn rank(at: usize, hostile: &str) -> RankRow {
    let part = |value: usize| Part {
        value: u32::try_from(value).unwrap(),
        why: std::iter::once(hostile.to_owned()).collect(),
    };
    RankRow::from(&Rank {
        exposure: part(at % 31),
        privilege: part(at % 21),
        blast_radius: part(at % 29),
        environment: part(40 + at % 61),
        confidence: part(100),
        spread: None,
    })
}

/// An owner of every name, of which there are more than have series of their own.
fn owner(at: usize) -> OwnerRow {
    let hostile = HOSTILE[at / 3 % HOSTILE.len()];
    let name = if at.is_multiple_of(2) { format!("{hostile}{}", at % 601) } else { hostile.to_owned() };
    OwnerRow { name, from: format!("annotation a8r.io/owner of namespace {hostile}") }
}
