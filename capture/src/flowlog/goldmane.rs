//! Flows of Calico's Goldmane as JSON, and the same as Whisker serves them (projectcalico/calico
//! `goldmane/proto/api.proto`, `whisker-backend`; Calico 3.30 and later).
//!
//! A flow is what all pods of one group said to one port of another in an interval, as one end reports
//! it. There is no address and no client port in it. Pods are told by the beginning of their names, and
//! the outside only by a class (`pub`, `pvt`, a network set): which addresses that were is not known,
//! and nothing is made up for it.

use std::borrow::Cow;

use flowfence_model::logged::{Identity, IdentityId, LoggedVerdict, NameId};
use flowfence_model::{Labels, Protocol, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::entry::{Answer, End, Entry, Opener, Skip};
use super::goldmane_counts::Counted;
use super::json::{Text, Whole};
use super::{Decoder, LogFormat, Sink, Tells, pod_group, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "goldmane",
    name: "Calico flows of Goldmane and Whisker, JSON",
    tells: Tells { opener: true, answer: true, verdict: true, names: true, counts: true, service: true },
    caveat: "No addresses: pods are told by group, and the outside as public or private network only, so no CIDR can \
             be written. Labels are those that all pods of a group share.",
    recognise,
    open: || Box::new(Goldmane),
};

struct Goldmane;

#[derive(Deserialize)]
struct Wrapper<'a> {
    #[serde(borrow)]
    flow: Option<&'a RawValue>,
}

/// What was counted. Goldmane has the members of [`Key`] in one of its own, Whisker beside these.
#[derive(Deserialize)]
pub(super) struct Flow<'a> {
    #[serde(borrow, rename = "Key", alias = "key")]
    pub(super) key: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "startTime")]
    pub(super) start_time: Option<Text<'a>>,
    #[serde(borrow, default, alias = "endTime")]
    pub(super) end_time: Option<Text<'a>>,
    #[serde(borrow, default, alias = "sourceLabels")]
    pub(super) source_labels: Option<LabelList<'a>>,
    #[serde(borrow, default, alias = "destLabels")]
    pub(super) dest_labels: Option<LabelList<'a>>,
    #[serde(borrow, default, alias = "packetsIn")]
    pub(super) packets_in: Option<Whole<'a>>,
    #[serde(borrow, default, alias = "packetsOut")]
    pub(super) packets_out: Option<Whole<'a>>,
    #[serde(borrow, default, alias = "bytesIn")]
    pub(super) bytes_in: Option<Whole<'a>>,
    #[serde(borrow, default, alias = "bytesOut")]
    pub(super) bytes_out: Option<Whole<'a>>,
    #[serde(borrow, default, alias = "numConnectionsStarted")]
    pub(super) num_connections_started: Option<Whole<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Key<'a> {
    #[serde(borrow, default, alias = "sourceName")]
    pub(super) source_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "sourceNamespace")]
    pub(super) source_namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "sourceType")]
    pub(super) source_type: Option<Text<'a>>,
    #[serde(borrow, default, alias = "destName")]
    pub(super) dest_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "destNamespace")]
    pub(super) dest_namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "destType")]
    pub(super) dest_type: Option<Text<'a>>,
    #[serde(borrow, default, alias = "destPort")]
    pub(super) dest_port: Option<Whole<'a>>,
    #[serde(borrow, default, alias = "destServiceName")]
    pub(super) dest_service_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "destServiceNamespace")]
    pub(super) dest_service_namespace: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "protocol")]
    pub(super) proto: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) reporter: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) policies: Option<Trace<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Trace<'a> {
    #[serde(borrow, default, alias = "enforcedPolicies", alias = "enforced_policies")]
    pub(super) enforced: Option<Vec<Hit<'a>>>,
    #[serde(borrow, default, alias = "pendingPolicies", alias = "pending_policies")]
    pub(super) pending: Option<Vec<Hit<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Hit<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) namespace: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    #[serde(borrow, default, alias = "policyIndex")]
    pub(super) policy_index: Option<Whole<'a>>,
    #[serde(borrow, default)]
    pub(super) trigger: Option<Box<Hit<'a>>>,
}

