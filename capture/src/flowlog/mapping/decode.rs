//! A row by its mapping.

use std::borrow::Cow;
use std::time::Duration;

use flowfence_model::logged::{Identity, IdentityId, LoggedVerdict, PodIdentity};
use flowfence_model::{Address, Endpoint, IcmpType, Labels, Protocol, Timestamp};
use serde_json::Value;

use super::row::{self, Row};
use super::{
    Answers, Condition, EndFields, Layout, Mapping, NameFields, OpenerRule, RowKind, TimeFields, Unit,
};
use crate::cause::Cause;
use crate::flowlog::connection::{Connection, State};
use crate::flowlog::entry::{Answer, End, Entry, Opener, Skip};
use crate::flowlog::{Decoder, Sink, text};

/// Reads rows by a mapping.
pub struct Mapped {
    token: &'static str,
    mapping: Cow<'static, Mapping>,
    names: Vec<String>,
}

impl Mapped {
    /// A decoder; observers bear the token of the format.
    pub fn new(token: &'static str, mapping: Cow<'static, Mapping>) -> Self {
        Mapped { token, mapping, names: Vec::new() }
    }
}

impl Decoder for Mapped {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let text = std::str::from_utf8(line).map_err(|_| Skip::Bad("not UTF-8"))?;
        match self.mapping.layout {
            Layout::Json => {
                let object: Value =
                    serde_json::from_str(text.trim_start_matches(['[', ',']).trim_end_matches([']', ',']))
                        .map_err(|_| Skip::Bad("not a JSON object"))?;
                let roots = self.mapping.roots.iter().filter_map(|root| object.pointer(root));
                let root = roots.into_iter().next().unwrap_or(&object);
                take(self.token, &self.mapping, &Row::Json(root), to)
            }
            Layout::Zeek if text.starts_with('#') => {
                if let Some(names) = text.strip_prefix("#fields\t") {
                    self.names = names.split('\t').map(str::to_owned).collect();
                }
                Ok(())
            }
            layout => {
                let values = row::columns(text, layout).ok_or(Skip::Bad("a quote is not closed"))?;
                if self.names.is_empty() {
                    self.names = values.iter().map(|name| name.trim().to_owned()).collect();
                    return Ok(());
                }
                if values.len() != self.names.len() {
                    return Err(Skip::Bad("not as many values as the header has names"));
                }
                take(self.token, &self.mapping, &Row::Columns { names: &self.names, values: &values }, to)
            }
        }
    }
}

fn take(token: &'static str, mapping: &Mapping, row: &Row<'_>, to: &mut Sink<'_>) -> Result<(), Skip> {
    if mapping.skip.iter().any(|condition| holds(row, condition)) {
        return Err(Skip::Other(Cause::LogOther));
    }
    let protocol = protocol(mapping, row)?;
    let time = time(&mapping.time, row).unwrap_or((to.time, to.time));
    let source = end(&mapping.source, row, to);
    let destination = end(&mapping.destination, row, to);
    let is_nobody = |end: &End| end.address.is_none() && end.identity.is_none();
    if is_nobody(&source) || is_nobody(&destination) {
        return Err(Skip::Other(Cause::LogIncomplete));
    }
    if protocol.has_ports() && destination.port.is_none() && source.port.is_none() {
        return Err(Skip::Other(Cause::LogIncomplete));
    }
    if let (Some(field), Some(address)) = (&mapping.destination_name, destination.address)
        && let Some(name) = row.text(field)
    {
        to.dns.name(address.ip(), &name);
    }
    let icmp = (protocol == Protocol::Icmp).then(|| {
        let octet = |field: &String| number(row, Some(field)).and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        let [kind, code] = mapping.icmp.as_ref().map_or([0; 2], |[kind, code]| [octet(kind), octet(code)]);
        IcmpType { kind, code }
    });
    let count = |field: &Option<String>| number(row, field.as_ref()).unwrap_or(0);
    let fields = &mapping.counts;
    let packets = [count(&fields.packets), count(&fields.packets_back)];
    let octets = [count(&fields.octets), count(&fields.octets_back)];
    let answer = mapping.answer.as_ref().map_or(Answer::Untold, |answers| answered(row, answers));
    if mapping.row == RowKind::Connection {
        return connection(
            source,
            destination,
            protocol,
            icmp,
            time,
            answer,
            packets,
            octets,
            mapping,
            row,
            to,
        );
    }
    let names: Vec<Cow<'_, str>> = mapping.observer.iter().filter_map(|field| row.text(field)).collect();
    let observer = to.fold.observer(token, &names.join(" "));
    let mut entry = Entry::new(time, source, destination, protocol, observer);
    entry.icmp = icmp;
    (entry.packets, entry.octets, entry.connections) = (packets, octets, count(&fields.connections));
    entry.answer = answer;
    entry.opener = opener(mapping, row, protocol);
    entry.verdict = verdict(mapping, row);
    entry.policy = name(mapping.policy.as_ref(), row, to);
    entry.service = name(mapping.service.as_ref(), row, to);
    to.fold.add(&entry);
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "what a row has, handed on once")]
fn connection(
    source: End,
    destination: End,
    protocol: Protocol,
    icmp: Option<IcmpType>,
    time: (Timestamp, Timestamp),
    answer: Answer,
    packets: [u64; 2],
    octets: [u64; 2],
    mapping: &Mapping,
    row: &Row<'_>,
    to: &mut Sink<'_>,
) -> Result<(), Skip> {
    let side = |end: End| Some(Endpoint::new(end.address?, end.port.unwrap_or(0)));
    let (Some(client), Some(server)) = (side(source), side(destination)) else {
        return Err(Skip::Other(Cause::LogIncomplete));
    };
    let is_midstream = mapping.opener == OpenerRule::Unknown
        || mapping.answer.as_ref().is_some_and(|answers| {
            row.text(&answers.field).is_some_and(|text| any(&answers.midstream, &text))
        });
    let came_back = packets[1] > 0 || octets[1] > 0;
    let state = match answer {
        Answer::Answered => State::Established,
        Answer::Refused => State::Refused,
        Answer::Nothing => State::Unanswered,
        Answer::Untold if is_midstream => State::Untold,
        Answer::Untold if came_back => State::Established,
        Answer::Untold => State::Unanswered,
    };
    to.connection(&Connection { client, server, protocol, icmp, time, state, packets, octets, mark: None });
    Ok(())
}

