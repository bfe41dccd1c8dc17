//! Hubble flows as JSON lines: the exporter's files, `hubble observe -o json` and `-o jsonpb`, the
//! bare flows of old versions; Retina and Azure's container network logs write the same
//! (cilium/cilium `api/v1/flow/flow.proto`, `observer.proto`).
//!
//! A line is one packet at one point of one node. A connection is in the log at both nodes, at
//! several points of each, and in both directions, so lines count nothing: how many connections
//! there were is told by their client ports, and what a reply says is said of the connection.

use flowfence_model::logged::{IdentityId, LoggedVerdict};
use flowfence_model::{Address, IcmpType, Protocol, Timestamp};

use super::entry::{Answer, End, Entry, Opener, Skip};
use super::hubble_end::{self, Endpoint};
use super::hubble_flow::{Flags, Flow, Layer4, Line, Status, Written};
use super::hubble_message;
use super::hubble_plain;
use super::hubble_seen::{Hints, Seen};
use super::json::{self, Str, Whole};
use super::second::Second;
use super::{Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "hubble",
    name: "Hubble flows, JSON lines",
    tells: Tells { opener: true, answer: true, verdict: true, names: true, counts: false, service: true },
    caveat: "No packets and octets: connections are counted by their client ports. Labels are those that make a \
             Cilium identity. What the ring buffer lost is lost.",
    recognise,
    open: || Box::new(Hubble::default()),
};

#[derive(Default)]
struct Hubble {
    seen: Seen,
    second: Second,
}

/// Cilium's event type of a policy verdict (`pkg/monitor/api`): written for what opens, only.
const POLICY_VERDICT: u64 = 5;
/// Drop reasons that are a policy's word; all others are something else's.
const POLICY_DROPS: [u64; 2] = [133, 181];

fn recognise(line: &[u8]) -> bool {
    if line.first() != Some(&b'{') {
        return false;
    }
    let has = |member: &[u8]| memchr::memmem::find(line, member).is_some();
    let is_flow = has(b"\"verdict\"")
        && (has(b"\"is_reply\"") || has(b"\"Summary\"") || has(b"\"l4\"") || has(b"\"IP\""));
    let begins = [
        &b"{\"flow\":"[..],
        b"{\"lost_events\":",
        b"{\"node_status\":",
        b"{\"agent_event\":",
        b"{\"debug_event\":",
    ];
    // Goldmane wraps its flows in the same way.
    let is_goldmanes = has(b"\"dest_name\"") || has(b"\"destName\"");
    is_flow || (!is_goldmanes && begins.iter().any(|begin| line.starts_with(begin)))
}

impl Decoder for Hubble {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let mut hints = Hints::default();
        let seen = &self.seen;
        let known = |side, address: &str, end: &[u8]| seen.known(side, address, end, &mut hints);
        match hubble_plain::read(line, known) {
            Some(found) => self.flow(&found.flow, found.time, found.node, &hints, to),
            None => self.any(line, to),
        }
    }
}

impl Hubble {
    /// A line of any spelling.
    fn any(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let text = std::str::from_utf8(line).map_err(|_| Skip::Bad("not UTF-8"))?;
        match self.event(text, to) {
            // Protocol buffers never write them, other programs on the way may.
            Err(Skip::Bad(why)) => match json::without_nulls(text) {
                Some(text) => self.event(&text, to),
                None => Err(Skip::Bad(why)),
            },
            taken => taken,
        }
    }

