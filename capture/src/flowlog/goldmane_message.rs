//! Goldmane's messages as protocol buffers: the fields that are used, with their numbers in projectcalico/calico
//! `goldmane/proto/api.proto` (`tests/data/goldmane.proto` has them, and a test holds that against these). Other
//! fields are passed over; members of enumerations that do not exist yet mean what they do in JSON.

use std::borrow::Cow;

use super::goldmane::{Flow, Hit, Key, LabelList, Trace};
use super::json::{Text, Whole};

/// `FlowStreamRequest`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct StreamRequest {
    /// Seconds since 1970, or of the past when less than zero.
    #[prost(int64, tag = "1")]
    pub(super) start_time_gte: i64,
    #[prost(int64, tag = "3")]
    pub(super) aggregation_interval: i64,
}

/// `FlowListRequest`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ListRequest {
    #[prost(int64, tag = "1")]
    pub(super) start_time_gte: i64,
    #[prost(int64, tag = "3")]
    pub(super) page: i64,
    #[prost(int64, tag = "4")]
    pub(super) page_size: i64,
    #[prost(int64, tag = "7")]
    pub(super) aggregation_interval: i64,
}

/// `FlowListResult`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ListResult {
    #[prost(message, optional, tag = "1")]
    pub(super) meta: Option<ListMetadata>,
}

/// `ListMetadata`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ListMetadata {
    #[prost(int64, tag = "2")]
    pub(super) total_results: i64,
}

/// `FlowResult`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResultMessage {
    #[prost(message, optional, tag = "2")]
    pub(super) flow: Option<FlowMessage>,
}

/// `Flow`. The key is kept as it was written, which tells the flow from others.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlowMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(int64, tag = "2")]
    pub(super) start_time: i64,
    #[prost(int64, tag = "3")]
    pub(super) end_time: i64,
    #[prost(string, repeated, tag = "4")]
    pub(super) source_labels: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub(super) dest_labels: Vec<String>,
    #[prost(int64, tag = "6")]
    pub(super) packets_in: i64,
    #[prost(int64, tag = "7")]
    pub(super) packets_out: i64,
    #[prost(int64, tag = "8")]
    pub(super) bytes_in: i64,
    #[prost(int64, tag = "9")]
    pub(super) bytes_out: i64,
    #[prost(int64, tag = "10")]
    pub(super) num_connections_started: i64,
}

/// `FlowKey`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct KeyMessage {
    #[prost(string, tag = "1")]
    source_name: String,
    #[prost(string, tag = "2")]
    source_namespace: String,
    #[prost(int32, tag = "3")]
    source_type: i32,
    #[prost(string, tag = "4")]
    dest_name: String,
    #[prost(string, tag = "5")]
    dest_namespace: String,
    #[prost(int32, tag = "6")]
    dest_type: i32,
    #[prost(int64, tag = "7")]
    dest_port: i64,
    #[prost(string, tag = "8")]
    dest_service_name: String,
    #[prost(string, tag = "9")]
    dest_service_namespace: String,
    #[prost(string, tag = "12")]
    proto: String,
    #[prost(int32, tag = "13")]
    reporter: i32,
    #[prost(int32, tag = "14")]
    action: i32,
    #[prost(message, optional, tag = "15")]
    policies: Option<TraceMessage>,
}

/// `PolicyTrace`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TraceMessage {
    #[prost(message, repeated, tag = "1")]
    enforced: Vec<HitMessage>,
    #[prost(message, repeated, tag = "2")]
    pending: Vec<HitMessage>,
}

/// `PolicyHit`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HitMessage {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    namespace: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(int32, tag = "5")]
    action: i32,
    #[prost(int64, tag = "6")]
    policy_index: i64,
    #[prost(message, optional, boxed, tag = "8")]
    trigger: Option<Box<HitMessage>>,
}

impl FlowMessage {
    /// The flow as JSON would have it, but for its key.
    pub(super) fn flow(&self) -> Flow<'_> {
        Flow {
            key: None,
            start_time: Some(Text::Number(self.start_time)),
            end_time: Some(Text::Number(self.end_time)),
            source_labels: Some(labels(&self.source_labels)),
            dest_labels: Some(labels(&self.dest_labels)),
            packets_in: whole(self.packets_in),
            packets_out: whole(self.packets_out),
            bytes_in: whole(self.bytes_in),
            bytes_out: whole(self.bytes_out),
            num_connections_started: whole(self.num_connections_started),
        }
    }
}

impl KeyMessage {
    /// The key as JSON would have it, which leaves out what is empty and zero.
    pub(super) fn key(&self) -> Key<'_> {
        Key {
            source_name: text(&self.source_name),
            source_namespace: text(&self.source_namespace),
            source_type: member(self.source_type),
            dest_name: text(&self.dest_name),
            dest_namespace: text(&self.dest_namespace),
            dest_type: member(self.dest_type),
            dest_port: whole(self.dest_port),
            dest_service_name: text(&self.dest_service_name),
            dest_service_namespace: text(&self.dest_service_namespace),
            proto: text(&self.proto).map(Text::Name),
            reporter: member(self.reporter),
            action: member(self.action),
            policies: self.policies.as_ref().map(|trace| Trace {
                enforced: Some(trace.enforced.iter().map(hit).collect()),
                pending: Some(trace.pending.iter().map(hit).collect()),
            }),
        }
    }
}

/// No deeper than what the reader of messages grants, which is 100.
fn hit(hit_message: &HitMessage) -> Hit<'_> {
    Hit {
        kind: member(hit_message.kind),
        namespace: text(&hit_message.namespace),
        name: text(&hit_message.name),
        action: member(hit_message.action),
        policy_index: whole(hit_message.policy_index),
        trigger: hit_message.trigger.as_deref().map(|trigger| Box::new(hit(trigger))),
    }
}

fn labels(list: &[String]) -> LabelList<'_> {
    LabelList::List(list.iter().map(|label| Cow::Borrowed(label.as_str())).collect())
}

fn text(text: &str) -> Option<Cow<'_, str>> {
    Some(text).filter(|text| !text.is_empty()).map(Cow::Borrowed)
}

fn member(number: i32) -> Option<Text<'static>> {
    Some(number).filter(|number| *number != 0).map(|number| Text::Number(number.into()))
}

/// Nothing counts less than nothing.
fn whole(number: i64) -> Option<Whole<'static>> {
    u64::try_from(number).ok().filter(|number| *number != 0).map(Whole::Number)
}
