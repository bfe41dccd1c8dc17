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

use super::AuditReport;
use crate::output::safe;

/// Namespaces that have series of their own; the others share one.
const NAMESPACES: usize = 200;

/// The namespace of all others. No namespace has this name.
const OTHERS: &str = "(others)";

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
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

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
            samples: by_namespace(report),
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

fn by_rule(report: &AuditReport) -> Vec<(Vec<(&'static str, String)>, f64)> {
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

/// Those with most findings have series of their own, of equals the first by name.
fn by_namespace(report: &AuditReport) -> Vec<(Vec<(&'static str, String)>, f64)> {
    let mut counts: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for finding in &report.findings {
        let level = LEVELS.iter().position(|level| *level == finding.level).unwrap_or(2);
        if let Some(namespace) = finding.namespace() {
            counts.entry(safe::line(namespace)).or_default()[level] += 1;
        }
    }
    let mut ranked: Vec<(String, [u64; 3])> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
    let rest = ranked.split_off(ranked.len().min(NAMESPACES));
    if !rest.is_empty() {
        let sum = |at: usize| rest.iter().map(|(_, counts)| counts[at]).sum();
        ranked.push((OTHERS.to_owned(), [sum(0), sum(1), sum(2)]));
    }
    ranked.sort();
    let samples = |(namespace, counts): (String, [u64; 3])| {
        let sample = move |(level, count): (&str, u64)| {
            (vec![("namespace", namespace.clone()), ("level", level.to_owned())], count as f64)
        };
        LEVELS.into_iter().zip(counts).map(sample).collect::<Vec<_>>()
    };
    ranked.into_iter().flat_map(samples).collect()
}

#[cfg(test)]
mod tests {
    use flowfence_model::NodeId;

    use super::*;
    use crate::output::audit::report::{finding, report};

    fn written(findings: Vec<super::super::FindingRow>) -> String {
        let mut out = Vec::new();
        write(&report(findings), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_was_looked_for_and_not_found_is_zero() {
        let text = written(vec![finding("port-scan", "error", 1), finding("port-scan", "warning", 2)]);
        for line in [
            "# TYPE flowfence_findings gauge",
            "flowfence_findings{rule=\"port-scan\",level=\"error\"} 1.0",
            "flowfence_findings{rule=\"port-scan\",level=\"warning\"} 1.0",
            "flowfence_findings{rule=\"mining\",level=\"error\"} 0.0",
            "flowfence_namespace_findings{namespace=\"shop\",level=\"warning\"} 1.0",
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
        let text = written(many.collect());
        let series = text.lines().filter(|line| line.starts_with("flowfence_namespace_findings{")).count();
        assert_eq!(series, (NAMESPACES + 1) * LEVELS.len());
        assert!(text.contains("{namespace=\"(others)\",level=\"error\"} 4800.0"));
    }
}
