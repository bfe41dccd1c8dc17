//! Hubble's messages as protocol buffers: the fields that are used, with their numbers in
//! cilium/cilium `api/v1/flow/flow.proto`, `observer.proto` and `relay.proto` (`tests/data/hubble.proto`
//! has them, and a test holds that against these). Other fields are passed over, and values of
//! enumerations that do not exist yet are counted where a line of JSON with them is.

use std::borrow::Cow;

use flowfence_model::Timestamp;
use flowfence_model::logged::Identity;
use prost::Message as _;

use super::hubble_dns::Layer7Message;
use super::hubble_end::{self, Endpoint, Workload};
use super::hubble_flow::{EventType, Flags, Flow, Icmp, Ip, Layer4, Named, Ports, Written};
use super::json::{Str, Text, Whole};

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Moment {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl Moment {
    pub(super) fn of(time: Timestamp) -> Self {
        let nanos = time.as_nanos();
        let within = i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0);
        Moment { seconds: nanos.div_euclid(1_000_000_000), nanos: within }
    }

    /// `None` beyond what a [`Timestamp`] holds (1678 to 2262).
    pub(super) fn time(self) -> Option<Timestamp> {
        let nanos = u32::try_from(self.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        let whole = self.seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(nanos))?;
        Some(Timestamp::from_nanos(whole))
    }
}

/// `observer.GetFlowsRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(bool, tag = "3")]
    pub(super) follow: bool,
    #[prost(message, optional, tag = "7")]
    pub(super) since: Option<Moment>,
}

/// `observer.GetFlowsResponse`. The flow is kept as it was written, which tells it from others.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Response {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) flow: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    pub(super) node_status: Option<NodeStatus>,
    #[prost(message, optional, tag = "3")]
    pub(super) lost_events: Option<LostEvents>,
    #[prost(string, tag = "1000")]
    pub(super) node_name: String,
    #[prost(message, optional, tag = "1001")]
    pub(super) time: Option<Moment>,
}

/// `relay.NodeStatusEvent`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodeStatus {
    #[prost(int32, tag = "1")]
    pub(super) state_change: i32,
    #[prost(string, repeated, tag = "2")]
    pub(super) node_names: Vec<String>,
}

/// `flow.LostEvent`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LostEvents {
    #[prost(uint64, tag = "2")]
    pub(super) num_events_lost: u64,
}

/// `observer.ServerStatusResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ServerStatus {
    #[prost(message, optional, tag = "5")]
    pub(super) num_connected_nodes: Option<u32>,
    #[prost(message, optional, tag = "6")]
    pub(super) num_unavailable_nodes: Option<u32>,
    #[prost(string, tag = "8")]
    pub(super) version: String,
}

/// `flow.Flow`. The ends are kept as they were written: there are few different ones.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlowMessage {
    #[prost(message, optional, tag = "1")]
    pub(super) time: Option<Moment>,
    #[prost(int32, tag = "2")]
    pub(super) verdict: i32,
    #[prost(uint32, tag = "3")]
    pub(super) drop_reason: u32,
    #[prost(message, optional, tag = "5")]
    pub(super) ip: Option<IpMessage>,
    #[prost(message, optional, tag = "6")]
    pub(super) l4: Option<Layer4Message>,
    #[prost(bytes = "vec", optional, tag = "8")]
    pub(super) source: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(super) destination: Option<Vec<u8>>,
    #[prost(int32, tag = "10")]
    pub(super) kind: i32,
    #[prost(string, tag = "11")]
    pub(super) node_name: String,
    #[prost(string, repeated, tag = "13")]
    pub(super) source_names: Vec<String>,
    #[prost(string, repeated, tag = "14")]
    pub(super) destination_names: Vec<String>,
    #[prost(message, optional, tag = "15")]
    pub(super) l7: Option<Layer7Message>,
    #[prost(bool, tag = "16")]
    pub(super) reply: bool,
    #[prost(message, optional, tag = "19")]
    pub(super) event_type: Option<EventTypeMessage>,
    #[prost(message, optional, tag = "20")]
    pub(super) source_service: Option<ServiceMessage>,
    #[prost(message, optional, tag = "21")]
    pub(super) destination_service: Option<ServiceMessage>,
    #[prost(int32, tag = "25")]
    pub(super) drop_reason_desc: i32,
    #[prost(message, optional, tag = "26")]
    pub(super) is_reply: Option<bool>,
    #[prost(string, tag = "34")]
    pub(super) uuid: String,
    #[prost(int32, tag = "36")]
    pub(super) trace_reason: i32,
    #[prost(message, repeated, tag = "21004")]
    pub(super) egress_denied_by: Vec<ServiceMessage>,
    #[prost(message, repeated, tag = "21005")]
    pub(super) ingress_denied_by: Vec<ServiceMessage>,
}

/// `flow.IP`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct IpMessage {
    #[prost(string, tag = "1")]
    source: String,
    #[prost(string, tag = "2")]
    destination: String,
    #[prost(string, tag = "5")]
    source_xlated: String,
}

/// `flow.Layer4`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Layer4Message {
    #[prost(message, optional, tag = "1")]
    tcp: Option<TcpMessage>,
    #[prost(message, optional, tag = "2")]
    udp: Option<PortsMessage>,
    #[prost(message, optional, tag = "3")]
    icmp4: Option<IcmpMessage>,
    #[prost(message, optional, tag = "4")]
    icmp6: Option<IcmpMessage>,
    #[prost(message, optional, tag = "5")]
    sctp: Option<PortsMessage>,
}

/// `flow.TCP`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TcpMessage {
    #[prost(uint32, tag = "1")]
    source_port: u32,
    #[prost(uint32, tag = "2")]
    destination_port: u32,
    #[prost(message, optional, tag = "3")]
    flags: Option<FlagsMessage>,
}

