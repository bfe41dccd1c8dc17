//! A row by its mapping.

use std::borrow::Cow;

use flowfence_model::logged::{LoggedVerdict, NameId};
use flowfence_model::{Endpoint, IcmpType, Protocol, Timestamp};
use serde_json::Value;

use super::end::{Told, end};
use super::row::{self, Row};
use super::server::Server;
use super::verdict::{self, Decided};
use super::{Condition, Layout, Mapping, NameFields, Names, OpenerRule, RowKind, moment, trace, word};
use crate::cause::Cause;
use crate::flowlog::connection::{Connection, State};
use crate::flowlog::entry::{Answer, End, Entry, Opener, Skip};
use crate::flowlog::{Asks, Decoder, Sink, text};

/// Reads rows by a mapping.
pub struct Mapped {
    token: &'static str,
    mapping: Cow<'static, Mapping>,
    names: Vec<String>,
    zeek: Zeek,
}

/// What the head of a Zeek log says of its columns.
struct Zeek {
    separator: String,
    unset: String,
    empty: String,
}

impl Default for Zeek {
    fn default() -> Self {
        Zeek { separator: "\t".to_owned(), unset: "-".to_owned(), empty: "(empty)".to_owned() }
    }
}

impl Mapped {
    /// A decoder; observers bear the token of the format.
    pub fn new(token: &'static str, mapping: Cow<'static, Mapping>) -> Self {
        Mapped { token, mapping, names: Vec::new(), zeek: Zeek::default() }
    }

    /// A line of the head of a Zeek log.
    fn head(&mut self, line: &str) {
        if let Some(separator) = line.strip_prefix("#separator ") {
            // A log in one file may begin anew, with other columns.
            self.zeek = Zeek { separator: unescaped(separator), ..Zeek::default() };
            return;
        }
        let mut words = line.split(self.zeek.separator.as_str());
        match (words.next(), words.next()) {
            (Some("#unset_field"), Some(unset)) => unset.clone_into(&mut self.zeek.unset),
            (Some("#empty_field"), Some(empty)) => empty.clone_into(&mut self.zeek.empty),
            (Some("#fields"), Some(first)) => {
                self.names = std::iter::once(first).chain(words).map(str::to_owned).collect();
            }
            _ => {}
        }
    }

    fn columns<'a>(&self, text: &'a str) -> Option<Vec<Cow<'a, str>>> {
        match self.mapping.layout {
            Layout::Csv => row::csv(text),
            Layout::Tsv | Layout::Json => Some(text.split('\t').map(Cow::Borrowed).collect()),
            Layout::Zeek => {
                let value = |text: &'a str| {
                    if text == self.zeek.unset || text == self.zeek.empty { "" } else { text }
                };
                let values = text.split(self.zeek.separator.as_str());
                Some(values.map(|text| Cow::Borrowed(value(text))).collect())
            }
        }
    }
}

/// `\x09` as Zeek writes it; a separator that is not escaped stands for itself.
fn unescaped(separator: &str) -> String {
    let mut text = String::new();
    let mut rest = separator;
    while let Some((before, after)) = rest.split_once("\\x") {
        let Some(octet) = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) else { break };
        text.push_str(before);
        text.push(char::from(octet));
        rest = after.get(2..).unwrap_or_default();
    }
    text.push_str(rest);
    if text.is_empty() { "\t".to_owned() } else { text }
}

impl Decoder for Mapped {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let text = std::str::from_utf8(line).map_err(|_| Skip::Bad("not UTF-8"))?;
        if self.mapping.layout == Layout::Json {
            let text = text.trim().trim_start_matches(['[', ',']).trim_end_matches([']', ',']);
            let object: Value = serde_json::from_str(text).map_err(|_| Skip::Bad("not a JSON object"))?;
            let root = self.mapping.roots.iter().find_map(|root| object.pointer(root)).unwrap_or(&object);
            if !root.is_object() {
                return Err(Skip::Bad("not a JSON object"));
            }
            return take(self.token, &self.mapping, &Row::Json(root), to);
        }
        if self.mapping.layout == Layout::Zeek && text.starts_with('#') {
            self.head(text);
            return Ok(());
        }
        let values = self.columns(text).ok_or(Skip::Bad("a quote is not closed"))?;
        if self.names.is_empty() {
            let names = values.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>();
            let fields = self.mapping.fields();
            if !names.iter().any(|name| fields.contains(name)) {
                return Err(Skip::Bad(
                    "no header: no value of it is the name of a field that the mapping has",
                ));
            }
            self.names = names;
            return Ok(());
        }
        if values.len() != self.names.len() {
            return Err(Skip::Bad("not as many values as the header has names"));
        }
        take(self.token, &self.mapping, &Row::Columns { names: &self.names, values: &values }, to)
    }

    fn asks(&self) -> Option<Asks> {
        let Mapping { roots, .. } = self.mapping.as_ref();
        Some(Asks { roots: roots.clone(), fields: self.mapping.fields(), ..Asks::default() })
    }

    fn begin_table(&mut self, fields: &[String]) {
        fields.clone_into(&mut self.names);
    }

    fn row(&mut self, values: &[Cow<'_, str>], to: &mut Sink<'_>) -> Result<(), Skip> {
        take(self.token, &self.mapping, &Row::Columns { names: &self.names, values }, to)
    }
}

