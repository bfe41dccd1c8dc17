//! Azure's virtual network flow logs, and those of network security groups, versions 1 and 2 (Azure
//! Network Watcher, "Flow logs: log format").
//!
//! A blob is one document of an hour, `{"records":[…]}`; a record has rules, and a rule has tuples: texts
//! with commas. A tuple is one state of one connection, as one network interface saw it: both interfaces
//! log it, and continuing and ended ones carry what was counted since the tuple before.

use std::borrow::Cow;

use flowfence_model::logged::{self, LoggedVerdict, ObserverId};
use flowfence_model::{Protocol, Timestamp};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::entry::{Answer, End, Entry, Opener, Skip};
use super::{Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "azure",
    name: "Azure virtual network and NSG flow logs",
    tells: Tells { opener: true, answer: true, verdict: false, names: false, counts: true, service: false },
    caveat: "A denied flow was stopped by a security group or admin rule, not by a NetworkPolicy. Pods show only \
             with flat addressing: those of an overlay are behind their node's address.",
    recognise,
    open: || Box::new(Azure),
};

struct Azure;

fn recognise(line: &[u8]) -> bool {
    let has = |member: &[u8]| memchr::memmem::find(line, member).is_some();
    line.first() == Some(&b'{')
        && (has(b"\"flowTuples\"")
            || has(b"\"FlowLogFlowEvent\"")
            || has(b"\"NetworkSecurityGroupFlowEvent\""))
}

/// The members of a record that are not tuples.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "macAddress")]
    mac: Option<Cow<'a, str>>,
    /// The security group; of old records, that have no interface outside of their flows.
    #[serde(borrow, rename = "systemId")]
    system: Option<Cow<'a, str>>,
}

impl Decoder for Azure {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        const BAD: Skip = Skip::Bad("not the JSON of an Azure flow log record");
        let text = std::str::from_utf8(line).map_err(|_| Skip::Bad("not UTF-8"))?;
        let record: Record<'_> = serde_json::from_str(text).map_err(|_| BAD)?;
        let mut tuples =
            Tuples { mac: record.mac.or(record.system).unwrap_or_default(), found: 0, bad: 0, to };
        let mut reader = serde_json::Deserializer::from_str(text);
        Walk { tuples: &mut tuples, within: Within::Other }.deserialize(&mut reader).map_err(|_| BAD)?;
        let Tuples { found, bad, .. } = tuples;
        if bad > 0 {
            return Err(Skip::Bad("a tuple of this record cannot be read"));
        }
        match found {
            0 if recognise(line) => Err(Skip::Other(Cause::LogEmpty)),
            0 => Err(Skip::Other(Cause::LogOther)),
            _ => Ok(()),
        }
    }
}

/// What is found of a record.
struct Tuples<'r, 's> {
    mac: Cow<'r, str>,
    found: u64,
    bad: u64,
    to: &'r mut Sink<'s>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// The list of tuples.
    Tuples,
    /// The interface of an NSG record's flows.
    Mac,
    Other,
}

/// Goes through a record for its tuples, wherever they are, and keeps none of it.
struct Walk<'w, 'r, 's> {
    tuples: &'w mut Tuples<'r, 's>,
    within: Within,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a record of an Azure flow log")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let within = match key.as_ref() {
                "flowTuples" => Within::Tuples,
                "mac" => Within::Mac,
                "flowRecords" | "flows" | "flowGroups" | "properties" => Within::Other,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            map.next_value_seed(Walk { tuples: &mut *self.tuples, within })?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while list.next_element_seed(Walk { tuples: &mut *self.tuples, within: self.within })?.is_some() {}
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        match self.within {
            Within::Tuples => self.tuples.take(text),
            Within::Mac => self.tuples.mac = Cow::Owned(text.to_owned()),
            Within::Other => {}
        }
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}

