//! Formats told by a mapping: which column, or member of a JSON object, is what.
//!
//! ```text
//! mapping (TOML) ─┐
//! line ─▶ row ────┴▶ decode ─▶ Entry (a conversation) or Connection (a flow record)
//! ```
//!
//! Most logs are the same table under other names. Those are read by a mapping that is built in
//! (`maps/`), and any other CSV or JSON lines by one that the user writes (`--format map:FILE`,
//! described in `docs/flow-logs.md`).

mod builtin;
mod decode;
mod end;
mod fields;
mod moment;
mod row;
mod saying;
mod server;
mod trace;
mod verdict;
mod word;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

pub(super) use builtin::{CALICO, ENVOY, GCP, GKE, NETOBSERV, OTEL, SURICATA, ZEEK, ZEEK_JSON};
pub(super) use decode::Mapped;
pub(super) use row::csv;
pub use saying::{Answers, Choice, Handshake, Sampling, Verdicts};

/// What a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A JSON object a line.
    #[default]
    Json,
    /// Comma-separated values, names in the first line (RFC 4180).
    Csv,
    /// The same with tabs.
    Tsv,
    /// Zeek's TSV, with names in `#fields`.
    Zeek,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKind {
    /// Anything between two ends in some interval; rows of one observer add up.
    #[default]
    Flow,
    /// A whole connection, with both its ports and both its directions.
    Connection,
}

/// Who opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenerRule {
    /// The source of every row.
    Source,
    /// Rows do not tell, unless a field does.
    #[default]
    Unknown,
}

/// The unit of times that are numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds since 1970, a fraction allowed; texts are read as RFC 3339.
    #[default]
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// Which field is what. A field is the name of a column or, when it begins with `/`, a JSON
/// pointer (RFC 6901).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What a line is.
    #[serde(default)]
    pub layout: Layout,
    /// What a row is about.
    #[serde(default)]
    pub row: RowKind,
    /// JSON pointers under which the object may stand, tried in their order; the line itself by default.
    #[serde(default)]
    pub roots: Vec<String>,
    /// When it was.
    pub time: TimeFields,
    /// Who sent.
    pub source: EndFields,
    /// Who received.
    pub destination: EndFields,
    /// The protocol: its name or IANA number. TCP when there is no such field.
    pub protocol: Option<String>,
    /// Type and code, for ICMP.
    pub icmp: Option<[Names; 2]>,
    /// Who opened.
    #[serde(default)]
    pub opener: OpenerRule,
    /// The one who was asked, whichever end that is.
    #[serde(default)]
    pub server: ServerFields,
    /// A field that says who opened, before `opener`.
    pub reply: Option<Choice>,
    /// TCP flags of all packets of the row, as a number or a list of names: tells who opened where
    /// nothing else does.
    #[serde(default, deserialize_with = "one_or_more")]
    pub tcp_flags: Vec<String>,
    /// The same, in fields where `syn_ack` does not hold.
    #[serde(default, deserialize_with = "one_or_more")]
    pub plain_flags: Vec<String>,
    /// The bit that a packet with SYN and ACK sets there in place of theirs, where it has one of its own.
    pub syn_ack: Option<u64>,
    /// TCP flags of both directions, in hexadecimal: they tell whether the opening was seen, and what
    /// was answered.
    pub handshake: Option<Handshake>,
    /// Packets and octets.
    #[serde(default)]
    pub counts: CountFields,
    /// Fields that say what became of it.
    pub verdict: Option<Verdicts>,
    /// A field that says what was answered.
    pub answer: Option<Answers>,
    /// The policy that decided.
    pub policy: Option<NameFields>,
    /// The service that it went through.
    pub service: Option<NameFields>,
    /// Lists of what each policy on the way said, as Calico writes them (`INDEX|TIER|NAME|ACTION|RULE`); of several the
    /// first that the row has. They name the policy that stopped it, or that would if it were not on trial.
    #[serde(default, deserialize_with = "one_or_more")]
    pub policy_trace: Vec<String>,
    /// The same of policies on trial alone.
    #[serde(default, deserialize_with = "one_or_more")]
    pub trial_trace: Vec<String>,
    /// Who wrote the row: rows of one observer add up, those of several are the same seen again.
    #[serde(default)]
    pub observer: Vec<String>,
    /// The name of the destination, when it is outside.
    pub destination_name: Option<String>,
    /// How rows look at a sample of the packets.
    pub sampling: Option<Sampling>,
    /// Rows that are something else, or repeat others.
    #[serde(default)]
    pub skip: Vec<Condition>,
    /// What rows must be; others are something else.
    #[serde(default)]
    pub only: Vec<Condition>,
}