fn holds(row: &Row<'_>, condition: &Condition) -> bool {
    let Some(text) = row.text(&condition.field) else { return false };
    condition.is.is_empty() || condition.is.iter().any(|value| same(value, &text))
}

/// Values are compared without regard to case, numbers by what they mean.
fn same(value: &str, text: &str) -> bool {
    value.eq_ignore_ascii_case(text) || text.strip_suffix(".0").is_some_and(|whole| whole == value)
}

fn any(values: &[String], text: &str) -> bool {
    values.iter().any(|value| same(value, text))
}

fn protocol(mapping: &Mapping, row: &Row<'_>) -> Result<Protocol, Skip> {
    let Some(field) = &mapping.protocol else { return Ok(Protocol::Tcp) };
    let Some(text) = row.text(field) else { return Err(Skip::Other(Cause::LogIncomplete)) };
    if let Some(number) = whole(&text) {
        return text::protocol(number).ok_or(Skip::Other(Cause::OtherIpProtocol));
    }
    match text.to_ascii_lowercase().as_str() {
        "tcp" | "tcp6" | "t" => Ok(Protocol::Tcp),
        "udp" | "udp6" | "u" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        "icmp" | "icmp6" | "icmpv6" | "ipv6-icmp" | "icmpv4" => Ok(Protocol::Icmp),
        _ => Err(Skip::Other(Cause::OtherIpProtocol)),
    }
}

/// A whole number, also as `6.0`.
fn whole(text: &str) -> Option<u64> {
    let digits = text
        .split_once('.')
        .map_or(text, |(whole, fraction)| if fraction.bytes().all(|c| c == b'0') { whole } else { text });
    text::number(digits.as_bytes())
}

fn number(row: &Row<'_>, field: Option<&String>) -> Option<u64> {
    whole(&row.text(field?)?)
}

fn time(fields: &TimeFields, row: &Row<'_>) -> Option<(Timestamp, Timestamp)> {
    let read = |names: &[String]| names.iter().find_map(|field| moment(&row.text(field)?, fields.unit));
    let first = read(&fields.first);
    let last = read(&fields.last);
    let took = fields.duration.as_ref().and_then(|field| row.text(field)?.parse::<f64>().ok());
    let took = took.filter(|secs| (0.0..1e9).contains(secs)).map(Duration::from_secs_f64);
    let first = first.or(last)?;
    let last = last.unwrap_or_else(|| took.map_or(first, |took| first.plus(took)));
    Some((first.min(last), first.max(last)))
}

fn moment(text: &str, unit: Unit) -> Option<Timestamp> {
    let nanos = |scale: i64| i64::try_from(whole(text)?).ok()?.checked_mul(scale).map(Timestamp::from_nanos);
    let number = match unit {
        Unit::S => text::epoch(text.as_bytes()),
        Unit::Ms => nanos(1_000_000),
        Unit::Us => nanos(1_000),
        Unit::Ns => nanos(1),
    };
    number.filter(|at| at.as_nanos() > 0).or_else(|| text::rfc3339(text))
}

fn end(fields: &EndFields, row: &Row<'_>, to: &mut Sink<'_>) -> End {
    let texts = fields.address.iter().filter_map(|field| row.text(field));
    let (address, behind) =
        texts.filter_map(|text| host_port(&text)).next().map_or((None, None), |(a, p)| (Some(a), p));
    let port = number(row, fields.port.as_ref()).and_then(|n| u16::try_from(n).ok()).or(behind);
    let is_meant = fields.only_if.as_ref().is_none_or(|condition| holds(row, condition));
    End { address, port, identity: if is_meant { identity(fields, row, to) } else { None } }
}

