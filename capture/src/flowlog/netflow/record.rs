//! One record of a data set, by its template: values become a flow.

use std::time::Duration;

use flowfence_model::logged::LoggedVerdict;
use flowfence_model::{Address, Timestamp};

use super::element::Item;
use super::flow::{Flow, IcmpWord, Policy, Side, Told};
use super::template::Values;

/// NTP counts from 1900, and its first era ends in 2036.
const NTP_TO_UNIX: i64 = 2_208_988_800;
const NTP_ERA: i64 = 1 << 32;
/// Names of Kubernetes are no longer.
const MAX_NAME: usize = 253;
/// Labels of a pod, as JSON; longer ones are left out.
const MAX_LABELS: usize = 2048;
/// Actions of Antrea's rules that stop.
const REFUSALS: [Option<u64>; 2] = [Some(2), Some(3)];

/// When a message was sent, and what its times count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// When it was sent.
    pub sent: Timestamp,
    /// The exporter's uptime at that moment, in ms.
    pub uptime: Option<u32>,
    /// When its uptime began, where it says so in another way.
    pub booted: Option<Timestamp>,
}

impl Clock {
    /// A moment by uptime. The counter wraps around after 49.7 days, so the distance counts.
    pub fn at_uptime(&self, millis: u32) -> Option<Timestamp> {
        let (now, uptime) = match (self.uptime, self.booted) {
            (Some(uptime), _) => (self.sent, uptime),
            (None, Some(booted)) => {
                let uptime = u64::try_from(self.sent.since(booted).as_millis()).ok()?;
                let low = u32::try_from(uptime & u64::from(u32::MAX)).ok()?;
                (booted.plus(Duration::from_millis(uptime)), low)
            }
            (None, None) => return None,
        };
        let ago = uptime.wrapping_sub(millis).cast_signed();
        let span = Duration::from_millis(u64::from(ago.unsigned_abs()));
        Some(if ago < 0 { now.plus(span) } else { now.minus(span) })
    }
}

/// A record.
#[derive(Debug)]
pub struct Record<'a> {
    values: &'a Values<'a>,
}

impl<'a> Record<'a> {
    /// Of its values.
    pub fn new(values: &'a Values<'a>) -> Self {
        Record { values }
    }