/// Fields of times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeFields {
    /// The beginning; of several the first that the row has.
    #[serde(deserialize_with = "one_or_more")]
    pub first: Vec<String>,
    /// The end.
    #[serde(default, deserialize_with = "one_or_more")]
    pub last: Vec<String>,
    /// How long it took, in seconds.
    pub duration: Option<String>,
    /// The unit of numbers.
    #[serde(default)]
    pub unit: Unit,
    /// The units of single fields, where they differ.
    #[serde(default)]
    pub units: BTreeMap<String, Unit>,
}

/// Fields of one end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndFields {
    /// Its address; of several the first that the row has and that is not loopback. A port behind a
    /// colon is taken off.
    #[serde(default, deserialize_with = "one_or_more")]
    pub address: Vec<String>,
    /// Its port; when there is no such field, the one behind the colon of the address.
    #[serde(default, deserialize_with = "one_or_more")]
    pub port: Vec<String>,
    /// Ports behind a colon that are those of a proxy on the same host: such an address is passed over.
    #[serde(default)]
    pub redirects: Vec<u16>,
    /// Namespace of the pod.
    #[serde(default, deserialize_with = "one_or_more")]
    pub namespace: Vec<String>,
    /// Name of the pod. One that ends with `*` is what the names of a controller's pods begin with.
    #[serde(default, deserialize_with = "one_or_more")]
    pub pod: Vec<String>,
    /// Kind and name of its controller.
    pub workload: Option<[String; 2]>,
    /// Labels: a JSON object, a list of `key=value`, or a text of them between commas or ` | `.
    pub labels: Option<String>,
    /// When it is a pod; always by default.
    pub only_if: Option<Condition>,
    /// The name of the node, when it is one.
    pub node: Option<String>,
    /// When it is a node; whenever it has a name of one by default.
    pub node_if: Option<Condition>,
    /// What class of addresses it is, outside, where its own is not told.
    pub outside: Option<String>,
    /// When it is outside.
    pub outside_if: Option<Condition>,
    /// What stands behind it, when it is a service address.
    pub translated: Option<Box<Translated>>,
}

/// Fields of the end behind a service address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translated {
    /// When the end is a service address.
    pub when: Condition,
    /// The end that it stands for.
    pub end: EndFields,
    /// Namespace and name of the service.
    pub service: Option<NameFields>,
}

/// Fields of the one who was asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerFields {
    /// Its port: tells which end it is where nothing else does, and stands in where the end has none.
    pub port: Option<String>,
    /// Its DNS name, or its address: stands in where the end has none.
    pub address: Option<String>,
}

/// Fields of counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountFields {
    /// Packets from source to destination.
    pub packets: Option<String>,
    /// Octets from source to destination.
    pub octets: Option<String>,
    /// Packets back.
    pub packets_back: Option<String>,
    /// Octets back.
    pub octets_back: Option<String>,
    /// Connections that began.
    pub connections: Option<String>,
    /// Packets from source to destination that were dropped: where all were, something stopped them.
    pub dropped: Option<String>,
    /// Rows where there and back are the other way round.
    pub turned: Option<Condition>,
}

/// Namespace and name of an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameFields {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A field and values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// One of these; empty for "whenever it is there".
    #[serde(default)]
    pub is: Vec<String>,
    /// Also when the row does not have it.
    #[serde(default)]
    pub absent: bool,
}

/// A field, or several of which the first that the row has counts.
#[derive(Clone, Debug, Deserialize)]
pub struct Names(#[serde(deserialize_with = "one_or_more")] pub Vec<String>);

/// A text, or a list of texts.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "the name of a field, or a list of names")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(name) => vec![name],
        OneOrMore::More(names) => names,
    })
}