/// What a row has.
struct Facts {
    source: Told,
    destination: Told,
    protocol: Protocol,
    icmp: Option<IcmpType>,
    time: (Timestamp, Timestamp),
    packets: [u64; 2],
    octets: [u64; 2],
    answer: Answer,
    /// Who opened, and what that shows of the answer.
    opener: (Opener, Answer),
}

fn take(token: &'static str, mapping: &Mapping, row: &Row<'_>, to: &mut Sink<'_>) -> Result<(), Skip> {
    let is_other = mapping.skip.iter().any(|condition| holds(row, condition))
        || !mapping.only.iter().all(|condition| holds(row, condition));
    if is_other {
        return Err(Skip::Other(Cause::LogOther));
    }
    let facts = facts(mapping, row, to)?;
    if word::is_sampled(mapping, row) {
        to.tally.add(Cause::FlowsSampled);
    }
    if let (Some(field), Some(address)) = (&mapping.destination_name, facts.destination.end.address)
        && let Some(name) = row.text(field)
    {
        to.dns.name(address.ip(), &name);
    }
    let decided = verdict::decided(mapping, row)?;
    // Packets do not tell what stopped them, so what was stopped is told as a conversation.
    if mapping.row == RowKind::Connection && !decided.verdict.is_attempt() {
        return connection(&facts, mapping, row, to);
    }
    conversation(token, mapping, row, &facts, decided, to);
    Ok(())
}

fn conversation(
    token: &'static str,
    mapping: &Mapping,
    row: &Row<'_>,
    facts: &Facts,
    decided: Decided,
    to: &mut Sink<'_>,
) {
    let names: Vec<Cow<'_, str>> = mapping.observer.iter().filter_map(|field| row.text(field)).collect();
    let observer = to.fold.observer(token, &names.join(" "));
    let Facts { source, destination, .. } = facts;
    let mut entry = Entry::new(facts.time, source.end, destination.end, facts.protocol, observer);
    entry.icmp = facts.icmp;
    (entry.packets, entry.octets) = (facts.packets, facts.octets);
    entry.connections = count(row, mapping.counts.connections.as_ref());
    (entry.opener, entry.answer) = facts.opener;
    if mapping.row == RowKind::Connection {
        entry.connections = entry.connections.max(1);
        if facts.protocol == Protocol::Tcp && word::is_midstream(mapping, row) {
            entry.opener = Opener::Untold;
        }
    }
    if entry.opener == Opener::Untold {
        entry.opener = match (source.is_service, destination.is_service) {
            (false, true) => Opener::Source,
            (true, false) => Opener::Destination,
            _ => Opener::Untold,
        };
    }
    if facts.answer != Answer::Untold {
        entry.answer = facts.answer;
    }
    let [sent, _] = facts.packets;
    if entry.protocol == Protocol::Tcp
        && entry.answer == Answer::Untold
        && word::is_refusal(mapping, row, sent, facts.octets[0])
    {
        entry.answer = Answer::Refused;
    }
    if matches!(decided.verdict, LoggedVerdict::Denied | LoggedVerdict::Dropped) {
        // Whoever stopped it may have answered in place of the one who was asked.
        entry.answer = Answer::Untold;
    }
    if matches!(entry.answer, Answer::Refused | Answer::Nothing) {
        // What came back, if anything, is the refusal.
        (entry.packets[1], entry.octets[1]) = (0, 0);
    }
    let asked = if entry.opener == Opener::Destination { source } else { destination };
    entry.service_address = asked.service_address;
    let (verdict, policy) = trace::decided(mapping, row, decided.verdict, to);
    entry.verdict = verdict;
    entry.policy = verdict::policy(mapping.policy.as_ref(), decided, row, to).or(policy);
    entry.service = name(mapping.service.as_ref(), row, to).or(asked.service);
    to.fold.add(&entry);
}