    pub(super) fn octets(&self, item: Item) -> Option<&'a [u8]> {
        self.values.get(item as usize).copied().flatten()
    }

    /// A number of any length up to eight octets (RFC 7011 §6.2).
    pub fn number(&self, item: Item) -> Option<u64> {
        let octets = self.octets(item)?;
        (1..=8).contains(&octets.len()).then(|| octets.iter().fold(0, |sum, o| sum << 8 | u64::from(*o)))
    }

    /// A number with a fraction.
    pub fn float(&self, item: Item) -> Option<f64> {
        let octets = self.octets(item)?;
        let double = octets.try_into().ok().map(f64::from_be_bytes);
        double.or_else(|| octets.try_into().ok().map(|octets| f64::from(f32::from_be_bytes(octets))))
    }

    /// A name; `None` where it is empty, and where netobserv writes that there is none. Exporters of a
    /// fixed length fill with zeros.
    pub(super) fn name(&self, item: Item) -> Option<&'a str> {
        let text = std::str::from_utf8(self.octets(item)?).ok()?.trim_end_matches('\0');
        (!text.is_empty() && text != "none" && text.len() <= MAX_NAME).then_some(text)
    }

    fn address(&self, v4: Item, v6: Item) -> Option<Address> {
        let four = || Some(Address::v4(self.octets(v4)?.try_into().ok()?));
        let six = || Some(Address::v6(self.octets(v6)?.try_into().ok()?));
        // Templates for both families fill the other with zeros.
        [four(), six()].into_iter().flatten().max_by_key(|address| !address.ip().is_unspecified())
    }

    fn port(&self, item: Item) -> Option<u16> {
        u16::try_from(self.number(item)?).ok()
    }

    /// The exporter's beginning, when this says it.
    pub fn booted(&self) -> Option<Timestamp> {
        millis(self.number(Item::Booted)?)
    }

    /// Whether anything of it is a flow's.
    pub fn is_flow(&self) -> bool {
        [Item::SourceV4, Item::SourceV6, Item::DestinationV4, Item::DestinationV6]
            .into_iter()
            .any(|item| self.octets(item).is_some())
    }

    /// What it says of a flow; `None` when ends or protocol are missing.
    pub fn flow(&self, clock: &Clock, rate: u64) -> Option<Flow<'a>> {
        let source = self.address(Item::SourceV4, Item::SourceV6)?;
        let destination = self.address(Item::DestinationV4, Item::DestinationV6)?;
        let protocol = self.number(Item::Protocol).or_else(|| self.number(Item::NextHeader))?;
        let protocol = u8::try_from(protocol).ok()?;
        let mut flow = Flow::new(self.time(clock), Side::at(source), Side::at(destination), protocol);
        flow.source.port = self.port(Item::SourcePort);
        flow.destination.port = self.port(Item::DestinationPort);
        flow.icmp = self.icmp();
        let octet = |number: u64| u8::try_from(number & 0xff).ok();
        flow.flags = self.number(Item::Flags).and_then(octet);
        flow.back_flags = self.number(Item::BackFlags).and_then(octet);
        flow.first_flags =
            [Item::FirstFlags, Item::BackFirstFlags].map(|item| self.number(item).and_then(octet));
        flow.rate = rate;
        flow.is_going_out = self.number(Item::Direction).map(|direction| direction == 1);
        self.count(&mut flow);
        self.translate(&mut flow);
        self.names(&mut flow);
        self.decide(&mut flow);
        Some(flow)
    }

    fn time(&self, clock: &Clock) -> (Timestamp, Timestamp) {
        let sent = clock.sent;
        let clock = Clock { booted: self.booted().or(clock.booted), ..*clock };
        let uptime = |item| clock.at_uptime(u32::try_from(self.number(item)?).ok()?);
        let before = |item| Some(sent.minus(Duration::from_micros(self.number(item)?)));
        let seconds = |item| Some(Timestamp::from_secs(i64::try_from(self.number(item)?).ok()?, 0));
        let moment = |s, m, u, n, up, b| {
            let exact = ntp(self.number(n)).or_else(|| ntp(self.number(u)));
            let exact = exact.or_else(|| millis(self.number(m)?));
            exact
                .or_else(|| uptime(up))
                .or_else(|| before(b))
                .or_else(|| seconds(s))
                .filter(|at| is_plausible(*at))
        };
        let start = moment(
            Item::StartSeconds,
            Item::StartMillis,
            Item::StartMicros,
            Item::StartNanos,
            Item::StartUptime,
            Item::StartBefore,
        );
        let end = moment(
            Item::EndSeconds,
            Item::EndMillis,
            Item::EndMicros,
            Item::EndNanos,
            Item::EndUptime,
            Item::EndBefore,
        );
        let observed = millis(self.number(Item::ObservedMillis).unwrap_or(0))
            .or_else(|| seconds(Item::ObservedSeconds))
            .filter(|at| is_plausible(*at));
        let length = self.number(Item::DurationMillis).map(Duration::from_millis);
        let length = length.or_else(|| self.number(Item::DurationMicros).map(Duration::from_micros));
        let end = end.or_else(|| Some(start?.plus(length?))).or(start).or(observed).unwrap_or(sent);
        let start = start.or_else(|| Some(end.minus(length?))).unwrap_or(end);
        (start.min(end), start.max(end))
    }

    fn icmp(&self) -> Option<IcmpWord> {
        let both = self.number(Item::IcmpV4).or_else(|| self.number(Item::IcmpV6));
        let both = both.and_then(|number| u16::try_from(number).ok()).map(u16::to_be_bytes);
        let apart = || {
            let code = self.number(Item::IcmpCode).unwrap_or(0);
            Some([u8::try_from(self.number(Item::IcmpType)?).ok()?, u8::try_from(code).ok()?])
        };
        both.or_else(apart).map(|[kind, code]| IcmpWord { kind, code })
    }

    /// Packets and octets: those since the last record, for these add up.
    fn count(&self, flow: &mut Flow<'a>) {
        let first = |items: &[Item]| items.iter().find_map(|item| self.number(*item));
        let initiator = [Item::InitiatorPackets, Item::InitiatorOctets];
        let responder = [Item::ResponderPackets, Item::ResponderOctets];
        flow.packets[0] =
            first(&[Item::Packets, Item::InitiatorPackets, Item::PacketsTotal, Item::PostPackets])
                .unwrap_or(0);
        flow.octets[0] =
            first(&[Item::Octets, Item::InitiatorOctets, Item::OctetsTotal, Item::PostOctets]).unwrap_or(0);
        let back_packets = first(&[Item::BackPackets, Item::ResponderPackets, Item::BackPacketsTotal]);
        let back_octets = first(&[Item::BackOctets, Item::ResponderOctets, Item::BackOctetsTotal]);
        flow.is_biflow = back_packets.or(back_octets).is_some();
        // Some count only octets.
        let some = |packets: Option<u64>, octets: u64| packets.unwrap_or(u64::from(octets > 0));
        flow.octets[1] = back_octets.unwrap_or(0);
        flow.packets[1] = some(back_packets, flow.octets[1]);
        if first(&initiator).is_some() && first(&responder).is_some() {
            flow.told = Told::Source;
        }
    }

    fn translate(&self, flow: &mut Flow<'a>) {
        let some = |address: &Address| !address.ip().is_unspecified();
        flow.source.translated = self.address(Item::NatSourceV4, Item::NatSourceV6).filter(some);
        flow.destination.translated =
            self.address(Item::NatDestinationV4, Item::NatDestinationV6).filter(some);
        let port = |item| self.port(item).filter(|port| *port > 0);
        flow.source.translated_port = port(Item::NatSourcePort);
        flow.destination.translated_port = port(Item::NatDestinationPort);
        flow.service_address = self.address(Item::ServiceV4, Item::ServiceV6).filter(some);
    }

    fn names(&self, flow: &mut Flow<'a>) {
        let labels = |item| {
            let text = std::str::from_utf8(self.octets(item)?).ok()?;
            (text.len() <= MAX_LABELS && text.starts_with('{')).then_some(text)
        };
        flow.source.namespace = self.name(Item::SourceNamespace);
        flow.source.pod = self.name(Item::SourcePod);
        flow.source.node = self.name(Item::SourceNode);
        flow.source.labels = labels(Item::SourceLabels);
        flow.destination.namespace = self.name(Item::DestinationNamespace);
        flow.destination.pod = self.name(Item::DestinationPod);
        flow.destination.node = self.name(Item::DestinationNode);
        flow.destination.labels = labels(Item::DestinationLabels);
        flow.service = self.name(Item::Service);
        let is_antrea = [Item::SourcePod, Item::DestinationPod, Item::TcpState, Item::IngressAction];
        if is_antrea.into_iter().any(|item| self.octets(item).is_some()) {
            // Connections of the node's connection tracking, as they were opened.
            flow.told = Told::Source;
            flow.is_whole = true;
            return;
        }
        if self.is_of_netobserv() {
            self.netobserv(flow);
        }
    }

    fn decide(&self, flow: &mut Flow<'a>) {
        match self.number(Item::BiflowDirection) {
            Some(1) => flow.told = Told::Source,
            Some(2) => flow.told = Told::Destination,
            // Arbitrary, or which side of a border: says nothing of who opened.
            Some(_) => flow.told = Told::Nothing,
            None => {}
        }
        let policy = |name, namespace| {
            Some(Policy { namespace: self.name(namespace).unwrap_or(""), name: self.name(name)? })
        };
        let ingress = policy(Item::IngressPolicy, Item::IngressPolicyNamespace);
        let egress = policy(Item::EgressPolicy, Item::EgressPolicyNamespace);
        if REFUSALS.contains(&self.number(Item::EgressAction)) {
            (flow.verdict, flow.policy) = (LoggedVerdict::Denied, egress);
        } else if REFUSALS.contains(&self.number(Item::IngressAction)) {
            (flow.verdict, flow.policy) = (LoggedVerdict::Denied, ingress);
        } else if self.number(Item::FirewallEvent) == Some(3) || self.is_not_forwarded() {
            flow.verdict = LoggedVerdict::Dropped;
        } else {
            flow.policy = ingress.or(egress);
        }
    }

    /// RFC 7270 §4.12: the two upper bits are the status.
    fn is_not_forwarded(&self) -> bool {
        self.number(Item::Forwarding).is_some_and(|status| status & 0xc0 == 0x80)
    }
}

