//! Events of Inspektor Gadget: `trace_tcp` (a process connected, accepted, closed) and `trace_dns`.
//!
//! An event is seen from the process that made it. `src` is its own end and `dst` the other one whatever
//! the event is, so an accepted connection was opened by `dst`.

use std::borrow::Cow;

use flowfence_model::logged::{Identity, IdentityId, PodIdentity};
use flowfence_model::{Labels, Protocol, Timestamp};
use serde::Deserialize;

use super::entry::{Answer, End, Entry, Opener, Skip};
use super::json::{Text, Whole};
use super::{Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "gadget",
    name: "Inspektor Gadget trace_tcp and trace_dns, JSON",
    tells: Tells { opener: true, answer: true, verdict: false, names: true, counts: false, service: true },
    caveat: "TCP and DNS only. A service shows by its own address where the client's end is traced, and by its pod \
             where the server's is.",
    recognise,
    open: || Box::new(Gadget),
};

struct Gadget;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    src: Option<Side<'a>>,
    #[serde(borrow)]
    dst: Option<Side<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    /// Of old versions, where `type` is that of the message.
    #[serde(borrow)]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    error_raw: Option<Whole<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp_raw: Option<Whole<'a>>,
    #[serde(borrow)]
    k8s: Option<Container<'a>>,
    /// A query or a response.
    #[serde(borrow)]
    qr: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    addresses: Option<Addresses<'a>>,
}

#[derive(Deserialize)]
struct Side<'a> {
    #[serde(borrow)]
    addr: Option<Cow<'a, str>>,
    #[serde(borrow)]
    port: Option<Whole<'a>>,
    #[serde(borrow)]
    proto: Option<Text<'a>>,
    #[serde(borrow)]
    k8s: Option<Object<'a>>,
}

/// What Kubernetes has at an address.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    labels: Option<LabelList<'a>>,
}

/// Whose process it was.
#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow)]
    node: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "podName", alias = "pod", alias = "podname")]
    pod_name: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "podLabels", alias = "podlabels")]
    pod_labels: Option<LabelList<'a>>,
    #[serde(alias = "hostNetwork")]
    hostnetwork: Option<bool>,
    #[serde(borrow)]
    owner: Option<Owner<'a>>,
}

#[derive(Deserialize)]
struct Owner<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LabelList<'a> {
    Map(Labels),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Addresses<'a> {
    #[serde(borrow)]
    List(Vec<Cow<'a, str>>),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

fn recognise(line: &[u8]) -> bool {
    let has = |member: &[u8]| memchr::memmem::find(line, member).is_some();
    line.first() == Some(&b'{')
        && has(b"\"src\"")
        && has(b"\"dst\"")
        && has(b"\"addr\"")
        && (has(b"\"netns_id\"") || has(b"\"netnsid\"") || has(b"\"mountnsid\"") || has(b"\"qr\""))
}

impl Decoder for Gadget {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let event: Event<'_> =
            serde_json::from_slice(line).map_err(|_| Skip::Bad("not the JSON of a gadget's event"))?;
        if let Some(direction) = &event.qr {
            return query(&event, direction.starts_with(['R', 'r']), to);
        }
        let kind = match (&event.operation, &event.kind) {
            (Some(operation), _) => operation.as_ref(),
            (None, Some(Text::Name(kind))) => kind.as_ref(),
            _ => return Err(Skip::Other(Cause::LogIncomplete)),
        };
        let (opener, answer) = match kind {
            "connect" => (Opener::Source, outcome(&event)?),
            "accept" if !is_failed(&event) => (Opener::Destination, Answer::Answered),
            // Closed, which a connection was that another event tells of; failed to accept; unknown.
            _ => return Err(Skip::Other(Cause::LogOther)),
        };
        let mut entry = entry(&event, Protocol::Tcp, kind, to)?;
        (entry.opener, entry.answer, entry.connections) = (opener, answer, 1);
        to.fold.add(&entry);
        Ok(())
    }
}

