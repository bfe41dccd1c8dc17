//! Lines of Hubble as its exporter writes them, read in one pass.
//!
//! Nothing between the tokens, texts of ASCII, each member at most once and in the spelling of the
//! exporter: all else is left to `serde_json`, by the types of `hubble_flow`. What is read here is what it
//! reads, in a third of the time.

use std::borrow::Cow;

use serde::Deserialize;

use super::hubble_flow::{EventType, Flags, Flow, Ip, Layer4, Ports, Written};
use super::hubble_seen::Known;
use super::json::{Str, Text, Whole};
use super::plain::Plain;

/// A flow, and what stands beside it.
#[derive(Debug, Default)]
pub(super) struct Found<'l> {
    pub(super) flow: Flow<'l>,
    pub(super) time: Option<&'l str>,
    pub(super) node: Option<&'l str>,
}

/// The flow of a line; `None` when it has none, or is not written so. `known` is asked at each end, by its
/// side, its address and what comes, for the length of an end that it knows, and who that is.
pub(super) fn read<'l>(
    line: &'l [u8],
    mut known: impl FnMut(usize, &str, &'l [u8]) -> Option<(usize, Known)>,
) -> Option<Found<'l>> {
    let mut json = Plain::new(line);
    let mut found = Found::default();
    if line.starts_with(b"{\"flow\":") {
        let mut is_met = false;
        json.members(|name, json| match name {
            b"flow" if !is_met => {
                is_met = true;
                json.members(|name, json| member(&mut found.flow, name, json, &mut known))
            }
            b"time" => put(&mut found.time, json.text()?),
            b"node_name" => put(&mut found.node, json.text()?),
            _ if is_beside(name) => None,
            _ => json.value().map(drop),
        })?;
    } else {
        json.members(|name, json| match name {
            _ if is_beside(name) => None,
            _ => member(&mut found.flow, name, json, &mut known),
        })?;
    }
    json.rest().is_empty().then_some(found)
}

/// Members of a line that make it something else.
fn is_beside(name: &[u8]) -> bool {
    matches!(
        name,
        b"flow"
            | b"lost_events"
            | b"lostEvents"
            | b"node_status"
            | b"nodeStatus"
            | b"agent_event"
            | b"agentEvent"
            | b"debug_event"
            | b"debugEvent"
    )
}

fn member<'l>(
    flow: &mut Flow<'l>,
    name: &[u8],
    json: &mut Plain<'l>,
    known: &mut impl FnMut(usize, &str, &'l [u8]) -> Option<(usize, Known)>,
) -> Option<()> {
    match name {
        b"time" => put(&mut flow.time, text(json)?),
        b"verdict" => put(&mut flow.verdict, word(json)?),
        b"IP" => put(&mut flow.ip, ip(json)?),
        b"l4" => put(&mut flow.l4, layer4(json)?),
        b"source" | b"destination" => {
            let is_source = name == b"source";
            let ip = flow.ip.as_ref();
            let address =
                ip.and_then(|ip| if is_source { ip.source.as_ref() } else { ip.destination.as_ref() });
            let end = end(json, usize::from(!is_source), address, known)?;
            put(if is_source { &mut flow.source } else { &mut flow.destination }, end)
        }
        b"Type" => put(&mut flow.kind, word(json)?),
        b"node_name" => put(&mut flow.node_name, text(json)?),
        b"is_reply" => put(&mut flow.is_reply, json.flag()?),
        b"event_type" => put(&mut flow.event_type, event_type(json)?),
        b"trace_reason" => put(&mut flow.trace_reason, word(json)?),
        b"reply" => put(&mut flow.reply, json.flag()?),
        b"drop_reason" => put(&mut flow.drop_reason, rare(json)?),
        b"drop_reason_desc" => put(&mut flow.drop_reason_desc, rare(json)?),
        b"source_service" => put(&mut flow.source_service, rare(json)?),
        b"destination_service" => put(&mut flow.destination_service, rare(json)?),
        b"source_names" => put_list(&mut flow.source_names, rare(json)?),
        b"destination_names" => put_list(&mut flow.destination_names, rare(json)?),
        b"egress_denied_by" => put_list(&mut flow.egress_denied_by, rare(json)?),
        b"ingress_denied_by" => put_list(&mut flow.ingress_denied_by, rare(json)?),
        b"l7" => put(&mut flow.l7, rare(json)?),
        b"ip"
        | b"type"
        | b"nodeName"
        | b"isReply"
        | b"eventType"
        | b"traceReason"
        | b"dropReasonDesc"
        | b"dropReason"
        | b"sourceService"
        | b"destinationService"
        | b"sourceNames"
        | b"destinationNames"
        | b"egressDeniedBy"
        | b"ingressDeniedBy" => None,
        _ => json.value().map(drop),
    }
}