fn millis(number: u64) -> Option<Timestamp> {
    if number == 0 {
        return None;
    }
    let secs = i64::try_from(number / 1000).ok()?;
    let nanos = u32::try_from(number % 1000).ok()? * 1_000_000;
    (secs < NTP_ERA * 4).then(|| Timestamp::from_secs(secs, nanos))
}

/// Seconds since 1900 and a fraction of 32 bits (RFC 7011 §6.1.9).
fn ntp(number: Option<u64>) -> Option<Timestamp> {
    let number = number.filter(|number| *number > 0)?;
    let since_1900 = i64::try_from(number >> 32).ok()?;
    let era = if since_1900 < NTP_TO_UNIX { NTP_ERA } else { 0 };
    let nanos = ((number & 0xffff_ffff) * 1_000_000_000) >> 32;
    Some(Timestamp::from_secs(since_1900 + era - NTP_TO_UNIX, u32::try_from(nanos).ok()?))
}

/// Between 2000 and 2100: an exporter that knows no time writes 0, and whatever comes out of it would
/// stretch the window of the whole report.
fn is_plausible(at: Timestamp) -> bool {
    (946_684_800..4_102_444_800).contains(&(at.as_nanos() / 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_ntp_are_right_in_both_eras() {
        let at = |secs: u64| ntp(Some(secs << 32 | 1 << 31)).unwrap();
        assert_eq!(at(2_208_988_800 + 1_795_543_370), Timestamp::from_secs(1_795_543_370, 500_000_000));
        // 7 February 2036, 06:28:16 UTC, begins the second era.
        assert_eq!(at(1), Timestamp::from_secs(2_085_978_497, 500_000_000));
    }

    #[test]
    fn uptimes_are_distances_and_wrap_around() {
        let sent = Timestamp::from_secs(1_795_543_370, 0);
        let clock = Clock { sent, uptime: Some(500), booted: None };
        assert_eq!(clock.at_uptime(400), Some(sent.minus(Duration::from_millis(100))));
        assert_eq!(clock.at_uptime(510), Some(sent.plus(Duration::from_millis(10))));
        assert_eq!(clock.at_uptime(u32::MAX - 499), Some(sent.minus(Duration::from_secs(1))));
        // A beginning that is told apart; a flow may have begun before it.
        let booted = Some(sent.minus(Duration::from_millis(500)));
        let apart = Clock { uptime: None, booted, ..clock };
        assert_eq!(apart.at_uptime(400), clock.at_uptime(400));
        assert_eq!(apart.at_uptime(u32::MAX - 499), clock.at_uptime(u32::MAX - 499));
    }
}