/// `flow.UDP` and `flow.SCTP`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PortsMessage {
    #[prost(uint32, tag = "1")]
    source_port: u32,
    #[prost(uint32, tag = "2")]
    destination_port: u32,
}

/// `flow.TCPFlags`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct FlagsMessage {
    #[prost(bool, tag = "2")]
    syn: bool,
    #[prost(bool, tag = "3")]
    rst: bool,
    #[prost(bool, tag = "5")]
    ack: bool,
}

/// `flow.ICMPv4` and `flow.ICMPv6`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct IcmpMessage {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint32, tag = "2")]
    code: u32,
}

/// `flow.CiliumEventType`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EventTypeMessage {
    #[prost(int32, tag = "1")]
    kind: i32,
}

/// `flow.Service` and `flow.Policy`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ServiceMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    namespace: String,
}

/// `flow.Endpoint`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EndpointMessage {
    #[prost(uint32, tag = "2")]
    identity: u32,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(string, repeated, tag = "4")]
    labels: Vec<String>,
    #[prost(string, tag = "5")]
    pod_name: String,
    #[prost(message, repeated, tag = "6")]
    workloads: Vec<WorkloadMessage>,
    #[prost(string, tag = "7")]
    cluster_name: String,
}

/// `flow.Workload`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WorkloadMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    kind: String,
}

/// Who an end was; `None` where only the address tells, and where it cannot be read.
pub(super) fn identity(octets: &[u8], node: &str, opens: bool) -> Option<Identity> {
    let end = EndpointMessage::decode(octets).ok()?;
    let workload = |w: &'_ WorkloadMessage| Workload {
        name: Cow::Owned(w.name.clone()),
        kind: Cow::Owned(w.kind.clone()),
    };
    let end = Endpoint {
        identity: whole(u64::from(end.identity)),
        workloads: end.workloads.iter().map(workload).collect(),
        namespace: end.namespace.into(),
        labels: end.labels.into_iter().map(Cow::Owned).collect(),
        pod_name: end.pod_name.into(),
        cluster_name: end.cluster_name.into(),
    };
    hubble_end::identity(&end, node, opens)
}

impl FlowMessage {
    /// The flow as JSON would have it, which leaves out what is empty and zero; but for the time,
    /// which is [`FlowMessage::time`].
    pub(super) fn flow(&self) -> Flow<'_> {
        Flow {
            time: None,
            verdict: member(self.verdict),
            drop_reason_desc: member(self.drop_reason_desc),
            drop_reason: whole(u64::from(self.drop_reason)),
            ip: self.ip.as_ref().map(|ip| Ip {
                source: text(&ip.source),
                destination: text(&ip.destination),
                source_xlated: text(&ip.source_xlated),
            }),
            l4: self.l4.as_ref().map(layer4),
            source: self.source.as_deref().map(Written::Message),
            destination: self.destination.as_deref().map(Written::Message),
            kind: member(self.kind),
            node_name: text(&self.node_name),
            reply: Some(true).filter(|_| self.reply),
            is_reply: self.is_reply,
            event_type: self.event_type.as_ref().map(|event| EventType { kind: whole_i32(event.kind) }),
            trace_reason: member(self.trace_reason),
            source_service: self.source_service.as_ref().map(service),
            destination_service: self.destination_service.as_ref().map(service),
            source_names: names(&self.source_names),
            destination_names: names(&self.destination_names),
            l7: self.l7.as_ref().map(Layer7Message::layer7),
            egress_denied_by: self.egress_denied_by.iter().map(service).collect(),
            ingress_denied_by: self.ingress_denied_by.iter().map(service).collect(),
        }
    }
}

fn layer4(l4: &Layer4Message) -> Layer4<'static> {
    let ports = |source: u32, destination: u32, flags: Option<FlagsMessage>| Ports {
        source_port: whole(u64::from(source)),
        destination_port: whole(u64::from(destination)),
        flags: flags.map(|flags| Flags { syn: flags.syn, ack: flags.ack, rst: flags.rst }),
    };
    let plain = |p: &PortsMessage| ports(p.source_port, p.destination_port, None);
    let icmp =
        |icmp: &IcmpMessage| Icmp { kind: whole(u64::from(icmp.kind)), code: whole(u64::from(icmp.code)) };
    Layer4 {
        tcp: l4.tcp.as_ref().map(|tcp| ports(tcp.source_port, tcp.destination_port, tcp.flags)),
        udp: l4.udp.as_ref().map(plain),
        sctp: l4.sctp.as_ref().map(plain),
        icmp4: l4.icmp4.as_ref().map(icmp),
        icmp6: l4.icmp6.as_ref().map(icmp),
    }
}

fn service(named: &ServiceMessage) -> Named<'_> {
    Named { namespace: Cow::Borrowed(&named.namespace), name: Cow::Borrowed(&named.name) }
}

fn names(names: &[String]) -> Vec<Cow<'_, str>> {
    names.iter().map(|name| Cow::Borrowed(name.as_str())).collect()
}

fn text(text: &str) -> Option<Str<'_>> {
    Some(text).filter(|text| !text.is_empty()).map(|text| Str(Cow::Borrowed(text)))
}

/// A member of an enumeration.
pub(super) fn member(number: i32) -> Option<Text<'static>> {
    Some(number).filter(|number| *number != 0).map(|number| Text::Number(number.into()))
}

fn whole(number: u64) -> Option<Whole<'static>> {
    Some(number).filter(|number| *number != 0).map(Whole::Number)
}

fn whole_i32(number: i32) -> Option<Whole<'static>> {
    u64::try_from(number).ok().and_then(whole)
}
