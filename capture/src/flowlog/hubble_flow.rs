//! The members of a Hubble flow that are used: what its two spellings come down to, JSON (read here)
//! and protocol buffers (`hubble_message`).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::hubble_dns::Layer7;
use super::hubble_seen::Known;
use super::json::{Str, Text, Whole};

/// What a line may be; the members of a flow beside them, for lines without a wrapper.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) flow: Option<Flow<'a>>,
    #[serde(borrow)]
    pub(super) node_name: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) time: Option<Str<'a>>,
    #[serde(borrow, default, alias = "lostEvents")]
    pub(super) lost_events: Option<Lost<'a>>,
    #[serde(borrow, default, alias = "nodeStatus")]
    pub(super) node_status: Option<Status<'a>>,
    #[serde(default, alias = "agentEvent")]
    pub(super) agent_event: Option<serde::de::IgnoredAny>,
    #[serde(default, alias = "debugEvent")]
    pub(super) debug_event: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Lost<'a> {
    #[serde(borrow, default, alias = "numEventsLost")]
    pub(super) num_events_lost: Option<Whole<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Status<'a> {
    #[serde(borrow, default, alias = "stateChange")]
    pub(super) state_change: Option<Text<'a>>,
    #[serde(borrow, default, alias = "nodeNames")]
    pub(super) node_names: Vec<Cow<'a, str>>,
}

/// The members of a flow that are used. Enumerations are names or numbers.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Flow<'a> {
    #[serde(borrow)]
    pub(super) time: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) verdict: Option<Text<'a>>,
    #[serde(borrow, default, alias = "dropReasonDesc")]
    pub(super) drop_reason_desc: Option<Text<'a>>,
    #[serde(borrow, default, alias = "dropReason")]
    pub(super) drop_reason: Option<Whole<'a>>,
    #[serde(borrow, rename = "IP", alias = "ip")]
    pub(super) ip: Option<Ip<'a>>,
    #[serde(borrow)]
    pub(super) l4: Option<Layer4<'a>>,
    #[serde(borrow)]
    pub(super) source: Option<Written<'a>>,
    #[serde(borrow)]
    pub(super) destination: Option<Written<'a>>,
    #[serde(borrow, rename = "Type", alias = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default, alias = "nodeName")]
    pub(super) node_name: Option<Str<'a>>,
    pub(super) reply: Option<bool>,
    #[serde(default, alias = "isReply")]
    pub(super) is_reply: Option<bool>,
    #[serde(borrow, default, alias = "eventType")]
    pub(super) event_type: Option<EventType<'a>>,
    #[serde(borrow, default, alias = "traceReason")]
    pub(super) trace_reason: Option<Text<'a>>,
    #[serde(borrow, default, alias = "sourceService")]
    pub(super) source_service: Option<Named<'a>>,
    #[serde(borrow, default, alias = "destinationService")]
    pub(super) destination_service: Option<Named<'a>>,
    #[serde(borrow, default, alias = "sourceNames")]
    pub(super) source_names: Vec<Cow<'a, str>>,
    #[serde(borrow, default, alias = "destinationNames")]
    pub(super) destination_names: Vec<Cow<'a, str>>,
    #[serde(borrow, default, alias = "egressDeniedBy")]
    pub(super) egress_denied_by: Vec<Named<'a>>,
    #[serde(borrow, default, alias = "ingressDeniedBy")]
    pub(super) ingress_denied_by: Vec<Named<'a>>,
    #[serde(borrow)]
    pub(super) l7: Option<Layer7<'a>>,
}

/// An end as it was written. What it says is read once for each writing, for there are few of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'a> {
    /// As it was written before, and who that was.
    Known(Known),
    /// In JSON.
    Json(&'a RawValue),
    /// As a protocol buffer.
    Message(&'a [u8]),
}

impl<'de: 'a, 'a> Deserialize<'de> for Written<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Written::Json)
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Ip<'a> {
    #[serde(borrow)]
    pub(super) source: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) destination: Option<Str<'a>>,
    #[serde(borrow, default, alias = "sourceXlated")]
    pub(super) source_xlated: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Layer4<'a> {
    #[serde(borrow, rename = "TCP", alias = "tcp")]
    pub(super) tcp: Option<Ports<'a>>,
    #[serde(borrow, rename = "UDP", alias = "udp")]
    pub(super) udp: Option<Ports<'a>>,
    #[serde(borrow, rename = "SCTP", alias = "sctp")]
    pub(super) sctp: Option<Ports<'a>>,
    #[serde(borrow, rename = "ICMPv4", alias = "icmpv4")]
    pub(super) icmp4: Option<Icmp<'a>>,
    #[serde(borrow, rename = "ICMPv6", alias = "icmpv6")]
    pub(super) icmp6: Option<Icmp<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Ports<'a> {
    #[serde(borrow, default, alias = "sourcePort")]
    pub(super) source_port: Option<Whole<'a>>,
    #[serde(borrow, default, alias = "destinationPort")]
    pub(super) destination_port: Option<Whole<'a>>,
    pub(super) flags: Option<Flags>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Flags {
    #[serde(rename = "SYN", alias = "syn")]
    pub(super) syn: bool,
    #[serde(rename = "ACK", alias = "ack")]
    pub(super) ack: bool,
    #[serde(rename = "RST", alias = "rst")]
    pub(super) rst: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Icmp<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Whole<'a>>,
    #[serde(borrow)]
    pub(super) code: Option<Whole<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct EventType<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Whole<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow, default)]
    pub(super) namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) name: Cow<'a, str>,
}
