//! How much was seen and what was left out, for every report.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use flowfence_graph::Completeness;
use flowfence_graph::facts::SAMPLED;
use flowfence_model::{Counts, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{ApiReading, Cluster};
use crate::output::safe;

/// The `completeness` object of every JSON output.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletenessReport {
    /// Packets that were read.
    pub packets: u64,
    /// Flow records that they made.
    pub records: u64,
    /// Lines of flow logs that tell of conversations.
    pub log_lines: u64,
    /// Share of packets and flows that were lost, 0 to 1.
    pub loss: f64,
    /// Pods that ran during the window.
    pub pods: u64,
    /// Of these, pods whose traffic no tap could see wholly.
    pub pods_unseen: u64,
    /// The latter as a share of the former, 0 to 1.
    pub pods_unseen_share: f64,
    /// Inside addresses that could not be given to one holder.
    pub unknown_addresses: u64,
    /// Flows that were dropped because the table was full.
    pub evictions: u64,
    /// Inputs that end in the middle of a record.
    pub truncations: u64,
    /// Everything that was passed over, by cause.
    pub counts: BTreeMap<&'static str, u64>,
    /// Records and lines that look at a sample of the packets: their counts are estimates, and what is rare was missed.
    #[serde(skip_serializing_if = "is_none")]
    pub sampled: u64,
    /// Formats of flow logs that say what passed and never show an answer: what passed counts as connected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub silent_logs: Vec<&'static str>,
    /// What became of each input.
    pub files: Vec<FileRow>,
    /// What became of the objects.
    pub objects: ObjectsRow,
}

/// One input.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileRow {
    /// As the user named it.
    pub name: String,
    /// Records that were read.
    pub packets: u64,
    /// Octets that were read, after decompression.
    pub octets: u64,
    /// Records that damage made unusable.
    pub damaged_records: u64,
    /// Octets passed over in search of the next good record.
    pub skipped_octets: u64,
    /// Whether it ends in the middle of a record.
    pub truncated: bool,
    /// What was wrong and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// The objects of `--cluster` and `--policies`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectsRow {
    /// Objects that were used.
    pub used: u64,
    /// Objects that were refused, with file, line and reason.
    pub refused: Vec<String>,
    /// Objects of kinds that are not used, by kind.
    pub ignored: BTreeMap<String, u64>,
    /// How they were read, when they come from the kube API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiRow>,
}

/// How objects were read from the kube API.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiRow {
    /// The moment that names and labels are of: the end of the run, or when some kind could be followed no more.
    #[schemars(with = "String")]
    pub as_of: Timestamp,
    /// How far the API server's clock is ahead of this machine's, in whole seconds; 0 when by no more than two.
    pub clock_ahead_seconds: i64,
    /// How often a kind could not be followed any more: the API server away, a watch broken, a token expired.
    pub interruptions: u64,
    /// How often a kind was listed anew after the first time.
    pub relists: u64,
    /// Objects that were gone, and so many that they had to be forgotten.
    pub forgotten: u64,
    /// Kinds that could not be read, with the reason.
    pub missing: Vec<String>,
}

impl ApiRow {
    fn new(reading: &ApiReading) -> Self {
        ApiRow {
            as_of: reading.as_of,
            clock_ahead_seconds: reading.clock_ahead_secs,
            interruptions: reading.interruptions,
            relists: reading.relists,
            forgotten: reading.forgotten,
            missing: reading.missing.clone(),
        }
    }
}

impl ObjectsRow {
    /// What became of everything that the cluster's reader met.
    pub fn new(cluster: &Cluster) -> Self {
        ObjectsRow {
            used: cluster.objects,
            refused: cluster.refused.clone(),
            ignored: cluster.ignored.clone(),
            api: cluster.api.as_ref().map(ApiRow::new),
        }
    }

    /// Adds what became of other objects.
    #[must_use]
    pub fn and(mut self, other: &Cluster) -> Self {
        self.used += other.objects;
        self.refused.extend(other.refused.iter().cloned());
        for (kind, count) in &other.ignored {
            *self.ignored.entry(kind.clone()).or_default() += count;
        }
        self
    }

    /// Lines for the end of a text, when anything was refused.
    pub fn write_refused(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.refused.is_empty() {
            writeln!(out, "\n{} left out:", counted(self.refused.len(), "object"))?;
        }
        self.refused.iter().try_for_each(|problem| writeln!(out, "  {}", safe::line(problem)))
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what} was") } else { format!("{count} {what}s were") }
}

/// Causes under which something of the traffic itself was lost, beside damage to files. Whatever
/// else is counted was understood and is only not a connection.
const LOSSES: [&str; 6] = [
    "conversations-overflowed",
    "exports-untemplated",
    "flows-evicted",
    "truncated-headers",
    "tcp-flags-cut",
    "unsupported-link-type",
];

/// Causes under which packets, events and records never reached us, and so are not among those that were read.
const UNREAD: [&str; 4] = ["exports-lost", "interface-drops", "kernel-drops", "log-events-lost"];

/// Pods of other clusters, which were used by their addresses.
const OTHER_CLUSTER: &str = "log-other-cluster";

/// Prefix of further causes of loss.
const MALFORMED: &str = "malformed";

/// What the reading of sources adds to the counts.
const SOURCES: [(&str, &str); 2] = [
    (
        "conntrack-missed",
        "Events of connection tracking that were lost: these services are concluded instead.",
    ),
    ("files-passed-over", "A file of a directory that is no capture."),
];

