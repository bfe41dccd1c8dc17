//! Counts of findings as Prometheus scrapes them, from a file or a gateway.
//!
//! Gauges alone, without info or unit: what is written is both Prometheus' text format 0.0.4 and `OpenMetrics` 1.0.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{AuditReport, FindingRow};
use crate::output::safe;

/// Namespaces that have series of their own, and owners; the others share one.
const NAMESPACES: usize = 200;
const OWNERS: usize = 200;

/// The name of all others. No namespace has it.
const OTHERS: &str = "(others)";

/// Characters of a name: annotations hold more.
const MOST_NAME: usize = 128;

const LEVELS: [&str; 3] = ["error", "warning", "note"];

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics { families: families(report) }));
    let mut page = String::new();
    text::encode(&mut page, &registry).map_err(io::Error::other)?;
    out.write_all(page.as_bytes())
}

#[derive(Debug)]
struct Metrics {
    families: Vec<Family>,
}

/// A metric: its samples by their labels, in the order in which they are written.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Samples,
}

/// Labels and values.
type Samples = Vec<(Vec<(&'static str, String)>, f64)>;

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in &self.families {
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, MetricType::Gauge)?;
            for (labels, value) in &family.samples {
                if labels.is_empty() {
                    metric.encode_gauge(value)?;
                } else {
                    let labels: Vec<(&str, &str)> =
                        labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    metric.encode_family(&labels)?.encode_gauge(value)?;
                }
            }
        }
        Ok(())
    }
}

fn families(report: &AuditReport) -> Vec<Family> {
    let completeness = &report.completeness;
    let by_namespace = by_name(report, NAMESPACES, |finding| finding.namespace().map(str::to_owned));
    // An empty label is none: that is how findings that nobody owns are asked for.
    let by_owner = by_name(report, OWNERS, |finding| Some(finding.owner_name().unwrap_or_default()));
    vec![
        Family {
            name: "flowfence_build_info",
            help: "The version that wrote this; always 1",
            samples: vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)],
        },
        Family {
            name: "flowfence_findings",
            help: "Findings of the last audit by rule and level; rules that ran and found nothing are 0",
            samples: by_rule(report),
        },
        Family {
            name: "flowfence_namespace_findings",
            help: "Findings of the last audit by the namespace of their subject and level",
            samples: counts(&by_namespace, "namespace"),
        },
        Family {
            name: "flowfence_owner_findings",
            help: "Findings of the last audit by owner and level; those of nobody have an empty owner",
            samples: counts(&by_owner, "owner"),
        },
        Family {
            name: "flowfence_highest_rank",
            help: "Highest rank, 0 to 100, among the findings of a rule; 0 where it found nothing",
            samples: ranks_by_rule(report),
        },
        Family {
            name: "flowfence_namespace_highest_rank",
            help: "Highest rank, 0 to 100, among the findings of a namespace",
            samples: highest(&by_namespace, "namespace"),
        },
        Family {
            name: "flowfence_owner_highest_rank",
            help: "Highest rank, 0 to 100, among the findings of an owner",
            samples: highest(&by_owner, "owner"),
        },
        Family {
            name: "flowfence_audit_loss_ratio",
            help: "Share of packets and flows that were lost before the last audit saw them",
            samples: vec![(Vec::new(), completeness.loss)],
        },
        Family {
            name: "flowfence_audit_objects_refused",
            help: "Kubernetes objects that the last audit left out because they could not be read",
            samples: vec![(Vec::new(), completeness.objects.refused.len() as f64)],
        },
    ]
}

fn by_rule(report: &AuditReport) -> Samples {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for detector in report.detectors() {
        counts.insert((detector.id, detector.level.token()), 0);
    }
    for finding in &report.findings {
        *counts.entry((finding.rule, finding.level)).or_default() += 1;
    }
    let sample = |((rule, level), count): ((&str, &str), u64)| {
        (vec![("rule", rule.to_owned()), ("level", level.to_owned())], count as f64)
    };
    counts.into_iter().map(sample).collect()
}

fn ranks_by_rule(report: &AuditReport) -> Samples {
    let mut ranks: BTreeMap<&str, u32> = report.detectors().map(|detector| (detector.id, 0)).collect();
    for finding in &report.findings {
        let highest = ranks.entry(finding.rule).or_default();
        *highest = (*highest).max(finding.rank_total().unwrap_or(0));
    }
    ranks.into_iter().map(|(rule, rank)| (vec![("rule", rule.to_owned())], f64::from(rank))).collect()
}

/// Findings and the highest rank of what bears a name from outside: a namespace, an owner.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    counts: [u64; 3],
    highest_rank: u32,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.highest_rank = self.highest_rank.max(other.highest_rank);
    }
}