/// A member that comes twice is an error.
#[inline]
fn put<T>(place: &mut Option<T>, value: T) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

/// Likewise; of a list that is empty nobody could tell whether it came.
fn put_list<T>(place: &mut Vec<T>, value: Vec<T>) -> Option<()> {
    if !place.is_empty() || value.is_empty() {
        return None;
    }
    *place = value;
    Some(())
}

/// What few lines have.
fn rare<'l, T: Deserialize<'l>>(json: &mut Plain<'l>) -> Option<T> {
    let text = std::str::from_utf8(json.value()?).ok()?;
    serde_json::from_str::<Option<T>>(text).ok()?
}

#[inline]
fn text<'l>(json: &mut Plain<'l>) -> Option<Str<'l>> {
    json.text().map(|text| Str(Cow::Borrowed(text)))
}

#[inline]
fn word<'l>(json: &mut Plain<'l>) -> Option<Text<'l>> {
    json.text().map(|name| Text::Name(Cow::Borrowed(name)))
}

#[inline]
fn whole<'l>(json: &mut Plain<'l>) -> Option<Whole<'l>> {
    json.number().map(Whole::Number)
}

fn ip<'l>(json: &mut Plain<'l>) -> Option<Ip<'l>> {
    let mut ip = Ip::default();
    json.members(|name, json| match name {
        b"source" => put(&mut ip.source, text(json)?),
        b"destination" => put(&mut ip.destination, text(json)?),
        b"source_xlated" => put(&mut ip.source_xlated, text(json)?),
        b"sourceXlated" => None,
        _ => json.value().map(drop),
    })?;
    Some(ip)
}

fn layer4<'l>(json: &mut Plain<'l>) -> Option<Layer4<'l>> {
    let mut layer4 = Layer4::default();
    json.members(|name, json| match name {
        b"TCP" => put(&mut layer4.tcp, ports(json)?),
        b"UDP" => put(&mut layer4.udp, ports(json)?),
        b"SCTP" => put(&mut layer4.sctp, ports(json)?),
        b"ICMPv4" => put(&mut layer4.icmp4, rare(json)?),
        b"ICMPv6" => put(&mut layer4.icmp6, rare(json)?),
        b"tcp" | b"udp" | b"sctp" | b"icmpv4" | b"icmpv6" => None,
        _ => json.value().map(drop),
    })?;
    Some(layer4)
}

fn ports<'l>(json: &mut Plain<'l>) -> Option<Ports<'l>> {
    let mut ports = Ports::default();
    json.members(|name, json| match name {
        b"source_port" => put(&mut ports.source_port, whole(json)?),
        b"destination_port" => put(&mut ports.destination_port, whole(json)?),
        b"flags" => put(&mut ports.flags, flags(json)?),
        b"sourcePort" | b"destinationPort" => None,
        _ => json.value().map(drop),
    })?;
    Some(ports)
}