    fn event(&mut self, text: &str, to: &mut Sink<'_>) -> Result<(), Skip> {
        let read: Line<'_> =
            serde_json::from_str(text).map_err(|_| Skip::Bad("not the JSON of a Hubble event"))?;
        let (time, node) = (read.time.as_deref(), read.node_name.as_deref());
        if let Some(flow) = read.flow {
            return self.flow(&flow, time, node, &Hints::default(), to);
        }
        if let Some(lost) = read.lost_events {
            let count = lost.num_events_lost.and_then(|n| n.value()).unwrap_or(1);
            to.tally.add_many(Cause::LogLost, count);
            return Ok(());
        }
        if let Some(status) = read.node_status {
            node_status(&status, to);
            return Ok(());
        }
        if read.agent_event.is_some() || read.debug_event.is_some() {
            return Err(Skip::Other(Cause::LogOther));
        }
        let flow: Flow<'_> =
            serde_json::from_str(text).map_err(|_| Skip::Bad("not the JSON of a Hubble flow"))?;
        self.flow(&flow, time, None, &Hints::default(), to)
    }

    /// `time` and `node` stand beside the flow.
    fn flow(
        &mut self,
        flow: &Flow<'_>,
        time: Option<&str>,
        node: Option<&str>,
        hints: &Hints,
        to: &mut Sink<'_>,
    ) -> Result<(), Skip> {
        let mut times = [flow.time.as_deref(), time].into_iter().flatten();
        let is_untold = flow.time.is_none() && time.is_none();
        // A field mask may have left it out.
        let time = if is_untold { Some(to.time) } else { times.find_map(|text| self.second.moment(text)) };
        let taken = one(flow, time, node, to);
        self.seen.learn(flow, hints, to.fold);
        taken
    }
}

/// What Hubble Relay says of nodes.
pub(super) fn node_status(status: &Status<'_>, to: &mut Sink<'_>) {
    let names = u64::try_from(status.node_names.len()).unwrap_or(1).max(1);
    let is_away = status
        .state_change
        .as_ref()
        .is_some_and(|s| s.is_any(&["NODE_UNAVAILABLE", "NODE_GONE", "NODE_ERROR", "2", "3", "4"]));
    to.tally.add_many(if is_away { Cause::LogNodesMissing } else { Cause::LogOther }, names);
}

/// Takes one flow, whose time was read already.
pub(super) fn one(
    flow: &Flow<'_>,
    time: Option<Timestamp>,
    node: Option<&str>,
    to: &mut Sink<'_>,
) -> Result<(), Skip> {
    if let Some(layer7) = &flow.l7 {
        layer7.note(to);
    }
    if flow.kind.as_ref().is_some_and(|kind| kind.is_any(&["L7", "SOCK", "2", "3"])) {
        return Err(Skip::Other(Cause::LogOther));
    }
    let verdict = verdict(flow)?;
    let ip = flow.ip.as_ref();
    let address = |text: Option<&Str<'_>>| text.and_then(|text| text::address(text.as_bytes()));
    let (protocol, ports, flags, icmp) = layer4(flow.l4.as_ref())?;
    let opener = opener(flow, flags, ports, verdict);
    let Some(time) = time.filter(|_| has_port_asked(protocol, opener, ports)) else {
        return Err(Skip::Other(Cause::LogIncomplete));
    };
    let node = flow.node_name.as_deref().or(node).unwrap_or("");
    let (cluster, node) = hubble_end::place(node);
    to.fold.written_in(cluster);
    let observer = to.fold.node("hubble", node);
    let end = |address, port, raw: Option<Written<'_>>, opens, to: &mut Sink<'_>| End {
        address,
        port,
        identity: raw.and_then(|raw| identity(raw, node, opens, to)),
    };
    let is_reply = opener == Opener::Destination;
    let addresses =
        [address(ip.and_then(|ip| ip.source.as_ref())), address(ip.and_then(|ip| ip.destination.as_ref()))];
    let source = end(addresses[0], ports[0], flow.source, !is_reply, to);
    let destination = end(addresses[1], ports[1], flow.destination, is_reply, to);
    let is_nobody = |end: &End| end.address.is_none() && end.identity.is_none();
    if is_nobody(&source) || is_nobody(&destination) {
        return Err(Skip::Other(Cause::LogIncomplete));
    }
    let mut entry = Entry::new((time, time), source, destination, protocol, observer);
    entry.numbers = [number(flow.source, source.address), number(flow.destination, destination.address)];
    entry.icmp = icmp;
    entry.verdict = verdict;
    entry.opener = opener;
    entry.answer = answer(flow, flags, entry.opener, protocol);
    let service = if is_reply { &flow.source_service } else { &flow.destination_service };
    entry.service = service.as_ref().and_then(|service| to.fold.name(&service.namespace, &service.name));
    entry.service_address = address(ip.and_then(|ip| ip.source_xlated.as_ref())).filter(|_| is_reply);
    let policy = flow.egress_denied_by.iter().chain(&flow.ingress_denied_by).next();
    entry.policy = policy.and_then(|policy| to.fold.name(&policy.namespace, &policy.name));
    for (end, names) in [(source, &flow.source_names), (destination, &flow.destination_names)] {
        if let Some(address) = end.address {
            for name in names {
                to.dns.name(address.ip(), name);
            }
        }
    }
    to.fold.add(&entry);
    Ok(())
}