fn facts(mapping: &Mapping, row: &Row<'_>, to: &mut Sink<'_>) -> Result<Facts, Skip> {
    let protocol = protocol(mapping, row)?;
    let time = moment::interval(&mapping.time, row)?.unwrap_or((to.time, to.time));
    let mut source = end(&mapping.source, row, to);
    let mut destination = end(&mapping.destination, row, to);
    let mut opener = word::opener(mapping, row, protocol);
    let server = Server::read(&mapping.server, row);
    if opener.0 == Opener::Untold {
        opener.0 = server.opener(source.end, destination.end);
    }
    match opener.0 {
        Opener::Source => server.stand_in(&mapping.server, row, &mut destination.end, to),
        Opener::Destination => server.stand_in(&mapping.server, row, &mut source.end, to),
        Opener::Untold => {}
    }
    let is_nobody = |end: &End| end.address.is_none() && end.identity.is_none();
    let is_portless = destination.end.port.is_none() && source.end.port.is_none();
    if is_nobody(&source.end) || is_nobody(&destination.end) || (protocol.has_ports() && is_portless) {
        return Err(Skip::Other(Cause::LogIncomplete));
    }
    let octet = |fields: &Names| {
        fields.0.iter().find_map(|field| number(row, field)).and_then(|n| u8::try_from(n).ok())
    };
    let icmp = mapping.icmp.as_ref().filter(|_| protocol == Protocol::Icmp);
    let icmp =
        icmp.and_then(|[kind, code]| Some(IcmpType { kind: octet(kind)?, code: octet(code).unwrap_or(0) }));
    let fields = &mapping.counts;
    let mut packets = [count(row, fields.packets.as_ref()), count(row, fields.packets_back.as_ref())];
    let mut octets = [count(row, fields.octets.as_ref()), count(row, fields.octets_back.as_ref())];
    if fields.turned.as_ref().is_some_and(|condition| holds(row, condition)) {
        packets.reverse();
        octets.reverse();
    }
    let answer = word::answer(mapping, row);
    Ok(Facts { source, destination, protocol, icmp, time, packets, octets, answer, opener })
}

fn connection(facts: &Facts, mapping: &Mapping, row: &Row<'_>, to: &mut Sink<'_>) -> Result<(), Skip> {
    // Fields of ports have something else for ICMP.
    let port = |end: End| end.port.filter(|_| facts.protocol.has_ports()).unwrap_or(0);
    let side = |end: End| Some(Endpoint::new(end.address?, port(end)));
    let (Some(client), Some(server)) = (side(facts.source.end), side(facts.destination.end)) else {
        return Err(Skip::Other(Cause::LogIncomplete));
    };
    let Facts { protocol, icmp, time, packets, octets, .. } = *facts;
    let is_midstream = mapping.opener == OpenerRule::Unknown
        || (protocol == Protocol::Tcp && word::is_midstream(mapping, row));
    let came_back = packets[1] > 0 || octets[1] > 0;
    let half = word::half(mapping, row).filter(|_| protocol == Protocol::Tcp && !is_midstream);
    let shown = || word::shown(mapping, row).filter(|_| protocol == Protocol::Tcp && !is_midstream);
    let shown = || shown().map(|(there, back)| State::Shown { there, back });
    let state = half.or_else(shown).unwrap_or(match facts.answer {
        _ if is_midstream => State::Untold,
        Answer::Answered => State::Established,
        Answer::Refused => State::Refused,
        Answer::Untold if came_back => State::Established,
        Answer::Nothing | Answer::Untold => State::Unanswered,
    });
    to.connection(&Connection { client, server, protocol, icmp, time, state, packets, octets, mark: None });
    Ok(())
}

/// Whether a condition holds of a row.
pub(super) fn holds(row: &Row<'_>, condition: &Condition) -> bool {
    let Some(text) = row.text(&condition.field) else { return condition.absent };
    condition.is.is_empty() || condition.is.iter().any(|value| same(value, &text))
}

/// Values are compared without regard to case, numbers by what they mean.
pub(super) fn same(value: &str, text: &str) -> bool {
    value.eq_ignore_ascii_case(text) || text.strip_suffix(".0").is_some_and(|whole| whole == value)
}

/// Whether a text is one of these.
pub(super) fn any(values: &[String], text: &str) -> bool {
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
pub(super) fn whole(text: &str) -> Option<u64> {
    let digits = text
        .split_once('.')
        .map_or(text, |(whole, fraction)| if fraction.bytes().all(|c| c == b'0') { whole } else { text });
    text::number(digits.as_bytes())
}

/// The number in a field.
pub(super) fn number(row: &Row<'_>, field: &str) -> Option<u64> {
    whole(&row.text(field)?)
}

fn count(row: &Row<'_>, field: Option<&String>) -> u64 {
    field.and_then(|field| number(row, field)).unwrap_or(0)
}

/// The number of a name.
pub(super) fn name(fields: Option<&NameFields>, row: &Row<'_>, to: &mut Sink<'_>) -> Option<NameId> {
    let fields = fields?;
    let namespace = fields.namespace.as_ref().and_then(|field| row.text(field)).unwrap_or_default();
    to.fold.name(&namespace, &row.text(&fields.name)?)
}