/// The page of every token that `counts` may carry.
pub fn page() -> String {
    let mut causes: Vec<(&str, &str)> = flowfence_capture::CAUSES
        .iter()
        .chain(flowfence_graph::facts::CAUSES)
        .copied()
        .chain(SOURCES)
        .collect();
    causes.sort_unstable();
    causes.dedup_by_key(|(token, _)| *token);
    let mut page = String::from(PAGE_HEAD);
    for (token, meaning) in causes {
        let loss = if is_loss(token) { "yes" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{token}` | {loss} | {meaning} |");
    }
    page
}

const PAGE_HEAD: &str = "# Completeness

Every JSON output has a `completeness` object: `packets` that were read, `records` (flow records) that they made,
`logLines` (lines of flow logs that tell of conversations), `loss` (0 to 1, of all these), `pods` that ran during the window and `podsUnseen` (those whose traffic no tap could see wholly),
`unknownAddresses`, `evictions`, `truncations`, `files` with what was damaged in each, `objects` that were used, refused or
ignored, `sampled` (records and lines that look at a sample of the packets), `silentLogs` (formats of flow logs that never show an answer,
so that what they say passed counts as connected), and `counts`: what was passed over, by cause. The causes:

| token | loss | meaning |
| --- | --- | --- |
";

fn is_loss(cause: &str) -> bool {
    // What is not the tunnel that its port promises was read as what it is.
    LOSSES.contains(&cause)
        || UNREAD.contains(&cause)
        || (cause.starts_with(MALFORMED) && cause != "malformed-tunnel")
}

/// Share of packets and flows that were lost: of what was read, of what was damaged, and of what
/// never came to be read.
pub fn loss(packets: u64, damaged: u64, counts: &Counts) -> f64 {
    let unread: u64 = UNREAD.iter().map(|cause| counts.get(cause)).sum();
    let lost: u64 = counts.iter().filter(|(cause, _)| is_loss(cause)).map(|(_, n)| n).sum();
    let all = packets + damaged + unread;
    // One datagram may be damaged in several ways.
    share((damaged + lost).min(all), all)
}

impl CompletenessReport {
    /// From what attribution and the cluster's reader counted.
    pub fn new(seen: &Completeness, cluster: &Cluster) -> Self {
        let mut files: Vec<FileRow> = seen.files.iter().map(row).collect();
        files.sort_by(|x, y| x.name.cmp(&y.name));
        let damaged: u64 = files.iter().map(|f| f.damaged_records + u64::from(f.truncated)).sum();
        // Lines of logs and records of exporters are not among the packets.
        let read = seen.packets.max(files.iter().map(|f| f.packets).sum());
        CompletenessReport {
            packets: seen.packets,
            records: seen.records,
            log_lines: seen.lines,
            loss: loss(read, damaged, &seen.counts),
            pods: seen.pods,
            pods_unseen: seen.pods_unseen,
            pods_unseen_share: share(seen.pods_unseen, seen.pods),
            unknown_addresses: seen.unknown_addresses,
            evictions: seen.counts.get("flows-evicted"),
            truncations: files.iter().filter(|f| f.truncated).count() as u64,
            counts: seen.counts.iter().collect(),
            sampled: seen.counts.get(SAMPLED),
            silent_logs: seen.silent_logs.iter().copied().collect(),
            files,
            objects: ObjectsRow::new(cluster),
        }
    }

    /// The lines that a person should read, most important first.
    pub fn lines(&self) -> Vec<String> {
        let mut read = format!("{} packets, {} flow records", self.packets, self.records);
        if self.log_lines > 0 {
            let _ = write!(read, ", {} lines of flow logs", self.log_lines);
        }
        let mut lines = vec![read];
        if self.pods_unseen > 0 {
            lines.push(format!(
                "{} of {} pods ran where no tap could see all their traffic",
                self.pods_unseen, self.pods
            ));
        }
        if self.sampled > 0 {
            lines.push(format!(
                "{} of these look at a sample of the packets: what is rare was missed, and counts are estimates",
                self.sampled
            ));
        }
        if !self.silent_logs.is_empty() {
            lines.push(format!(
                "{} never shows an answer: what it says passed counts as connected",
                self.silent_logs.join(", ")
            ));
        }
        for file in &self.files {
            let damage = file.damaged_records > 0 || file.skipped_octets > 0;
            if damage || file.truncated {
                let end = if file.truncated { "; ends in the middle of a record" } else { "" };
                lines.push(format!(
                    "{}: {} damaged records, {} octets passed over{end}",
                    file.name, file.damaged_records, file.skipped_octets
                ));
            }
        }
        if let Some(pods) = self.counts.get(OTHER_CLUSTER) {
            lines.push(format!(
                "pods of other clusters: {pods}, told by their addresses; no NetworkPolicy here selects them"
            ));
        }
        // What was used has its line.
        let passed_over = self.counts.iter().filter(|(cause, _)| ![SAMPLED, OTHER_CLUSTER].contains(cause));
        let counts: Vec<String> = passed_over.map(|(cause, n)| format!("{cause} {n}")).collect();
        if !counts.is_empty() {
            lines.push(format!("passed over: {}", counts.join(", ")));
        }
        if self.unknown_addresses > 0 {
            lines.push(format!("{} inside addresses without a known holder", self.unknown_addresses));
        }
        if !self.objects.refused.is_empty() {
            lines.push(format!("{} objects refused", self.objects.refused.len()));
        }
        lines
    }
}

/// Serde hands over what it writes by reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

fn row(file: &flowfence_model::FileReport) -> FileRow {
    FileRow {
        name: file.name.clone(),
        packets: file.packets,
        octets: file.octets,
        damaged_records: file.damaged_records,
        skipped_octets: file.skipped_octets,
        truncated: file.truncated,
        problems: file.problems.clone(),
    }
}

/// `part / whole` to four digits: enough for people, the same on every machine.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0 }
}