/// A list of `key=value`, or one text of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum LabelList<'a> {
    #[serde(borrow)]
    List(Vec<Cow<'a, str>>),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

fn recognise(line: &[u8]) -> bool {
    let has = |member: &[u8]| memchr::memmem::find(line, member).is_some();
    line.first() == Some(&b'{')
        && (has(b"\"source_name\"") || has(b"\"sourceName\""))
        && (has(b"\"dest_name\"") || has(b"\"destName\""))
        && has(b"\"reporter\"")
        && !has(b"\"source_name_aggr\"")
}

impl Decoder for Goldmane {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        const BAD: Skip = Skip::Bad("not the JSON of a Calico flow");
        let text = std::str::from_utf8(line).map_err(|_| Skip::Bad("not UTF-8"))?;
        let wrapper: Wrapper<'_> = serde_json::from_str(text).map_err(|_| BAD)?;
        let text = wrapper.flow.map_or(text, RawValue::get);
        let flow: Flow<'_> = serde_json::from_str(text).map_err(|_| BAD)?;
        let key: Key<'_> = serde_json::from_str(flow.key.map_or(text, RawValue::get)).map_err(|_| BAD)?;
        one(&flow, &key, &Counted::default(), to)
    }
}

/// Takes a flow, of which something may have been counted before.
pub(super) fn one(flow: &Flow<'_>, key: &Key<'_>, before: &Counted, to: &mut Sink<'_>) -> Result<(), Skip> {
    const INCOMPLETE: Skip = Skip::Other(Cause::LogIncomplete);
    let Some(action) = &key.action else { return Err(INCOMPLETE) };
    let (verdict, decided) = verdict(action, key.policies.as_ref())?;
    let protocol = match &key.proto {
        Some(Text::Name(name)) => text::protocol_named(name).ok_or(Skip::Other(Cause::OtherIpProtocol))?,
        Some(Text::Number(number)) => {
            u64::try_from(*number).ok().and_then(text::protocol).ok_or(Skip::Other(Cause::OtherIpProtocol))?
        }
        _ => return Err(INCOMPLETE),
    };
    let port = key.dest_port.as_ref().and_then(Whole::value);
    let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    if protocol.has_ports() && port.is_none() {
        return Err(INCOMPLETE);
    }
    let time = [&flow.start_time, &flow.end_time].map(|text| text.as_ref().and_then(moment));
    let Some(first) = time[0].or(time[1]) else { return Err(INCOMPLETE) };
    // An end before the beginning is one that was never filled in.
    let last = time[1].unwrap_or(first).max(first);
    let labels = [&flow.source_labels, &flow.dest_labels].map(|list| list.as_ref().map(labels));
    let [source_labels, dest_labels] = labels.map(Option::unwrap_or_default);
    let of_source = [named(key.source_name.as_ref()), named(key.source_namespace.as_ref())];
    let source = identity(of_source, key.source_type.as_ref(), &source_labels, to);
    let of_dest = [named(key.dest_name.as_ref()), named(key.dest_namespace.as_ref())];
    let dest = identity(of_dest, key.dest_type.as_ref(), &dest_labels, to);
    if source.is_none() || dest.is_none() {
        return Err(INCOMPLETE);
    }
    let is_destination = key.reporter.as_ref().is_some_and(|r| r.is_any(&["Dst", "dst", "Dest", "2"]));
    let observer = to.fold.observer("goldmane", if is_destination { "Dst" } else { "Src" });
    let source = End { identity: source, ..End::default() };
    let dest = End { identity: dest, port, ..End::default() };
    let mut entry = Entry::new((first, last), source, dest, protocol, observer);
    entry.opener = Opener::Source;
    entry.verdict = verdict;
    entry.policy = decided.and_then(|hit| policy(hit, to));
    entry.service =
        to.fold.name(named(key.dest_service_namespace.as_ref()), named(key.dest_service_name.as_ref()));
    // In and out are those of the end that reports.
    let there_and_back = |into: u64, out: u64| if is_destination { [into, out] } else { [out, into] };
    let all = Counted::of(flow);
    let [into, out, octets_into, octets_out, connections] = all.since(before);
    entry.connections = connections;
    entry.packets = there_and_back(into, out);
    entry.octets = there_and_back(octets_into, octets_out);
    let is_more_of_it = *before != Counted::default() && connections == 0;
    entry.answer = match there_and_back(all.packets()[0], all.packets()[1]) {
        // Packets of this time tell by themselves whether they are an answer.
        [_, back] if back > 0 => {
            if entry.packets[1] > 0 {
                Answer::Untold
            } else {
                Answer::Answered
            }
        }
        // What one end let out, the other may have stopped: TCP that goes on is always acknowledged.
        [there, _] if there > 0 && protocol == Protocol::Tcp && !verdict.is_attempt() && !is_more_of_it => {
            Answer::Nothing
        }
        _ => Answer::Untold,
    };
    to.fold.add(&entry);
    Ok(())
}