fn flags(json: &mut Plain<'_>) -> Option<Flags> {
    let [mut syn, mut ack, mut rst] = [None; 3];
    json.members(|name, json| match name {
        b"SYN" => put(&mut syn, json.flag()?),
        b"ACK" => put(&mut ack, json.flag()?),
        b"RST" => put(&mut rst, json.flag()?),
        b"syn" | b"ack" | b"rst" => None,
        _ => json.value().map(drop),
    })?;
    let is = |flag: Option<bool>| flag.unwrap_or(false);
    Some(Flags { syn: is(syn), ack: is(ack), rst: is(rst) })
}

fn event_type<'l>(json: &mut Plain<'l>) -> Option<EventType<'l>> {
    let mut event = EventType::default();
    json.members(|name, json| match name {
        b"type" => put(&mut event.kind, whole(json)?),
        _ => json.value().map(drop),
    })?;
    Some(event)
}

fn end<'l>(
    json: &mut Plain<'l>,
    side: usize,
    address: Option<&Str<'l>>,
    known: &mut impl FnMut(usize, &str, &'l [u8]) -> Option<(usize, Known)>,
) -> Option<Written<'l>> {
    if json.rest().first() == Some(&b'{')
        && let Some((length, known)) = known(side, address.map_or("", |address| address), json.rest())
    {
        json.pass(length)?;
        return Some(Written::Known(known));
    }
    rare(json)
}

#[cfg(test)]
mod tests {
    use super::super::hubble_flow::Line;
    use super::*;
    use flowfence_model::logged::IdentityId;
    use proptest::prelude::*;

    const LINES: [&str; 6] = [
        r#"{"flow":{"time":"2026-11-24T10:00:00.5Z","uuid":"e7d3","verdict":"FORWARDED","ethernet":{"source":"02:42","destination":"02:43"},"IP":{"source":"10.42.1.10","destination":"10.42.2.20","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":40000,"destination_port":8080,"flags":{"SYN":true,"PSH":false}}},"source":{"ID":7,"identity":20001,"namespace":"shop","labels":["k8s:app=web"]},"destination":{"ID":0,"labels":[]},"Type":"L3_L4","node_name":"node-1","node_labels":["a=b"],"event_type":{"type":4,"sub_type":3},"traffic_direction":"EGRESS","trace_reason":"ESTABLISHED","is_reply":false,"interface":{"index":10,"name":"lxc1"},"Summary":"TCP \"Flags\": ACK"},"node_name":"node-1","time":"2026-11-24T10:00:00.5Z"}"#,
        r#"{"flow":{"time":"2026-11-24T10:00:00Z","verdict":"DROPPED","drop_reason":133,"drop_reason_desc":"POLICY_DENIED","IP":{"source":"10.42.1.10","destination":"10.42.2.20","source_xlated":"10.96.0.1"},"l4":{"UDP":{"source_port":53,"destination_port":40000}},"source":{"identity":2,"labels":["reserved:world"]},"destination":{"ID":0},"egress_denied_by":[{"name":"deny","namespace":"shop"}],"is_reply":null},"node_name":"node-1"}"#,
        r#"{"time":"2026-11-24T10:00:00Z","verdict":"FORWARDED","IP":{"source":"10.42.1.10"},"l4":{"ICMPv4":{"type":8}},"source":{"ID":7},"destination":{},"reply":true,"source_names":["a.example"],"destination_service":{"name":"api","namespace":"shop"},"l7":{"type":"RESPONSE","dns":{"query":"a.example.","ips":["192.0.2.1"]}}}"#,
        r#"{"flow":{},"time":"x"}"#,
        r#"{"lost_events":{"num_events_lost":"7"},"node_name":"node-1"}"#,
        "{}",
    ];