impl Tuples<'_, '_> {
    fn take(&mut self, tuple: &str) {
        self.found += 1;
        let observer = self.to.fold.observer("azure", &self.mac);
        match entry(tuple, observer) {
            Ok(entry) => self.to.fold.add(&entry),
            Err(Skip::Other(cause)) => self.to.tally.add(cause),
            Err(Skip::Bad(_)) => self.bad += 1,
        }
    }
}

/// One tuple. The state of a virtual network's log is in the column where that of an NSG has its decision,
/// and tells which of the two it is.
fn entry(tuple: &str, observer: ObserverId) -> Result<Entry, Skip> {
    const BAD: Skip = Skip::Bad("a tuple");
    let columns: Vec<&str> = tuple.split(',').map(str::trim).collect();
    let [time, source, destination, source_port, destination_port, protocol, _direction, state, rest @ ..] =
        columns.as_slice()
    else {
        return Err(BAD);
    };
    let time = moment(time).ok_or(BAD)?;
    let address = |word: &str| text::address(word.as_bytes()).ok_or(BAD);
    let end = |address, port: &str| End {
        address: Some(address),
        port: text::port(port.as_bytes()),
        identity: None,
    };
    let (source, destination) =
        (end(address(source)?, source_port), end(address(destination)?, destination_port));
    let protocol = text::protocol_named(protocol).ok_or(Skip::Other(Cause::OtherIpProtocol))?;
    if protocol.has_ports() && (source.port.is_none() || destination.port.is_none()) {
        return Err(BAD);
    }
    let (is_denied, state, counts) = match (*state, rest) {
        // An NSG's first version has the decision only; the second has state and counters behind it.
        ("A" | "D", []) if !is_virtual_network(&columns) => (*state == "D", "", rest),
        ("A" | "D", [next, counts @ ..]) if matches!(*next, "B" | "C" | "E" | "") => {
            (*state == "D", *next, counts)
        }
        // A virtual network's has the state, then the encryption.
        ("B" | "C" | "E" | "D", [_encryption, counts @ ..]) => (*state == "D", *state, counts),
        _ => return Err(Skip::Other(Cause::LogOther)),
    };
    let mut entry = Entry::new((time, time), source, destination, protocol, observer);
    // The source of a tuple is who opened, in both directions.
    entry.opener = Opener::Source;
    if is_denied {
        entry.verdict = LoggedVerdict::Dropped;
    }
    let count = |at: usize| counts.get(at).and_then(|word| text::number(word.as_bytes())).unwrap_or(0);
    entry.packets = [count(0), count(2)];
    entry.octets = [count(1), count(3)];
    entry.connections = u64::from(matches!(state, "B" | "") || is_denied);
    let is_over = state == "E" && protocol == Protocol::Tcp;
    entry.answer = match entry.packets {
        _ if is_over && !is_denied && is_refusal(&entry) => Answer::Refused,
        [_, back] if back > 0 && !is_denied => Answer::Answered,
        [there, _] if there > 0 && is_over && !is_denied => Answer::Nothing,
        _ => Answer::Untold,
    };
    Ok(entry)
}

/// Whether all that came back within a flow that is over can only have been resets. Azure counts the header of Ethernet,
/// too: its own examples have openings of 66 octets.
fn is_refusal(entry: &Entry) -> bool {
    const ETHERNET: u64 = 14;
    let is_v6 = entry.source.address.is_some_and(|address| address.ip().is_ipv6());
    let bare = ETHERNET + if is_v6 { 60 } else { 40 };
    logged::are_resets(entry.packets, entry.octets, 1, bare)
}

/// A virtual network's tuple is never shorter than its encryption.
fn is_virtual_network(columns: &[&str]) -> bool {
    columns.len() > 8
}

/// Milliseconds since 1970 in a virtual network's log, seconds in an NSG's. Seconds have not had twelve digits yet.
fn moment(word: &str) -> Option<Timestamp> {
    let number = i64::try_from(text::number(word.as_bytes())?).ok()?;
    match number {
        1..100_000_000_000 => Some(Timestamp::from_secs(number, 0)),
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000_000).map(Timestamp::from_nanos),
        _ => None,
    }
}