/// What became of it, and the policy rule that decided. What passed and would not, with the staged
/// policies in force, is told by the last rule of the pending trace.
fn verdict<'f, 'a>(
    action: &Text<'a>,
    policies: Option<&'f Trace<'a>>,
) -> Result<(LoggedVerdict, Option<&'f Hit<'a>>), Skip> {
    let last = |hits: Option<&'f Vec<Hit<'a>>>| {
        let index = |hit: &&Hit<'_>| hit.policy_index.as_ref().and_then(Whole::value).unwrap_or(0);
        // Of equal ones, as where no index is written, the last.
        hits.into_iter().flatten().max_by_key(index)
    };
    let denies = |hit: &&Hit<'_>| hit.action.as_ref().is_some_and(is_deny);
    let enforced = last(policies.and_then(|trace| trace.enforced.as_ref())).filter(denies);
    let pending = last(policies.and_then(|trace| trace.pending.as_ref())).filter(denies);
    if is_deny(action) {
        Ok((LoggedVerdict::Denied, enforced))
    } else if !action.is_any(&["Allow", "allow", "1"]) {
        Err(Skip::Other(Cause::LogOther))
    } else if pending.is_some() {
        Ok((LoggedVerdict::WouldDeny, pending))
    } else {
        Ok((LoggedVerdict::Allowed, None))
    }
}

fn is_deny(action: &Text<'_>) -> bool {
    action.is_any(&["Deny", "deny", "2"])
}

/// The name of the policy; at the end of a tier that of the one whose selection made it count.
fn policy(hit: &Hit<'_>, to: &mut Sink<'_>) -> Option<NameId> {
    let is_kind = |hit: &Hit<'_>, kinds: &[&str]| hit.kind.as_ref().is_some_and(|kind| kind.is_any(kinds));
    let hit = if is_kind(hit, &["EndOfTier", "10"]) { hit.trigger.as_deref()? } else { hit };
    if is_kind(hit, &["Profile", "9"]) {
        return None;
    }
    // Calico keeps Kubernetes' policies under this.
    let name = named(hit.name.as_ref());
    let name = name.strip_prefix("knp.default.").unwrap_or(name);
    to.fold.name(named(hit.namespace.as_ref()), name)
}

/// Nothing where a hyphen stands for it.
fn named<'a>(name: Option<&'a Cow<'_, str>>) -> &'a str {
    name.map(AsRef::as_ref).filter(|name| *name != "-").unwrap_or("")
}

fn identity(
    [name, namespace]: [&str; 2],
    kind: Option<&Text<'_>>,
    labels: &Labels,
    to: &mut Sink<'_>,
) -> Option<IdentityId> {
    if name.is_empty() {
        return None;
    }
    let is = |kinds: &[&str]| kind.is_some_and(|kind| kind.is_any(kinds));
    let is_host = is(&["HostEndpoint", "hep", "2"]);
    let is_outside = is(&["NetworkSet", "Network", "ns", "net", "3", "4"]);
    // Whisker does not say which kind of thing it is.
    let is_untold = !is_host && !is_outside && !is(&["WorkloadEndpoint", "wep", "1"]);
    let host = name.strip_suffix("-auto-hep");
    let mut raw = [
        namespace,
        name,
        if is_host {
            "h"
        } else if is_outside {
            "o"
        } else {
            ""
        },
    ]
    .join("\0");
    for (name, value) in labels {
        raw.extend(["\0", name, "=", value]);
    }
    to.fold.identity(raw.as_bytes(), || {
        Some(if is_host || (is_untold && namespace.is_empty() && host.is_some()) {
            Identity::Node(Some(host.unwrap_or(name).to_owned()))
        } else if is_outside || namespace.is_empty() {
            let set = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
            Identity::Outside(Some(set))
        } else {
            Identity::Pod(pod_group::identity(namespace, name, labels))
        })
    })
}

fn labels(list: &LabelList<'_>) -> Labels {
    let pair = |text: &str| {
        let (key, value) = text.trim().split_once('=')?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    match list {
        LabelList::List(list) => list.iter().filter_map(|text| pair(text)).collect(),
        LabelList::Text(text) => text.split('|').filter_map(pair).collect(),
        LabelList::Other(_) => Labels::new(),
    }
}

/// Seconds since 1970, or RFC 3339. Goldmane writes 0 for what it does not know.
fn moment(text: &Text<'_>) -> Option<Timestamp> {
    let secs = match text {
        Text::Number(secs) => *secs,
        Text::Name(text) => match text::number(text.as_bytes()) {
            Some(secs) => i64::try_from(secs).ok()?,
            None => return text::rfc3339(text),
        },
        Text::Other(_) => return None,
    };
    (1..=8_000_000_000).contains(&secs).then(|| Timestamp::from_secs(secs, 0))
}