/// Those with most findings have series of their own, of equals the first by name; all others share one. A name from
/// outside may be that of the others, and is then one of them: no series is there twice.
fn by_name(
    report: &AuditReport,
    most: usize,
    name: impl Fn(&FindingRow) -> Option<String>,
) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for finding in &report.findings {
        let level = LEVELS.iter().position(|level| *level == finding.level).unwrap_or(2);
        if let Some(name) = name(finding) {
            let mut one = Tally { counts: [0; 3], highest_rank: finding.rank_total().unwrap_or(0) };
            one.counts[level] = 1;
            let name = safe::at_most(&safe::line(&name), MOST_NAME).into_owned();
            tallies.entry(name).or_default().add(one);
        }
    }
    let mut ordered: Vec<(String, Tally)> = tallies.into_iter().collect();
    ordered.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.counts.iter().sum::<u64>()));
    let rest = ordered.split_off(ordered.len().min(most));
    let mut kept: BTreeMap<String, Tally> = ordered.into_iter().collect();
    for (_, tally) in rest {
        kept.entry(OTHERS.to_owned()).or_default().add(tally);
    }
    kept
}

fn counts(tallies: &BTreeMap<String, Tally>, label: &'static str) -> Samples {
    let samples = |(name, tally): (&String, &Tally)| {
        let name = name.clone();
        let sample = move |(level, count): (&str, u64)| {
            (vec![(label, name.clone()), ("level", level.to_owned())], count as f64)
        };
        LEVELS.into_iter().zip(tally.counts).map(sample).collect::<Vec<_>>()
    };
    tallies.iter().flat_map(samples).collect()
}

fn highest(tallies: &BTreeMap<String, Tally>, label: &'static str) -> Samples {
    let sample =
        |(name, tally): (&String, &Tally)| (vec![(label, name.clone())], f64::from(tally.highest_rank));
    tallies.iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use flowfence_model::NodeId;

    use super::*;
    use crate::output::audit::report::{finding, ranked, written};

    #[test]
    fn what_was_looked_for_and_not_found_is_zero() {
        let found = vec![ranked("port-scan", "error", 1, "web"), finding("port-scan", "warning", 2)];
        let text = written(write, found);
        for line in [
            "# TYPE flowfence_findings gauge",
            "flowfence_findings{rule=\"port-scan\",level=\"error\"} 1.0",
            "flowfence_findings{rule=\"port-scan\",level=\"warning\"} 1.0",
            "flowfence_findings{rule=\"mining\",level=\"error\"} 0.0",
            "flowfence_namespace_findings{namespace=\"shop\",level=\"warning\"} 1.0",
            "flowfence_owner_findings{owner=\"web\",level=\"error\"} 1.0",
            "flowfence_owner_findings{owner=\"\",level=\"warning\"} 1.0",
            "flowfence_highest_rank{rule=\"port-scan\"} 30.0",
            "flowfence_highest_rank{rule=\"mining\"} 0.0",
            "flowfence_namespace_highest_rank{namespace=\"shop\"} 30.0",
            "flowfence_owner_highest_rank{owner=\"web\"} 30.0",
            "flowfence_audit_loss_ratio 0.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_cluster_of_many_namespaces_has_no_more_series() {
        let many = (0..5_000).map(|at| {
            let mut finding = finding("port-scan", "error", at);
            finding.from = Some(NodeId::workload(&format!("ns{at:05}"), "Pod", "x"));
            finding
        });
        let text = written(write, many.collect());
        let series = text.lines().filter(|line| line.starts_with("flowfence_namespace_findings{")).count();
        assert_eq!(series, (NAMESPACES + 1) * LEVELS.len());
        assert!(text.contains("{namespace=\"(others)\",level=\"error\"} 4800.0"));
    }

    #[test]
    fn owners_of_any_number_and_name_have_bounded_series_and_each_once() {
        let of = |owner: String| move |at| ranked("port-scan", "note", at, &owner);
        let many = (0..5_000).map(|at| of(format!("team{at:05}"))(at));
        let odd = [OTHERS, "(OTHERS)", " (others)\n", &"x".repeat(900), &format!("{}y", "x".repeat(900))];
        let odd = odd.into_iter().flat_map(|owner| (0..3).map(of(owner.to_owned())).collect::<Vec<_>>());
        let text = written(write, many.chain(odd).collect());
        let series: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("flowfence_owner_findings{"))
            .filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series))
            .collect();
        let distinct: std::collections::BTreeSet<&&str> = series.iter().collect();
        assert_eq!(series.len(), distinct.len());
        assert!(series.len() <= (OWNERS + 1) * LEVELS.len(), "{}", series.len());
        let sum = |line: &str| line.rsplit_once(' ').map_or(0.0, |(_, count)| count.parse::<f64>().unwrap());
        let all: f64 =
            text.lines().filter(|line| line.starts_with("flowfence_owner_findings{")).map(sum).sum();
        assert!((all - 5_015.0).abs() < 0.5, "{all}");
    }
}