/// A query is of UDP or TCP, and sent by who asks; an answer by who was asked, with names in it.
fn query(event: &Event<'_>, is_answer: bool, to: &mut Sink<'_>) -> Result<(), Skip> {
    let proto = event.src.as_ref().or(event.dst.as_ref()).and_then(|side| side.proto.as_ref());
    let protocol = match proto {
        Some(Text::Name(name)) => text::protocol_named(name),
        Some(Text::Number(number)) => u64::try_from(*number).ok().and_then(text::protocol),
        _ => Some(Protocol::Udp),
    };
    let protocol = protocol.ok_or(Skip::Other(Cause::OtherIpProtocol))?;
    if let (true, Some(name)) = (is_answer, &event.name) {
        let name = name.trim_end_matches('.');
        let mut told = |address: &str| {
            if let Some(address) = text::address(address.trim().as_bytes()) {
                to.dns.name(address.ip(), name);
            }
        };
        match &event.addresses {
            Some(Addresses::List(list)) => list.iter().map(AsRef::as_ref).for_each(&mut told),
            Some(Addresses::Text(text)) => text.split(',').for_each(&mut told),
            Some(Addresses::Other(_)) | None => {}
        }
    }
    let mut entry = entry(event, protocol, "dns", to)?;
    (entry.opener, entry.answer) =
        if is_answer { (Opener::Destination, Answer::Answered) } else { (Opener::Source, Answer::Untold) };
    to.fold.add(&entry);
    Ok(())
}

fn is_failed(event: &Event<'_>) -> bool {
    let is_named = matches!(&event.error, Some(Text::Name(name)) if !name.is_empty() && name != "0");
    let is_numbered = matches!(&event.error, Some(Text::Number(number)) if *number != 0);
    is_named || is_numbered || event.error_raw.as_ref().and_then(Whole::value).is_some_and(|n| n != 0)
}

/// What became of a connection that was asked for. Errors by their numbers on Linux.
fn outcome(event: &Event<'_>) -> Result<Answer, Skip> {
    if !is_failed(event) {
        return Ok(Answer::Answered);
    }
    let is = |name: &str, number: u64| {
        event.error_raw.as_ref().and_then(Whole::value) == Some(number)
            || event.error.as_ref().is_some_and(|error| error.is_any(&[name, &number.to_string()]))
    };
    if is("ECONNREFUSED", 111) || is("ECONNRESET", 104) {
        Ok(Answer::Refused)
    } else if is("ETIMEDOUT", 110) || is("EHOSTUNREACH", 113) || is("ENETUNREACH", 101) {
        Ok(Answer::Nothing)
    } else {
        // It never left, or is still on its way.
        Err(Skip::Other(Cause::LogOther))
    }
}

fn entry(event: &Event<'_>, protocol: Protocol, kind: &str, to: &mut Sink<'_>) -> Result<Entry, Skip> {
    const INCOMPLETE: Skip = Skip::Other(Cause::LogIncomplete);
    let (Some(src), Some(dst)) = (&event.src, &event.dst) else { return Err(INCOMPLETE) };
    let node = event.k8s.as_ref().and_then(|k8s| k8s.node.as_deref()).unwrap_or("");
    let side = |side: &Side<'_>, identity| {
        let address = text::address(side.addr.as_deref()?.as_bytes())?;
        let port = side.port.as_ref()?.value().and_then(|port| u16::try_from(port).ok())?;
        Some(End { address: Some(address), port: Some(port), identity })
    };
    // An answer is sent by the other one where the process is the client; only the enrichment tells then.
    let own = if kind == "dns" { None } else { event.k8s.as_ref().and_then(|k8s| process(k8s, to)) };
    let source_identity = own.or_else(|| object(src.k8s.as_ref(), to));
    let destination_identity = object(dst.k8s.as_ref(), to);
    let (Some(source), Some(destination)) = (side(src, source_identity), side(dst, destination_identity))
    else {
        return Err(INCOMPLETE);
    };
    let time = event.timestamp.as_ref().and_then(moment).or_else(|| {
        let raw = event.timestamp_raw.as_ref().and_then(Whole::value)?;
        epoch_nanos(raw)
    });
    let time = time.unwrap_or(to.time);
    let observer = to.fold.observer("gadget", format!("{node} {kind}").trim());
    let mut entry = Entry::new((time, time), source, destination, protocol, observer);
    let service = dst.k8s.as_ref().filter(|object| is_kind(object, &["svc", "service"]));
    entry.service = service.and_then(|object| {
        let part = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("").to_owned();
        to.fold.name(&part(&object.namespace), &part(&object.name))
    });
    Ok(entry)
}