/// Whether the port that was asked for is told. The other one is left out where lines were added up;
/// a line that tells neither who opened nor both ports says nothing.
fn has_port_asked(protocol: Protocol, opener: Opener, [source, destination]: [Option<u16>; 2]) -> bool {
    !protocol.has_ports()
        || match opener {
            Opener::Source => destination.is_some(),
            Opener::Destination => source.is_some(),
            Opener::Untold => source.is_some() && destination.is_some(),
        }
}

fn verdict(flow: &Flow<'_>) -> Result<LoggedVerdict, Skip> {
    let Some(verdict) = &flow.verdict else { return Err(Skip::Other(Cause::LogIncomplete)) };
    if verdict.is_any(&["FORWARDED", "REDIRECTED", "TRACED", "1", "5", "6"]) {
        return Ok(LoggedVerdict::Allowed);
    }
    if verdict.is_any(&["AUDIT", "4"]) {
        return Ok(LoggedVerdict::WouldDeny);
    }
    if verdict.is_any(&["DROPPED", "ERROR", "2", "3"]) {
        let number = flow.drop_reason.as_ref().and_then(Whole::value);
        let named = flow.drop_reason_desc.as_ref();
        let is_policy = named.is_some_and(|d| d.is_any(&["POLICY_DENIED", "POLICY_DENY", "133", "181"]))
            || number.is_some_and(|n| POLICY_DROPS.contains(&n));
        return Ok(if is_policy { LoggedVerdict::Denied } else { LoggedVerdict::Dropped });
    }
    Err(Skip::Other(Cause::LogOther))
}

type Layer4Parts = (Protocol, [Option<u16>; 2], Option<Flags>, Option<IcmpType>);

fn layer4(l4: Option<&Layer4<'_>>) -> Result<Layer4Parts, Skip> {
    let Some(l4) = l4 else { return Err(Skip::Other(Cause::LogIncomplete)) };
    let with_ports = [(Protocol::Tcp, &l4.tcp), (Protocol::Udp, &l4.udp), (Protocol::Sctp, &l4.sctp)];
    for (protocol, ports) in with_ports {
        let Some(ports) = ports else { continue };
        let port =
            |n: &Option<Whole<'_>>| n.as_ref().and_then(Whole::value).and_then(|n| u16::try_from(n).ok());
        let both = [port(&ports.source_port), port(&ports.destination_port)];
        // A zero is not written in JSON of protocol buffers, and is no port of a service either.
        return Ok((protocol, both, ports.flags, None));
    }
    let Some(icmp) = l4.icmp4.as_ref().or(l4.icmp6.as_ref()) else {
        return Err(Skip::Other(Cause::LogIncomplete));
    };
    let small = |n: &Option<Whole<'_>>| {
        n.as_ref().and_then(Whole::value).and_then(|n| u8::try_from(n).ok()).unwrap_or(0)
    };
    Ok((Protocol::Icmp, [None; 2], None, Some(IcmpType { kind: small(&icmp.kind), code: small(&icmp.code) })))
}