    /// The same by `serde_json`; `None` when that finds no flow.
    fn by_serde(line: &str) -> Option<Found<'_>> {
        let Line { flow, time, node_name, lost_events, node_status, agent_event, debug_event } =
            serde_json::from_str(line).ok()?;
        let borrowed = |text: Option<Str<'_>>| match text {
            Some(Str(Cow::Borrowed(text))) => Some(&line[line.find(text)?..][..text.len()]),
            _ => None,
        };
        let (time, node) = (borrowed(time), borrowed(node_name));
        if let Some(flow) = flow {
            return Some(Found { flow, time, node });
        }
        if lost_events.is_some() || node_status.is_some() || agent_event.is_some() || debug_event.is_some() {
            return None;
        }
        Some(Found { flow: serde_json::from_str(line).ok()?, time: None, node: None })
    }

    fn agree(line: &str) -> bool {
        let Some(found) = read(line.as_bytes(), |_, _, _| None) else { return false };
        let expected = by_serde(line);
        assert_eq!(format!("{:?}", Some(found)), format!("{expected:?}"), "{line}");
        true
    }

    #[test]
    fn lines_of_the_exporter_are_read() {
        let read: Vec<bool> = LINES.iter().map(|line| agree(line)).collect();
        assert_eq!(read, [true, false, true, true, false, true]);
    }

    #[test]
    fn what_is_written_otherwise_is_left() {
        let line = LINES[0];
        for (from, to) in [
            ("\"verdict\":", "\"verdict\": "),
            ("\"Type\":\"L3_L4\"", "\"Type\":\"L3_L4\",\"type\":\"L7\""),
            ("\"Type\":\"L3_L4\"", "\"Type\":\"L3_L4\",\"Type\":\"L7\""),
            ("\"node_name\":\"node-1\",\"node", "\"node_name\":\"n\\u00f6de\",\"node"),
            ("\"node_name\":\"node-1\",\"node", "\"node_name\":\"nöde\",\"node"),
            ("8080", "8080.0"),
            ("8080", "\"8080\""),
            ("\"is_reply\":false", "\"is_reply\":null"),
            ("},\"node_name\"", "},\"flow\":{},\"node_name\""),
            ("},\"node_name\"", "},\"lost_events\":{},\"node_name\""),
            ("\"time\":\"2026-11-24T10:00:00.5Z\"}", "\"time\":\"2026-11-24T10:00:00.5Z\"} "),
        ] {
            let other = line.replace(from, to);
            assert_ne!(other, line, "{from}");
            assert!(read(other.as_bytes(), |_, _, _| None).is_none(), "{other}");
        }
    }

    #[test]
    fn an_end_that_is_known_is_passed_over() {
        let end = r#"{"ID":7,"identity":20001,"namespace":"shop","labels":["k8s:app=web"]}"#;
        let found = read(LINES[0].as_bytes(), |side, address, rest| {
            assert_eq!(address, ["10.42.1.10", "10.42.2.20"][side]);
            let known = Known { identity: Some(IdentityId(3)), number: None };
            rest.starts_with(end.as_bytes()).then_some((end.len(), known))
        });
        let flow = found.unwrap().flow;
        assert!(matches!(flow.source, Some(Written::Known(known)) if known.identity == Some(IdentityId(3))));
        assert!(matches!(flow.destination, Some(Written::Json(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_line_that_was_changed_is_read_as_serde_reads_it(
            which in 0..LINES.len(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..9_usize, any::<prop::sample::Index>()), 1..4),
        ) {
            let mut line = LINES[which].to_owned();
            for (at, how, other) in changes {
                if line.is_empty() {
                    break;
                }
                let at = at.index(line.len());
                let pieces = ["\"", "0", ",", "}", "null", "\"time\":\"x\",", "\"is_reply\":true,", "{\"a\":[]}"];
                if let Some(piece) = pieces.get(how) {
                    line.insert_str(at, piece);
                } else {
                    let end = (at + 1 + other.index(12)).min(line.len());
                    line.replace_range(at..end, "");
                }
            }
            agree(&line);
        }
    }
}