fn is_kind(object: &Object<'_>, kinds: &[&str]) -> bool {
    object.kind.as_deref().is_some_and(|kind| kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)))
}

/// The pod whose process it was; its node, when it is in the node's network.
fn process(k8s: &Container<'_>, to: &mut Sink<'_>) -> Option<IdentityId> {
    if k8s.hostnetwork == Some(true) {
        let node = k8s.node.as_deref().filter(|node| !node.is_empty());
        let raw = format!("node\0{}", node.unwrap_or(""));
        return to.fold.identity(raw.as_bytes(), || Some(Identity::Node(node.map(str::to_owned))));
    }
    let (namespace, pod) = (k8s.namespace.as_deref()?, k8s.pod_name.as_deref()?);
    let owner = k8s.owner.as_ref().and_then(|owner| Some((owner.kind.as_deref()?, owner.name.as_deref()?)));
    named(namespace, pod, owner, k8s.pod_labels.as_ref(), k8s.node.as_deref(), to)
}

fn object(object: Option<&Object<'_>>, to: &mut Sink<'_>) -> Option<IdentityId> {
    let object = object.filter(|object| is_kind(object, &["pod"]))?;
    named(object.namespace.as_deref()?, object.name.as_deref()?, None, object.labels.as_ref(), None, to)
}

fn named(
    namespace: &str,
    pod: &str,
    owner: Option<(&str, &str)>,
    list: Option<&LabelList<'_>>,
    node: Option<&str>,
    to: &mut Sink<'_>,
) -> Option<IdentityId> {
    if namespace.is_empty() || pod.is_empty() {
        return None;
    }
    let labels = list.map(labels).unwrap_or_default();
    let (kind, name) = owner.unwrap_or_default();
    let mut raw = [namespace, pod, kind, name, node.unwrap_or("")].join("\0");
    for (key, value) in &labels {
        raw.extend(["\0", key, "=", value]);
    }
    to.fold.identity(raw.as_bytes(), || {
        Some(Identity::Pod(PodIdentity {
            namespace: namespace.to_owned(),
            pod: Some(pod.to_owned()),
            workload: owner
                .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
                .map(|(kind, name)| (kind.to_owned(), name.to_owned())),
            labels: labels.clone(),
            node: node.filter(|node| !node.is_empty()).map(str::to_owned),
            ..PodIdentity::default()
        }))
    })
}

fn labels(list: &LabelList<'_>) -> Labels {
    match list {
        LabelList::Map(labels) => labels.clone(),
        LabelList::Text(text) => text
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        LabelList::Other(_) => Labels::new(),
    }
}

/// RFC 3339, or nanoseconds since 1970.
fn moment(text: &Text<'_>) -> Option<Timestamp> {
    match text {
        Text::Name(text) => text::rfc3339(text),
        Text::Number(nanos) => epoch_nanos(u64::try_from(*nanos).ok()?),
        Text::Other(_) => None,
    }
}

/// Nothing before 2001 is a moment: a gadget may write the time since the node started.
fn epoch_nanos(nanos: u64) -> Option<Timestamp> {
    (nanos > 1_000_000_000_000_000_000)
        .then(|| i64::try_from(nanos).ok().map(Timestamp::from_nanos))
        .flatten()
}