/// Who an end is. Octets that are the same are the same, so they are read once.
fn identity(written: Written<'_>, node: &str, opens: bool, to: &mut Sink<'_>) -> Option<IdentityId> {
    let octets = match written {
        Written::Known(known) => return known.identity,
        Written::Json(raw) => raw.get().as_bytes(),
        Written::Message(octets) => octets,
    };
    let read = || match written {
        Written::Known(_) => None,
        Written::Json(raw) => {
            let end = |text: &str| {
                let read = serde_json::from_str::<Endpoint<'_>>(text).ok();
                read.map(|end| hubble_end::identity(&end, node, opens))
            };
            end(raw.get()).or_else(|| end(&json::without_nulls(raw.get())?)).flatten()
        }
        Written::Message(octets) => hubble_message::identity(octets, node, opens),
    };
    // What a node says of itself depends on who says it, and on what it does.
    if memchr::memmem::find(octets, b"reserved:host").is_some() || is_host_by_number(octets) {
        to.fold.identity(&[octets, node.as_bytes(), &[u8::from(opens)]].concat(), read)
    } else {
        to.fold.identity(octets, read)
    }
}

/// Whether an end without labels is the node that writes the line.
fn is_host_by_number(octets: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"identity\":";
    let found = memchr::memmem::find(octets, MEMBER).and_then(|at| octets.get(at + MEMBER.len()..));
    let number = found.and_then(|value| value.trim_ascii_start().strip_prefix(b"1"));
    number.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_digit))
}

/// The number of an end that was met with this address.
fn number(written: Option<Written<'_>>, address: Option<Address>) -> Option<u32> {
    match written {
        Some(Written::Known(known)) => {
            known.number.filter(|(met, _)| Some(*met) == address).map(|(_, number)| number)
        }
        _ => None,
    }
}

/// Who opened. `is_reply` is three-valued, and `reply` of old versions is left out when false. A
/// verdict is written for what opens.
fn opener(flow: &Flow<'_>, flags: Option<Flags>, ports: [Option<u16>; 2], verdict: LoggedVerdict) -> Opener {
    let is_tcp = flags.is_some();
    let flags = flags.unwrap_or_default();
    let is_verdict = flow.event_type.as_ref().and_then(|e| e.kind.as_ref()?.value()) == Some(POLICY_VERDICT);
    let traced = |reasons: &[&str]| flow.trace_reason.as_ref().is_some_and(|reason| reason.is_any(reasons));
    let (is_reply_trace, is_asking_trace) =
        (traced(&["REPLY", "3"]), traced(&["NEW", "ESTABLISHED", "1", "2"]));
    match flow.is_reply.or(flow.reply) {
        Some(true) => Opener::Destination,
        Some(false) => Opener::Source,
        None if is_reply_trace || (flags.syn && flags.ack) => Opener::Destination,
        None if flags.syn || is_verdict || is_asking_trace => Opener::Source,
        // What was dropped is not told to be a reply, and may be one that came too late.
        None if verdict.is_attempt() && !is_tcp && ports[1] < ports[0] => Opener::Source,
        None => Opener::Untold,
    }
}

/// A reply is an answer, a reset of one that opened a refusal, and who goes on after the opening
/// was answered.
fn answer(flow: &Flow<'_>, flags: Option<Flags>, opener: Opener, protocol: Protocol) -> Answer {
    let is_established =
        flow.trace_reason.as_ref().is_some_and(|reason| reason.is_any(&["ESTABLISHED", "2"]));
    match (opener, flags) {
        (Opener::Destination, Some(flags)) if flags.rst => Answer::Refused,
        (Opener::Destination, _) => Answer::Answered,
        (Opener::Source, Some(flags)) if protocol == Protocol::Tcp => {
            let goes_on = flags.ack && !flags.syn && !flags.rst;
            if goes_on && is_established { Answer::Answered } else { Answer::Untold }
        }
        _ => Answer::Untold,
    }
}