/// An address, with or without a port behind it.
fn host_port(text: &str) -> Option<(Address, Option<u16>)> {
    if let Some(address) = text::address(text.as_bytes()) {
        return Some((address, None));
    }
    let socket: std::net::SocketAddr = text.parse().ok()?;
    Some((Address::from(socket.ip()), Some(socket.port())))
}

fn identity(fields: &EndFields, row: &Row<'_>, to: &mut Sink<'_>) -> Option<IdentityId> {
    let text = |field: Option<&String>| field.and_then(|field| row.text(field)).unwrap_or_default();
    if let Some(namespace) = fields.namespace.iter().find_map(|field| row.text(field)) {
        let pod = text(fields.pod.as_ref());
        let [kind, name] =
            fields.workload.as_ref().map_or_else(Default::default, |[k, n]| [text(Some(k)), text(Some(n))]);
        if pod.is_empty() && name.is_empty() {
            return None;
        }
        let labels = fields.labels.as_ref().map_or_else(Labels::new, |field| labels(row, field));
        let mut key = [namespace.as_ref(), &pod, &kind, &name].join("\0");
        labels.iter().for_each(|(name, value)| key.extend(["\0", name, "=", value]));
        return to.fold.identity(key.as_bytes(), || {
            Some(Identity::Pod(PodIdentity {
                namespace: namespace.clone().into_owned(),
                pod: Some(pod.clone().into_owned()).filter(|pod| !pod.is_empty()),
                workload: workload(&kind, &name),
                labels: labels.clone(),
                ..PodIdentity::default()
            }))
        });
    }
    let node = text(fields.node.as_ref());
    if node.is_empty() {
        return None;
    }
    to.fold.identity(format!("node\0{node}").as_bytes(), || {
        Some(Identity::Node(Some(node.clone().into_owned())))
    })
}

/// A controller; a ReplicaSet of a Deployment is called after it, with a hash behind.
fn workload(kind: &str, name: &str) -> Option<(String, String)> {
    if name.is_empty() || kind.eq_ignore_ascii_case("Pod") {
        return None;
    }
    let is_hash = |tail: &str| {
        (5..=10).contains(&tail.len()) && tail.bytes().all(|c| b"bcdfghjklmnpqrstvwxz2456789".contains(&c))
    };
    if kind == "ReplicaSet"
        && let Some((deployment, tail)) = name.rsplit_once('-')
        && is_hash(tail)
    {
        return Some(("Deployment".to_owned(), deployment.to_owned()));
    }
    Some((if kind.is_empty() { "Deployment" } else { kind }.to_owned(), name.to_owned()))
}

fn labels(row: &Row<'_>, field: &str) -> Labels {
    let pair = |text: &str| {
        text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
    };
    match row.value(field) {
        Some(Value::Object(map)) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        Some(Value::Array(list)) => list.iter().filter_map(|value| pair(value.as_str()?)).collect(),
        _ => {
            let text = row.text(field).unwrap_or_default();
            text.split([',', '|']).filter_map(pair).collect()
        }
    }
}

fn opener(mapping: &Mapping, row: &Row<'_>, protocol: Protocol) -> Opener {
    if let Some(choice) = &mapping.reply
        && let Some(text) = row.text(&choice.field)
    {
        if any(&choice.source, &text) {
            return Opener::Source;
        }
        if any(&choice.destination, &text) {
            return Opener::Destination;
        }
    }
    if mapping.opener == OpenerRule::Source {
        return Opener::Source;
    }
    match number(row, mapping.tcp_flags.as_ref()).filter(|_| protocol == Protocol::Tcp) {
        Some(flags) if flags & 0x12 == 0x02 => Opener::Source,
        _ => Opener::Untold,
    }
}

fn verdict(mapping: &Mapping, row: &Row<'_>) -> LoggedVerdict {
    let Some(verdicts) = &mapping.verdict else { return LoggedVerdict::Allowed };
    match row.text(&verdicts.field) {
        Some(text) if any(&verdicts.denied, &text) => LoggedVerdict::Denied,
        Some(text) if any(&verdicts.would_deny, &text) => LoggedVerdict::WouldDeny,
        Some(text) if any(&verdicts.dropped, &text) => LoggedVerdict::Dropped,
        _ => LoggedVerdict::Allowed,
    }
}

fn answered(row: &Row<'_>, answers: &Answers) -> Answer {
    match row.text(&answers.field) {
        Some(text) if any(&answers.answered, &text) => Answer::Answered,
        Some(text) if any(&answers.refused, &text) => Answer::Refused,
        Some(text) if any(&answers.unanswered, &text) => Answer::Nothing,
        _ => Answer::Untold,
    }
}

fn name(
    fields: Option<&NameFields>,
    row: &Row<'_>,
    to: &mut Sink<'_>,
) -> Option<flowfence_model::logged::NameId> {
    let fields = fields?;
    let namespace = fields.namespace.as_ref().and_then(|field| row.text(field)).unwrap_or_default();
    to.fold.name(&namespace, &row.text(&fields.name)?)
}
