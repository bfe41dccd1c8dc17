//! DNS answers in Hubble's flows of layer 7: they repeat a connection that other flows tell of, and name what lies
//! outside, as answers in packets do.

use std::borrow::Cow;

use serde::Deserialize;

use super::json::Whole;
use super::{Sink, text};

/// What is used of `flow.Layer7`.
#[derive(Debug, Deserialize)]
pub(super) struct Layer7<'a> {
    #[serde(borrow)]
    dns: Option<Dns<'a>>,
}

/// What is used of `flow.DNS`.
#[derive(Debug, Deserialize)]
struct Dns<'a> {
    #[serde(borrow, default)]
    query: Cow<'a, str>,
    #[serde(borrow, default)]
    ips: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    rcode: Option<Whole<'a>>,
}

/// `flow.Layer7` as a protocol buffer.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Layer7Message {
    #[prost(message, optional, tag = "100")]
    dns: Option<DnsMessage>,
}

/// `flow.DNS`.
#[derive(Clone, PartialEq, prost::Message)]
struct DnsMessage {
    #[prost(string, tag = "1")]
    query: String,
    #[prost(string, repeated, tag = "2")]
    ips: Vec<String>,
    #[prost(uint32, tag = "6")]
    rcode: u32,
}

impl Layer7Message {
    /// As JSON would have it.
    pub(super) fn layer7(&self) -> Layer7<'_> {
        let dns = self.dns.as_ref().map(|dns| Dns {
            query: Cow::Borrowed(&dns.query),
            ips: dns.ips.iter().map(|ip| Cow::Borrowed(ip.as_str())).collect(),
            rcode: Some(Whole::Number(u64::from(dns.rcode))),
        });
        Layer7 { dns }
    }
}

impl Layer7<'_> {
    /// Notes what the addresses of an answer are called. Zero is the code of an answer without error (RFC 1035 §4.1.1),
    /// and is left out in JSON of protocol buffers.
    pub(super) fn note(&self, to: &mut Sink<'_>) {
        let Some(dns) = &self.dns else { return };
        let is_answer = dns.rcode.as_ref().is_none_or(|code| code.value() == Some(0));
        if !is_answer || dns.query.is_empty() {
            return;
        }
        for address in dns.ips.iter().filter_map(|ip| text::address(ip.as_bytes())) {
            to.dns.name(address.ip(), &dns.query);
        }
    }
}
