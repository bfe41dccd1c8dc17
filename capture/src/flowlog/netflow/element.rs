//! Which information elements are used, and what for.
//!
//! Numbers are IANA's (RFC 7012), which NetFlow v9 shares up to 127 and mostly beyond; RFC 5103 puts
//! those of the other direction under an enterprise of its own. Antrea's have its enterprise number;
//! netobserv's writer takes whatever number it is configured with, so that its elements are known by
//! their own numbers alone, which are far out.

/// Elements of the other direction (RFC 5103 §6.1).
const REVERSE: u32 = 29305;
/// Antrea.
const ANTREA: u32 = 56506;
/// CERT, whose YAF tells the flags of the first packet.
const CERT: u32 = 6871;
/// Numbers of netobserv's elements, under any enterprise.
const NETOBSERV: std::ops::RangeInclusive<u16> = 7733..=7738;

macro_rules! items {
    ($($name:ident $meaning:literal [$($enterprise:expr, $id:literal);*])*) => {
        /// What an element is used for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Item { $(#[doc = $meaning] $name),* }

        /// How many there are.
        pub const ITEMS: usize = [$(Item::$name),*].len();

        /// Enterprise (0 is IANA), number, and what it is.
        const ELEMENTS: &[(u32, u16, Item)] = &[$($(($enterprise, $id, Item::$name),)*)*];
    };
}

items! {
    SourceV4 "Source address." [0, 8]
    SourceV6 "Source address." [0, 27]
    DestinationV4 "Destination address." [0, 12]
    DestinationV6 "Destination address." [0, 28]
    SourcePort "Source port." [0, 7; 0, 180; 0, 182]
    DestinationPort "Destination port." [0, 11; 0, 181; 0, 183]
    Protocol "IP protocol." [0, 4]
    NextHeader "IP protocol after extension headers, where there is no other." [0, 193]
    Flags "TCP flags of all packets." [0, 6]
    BackFlags "Likewise of the other direction." [REVERSE, 6]
    FirstFlags "TCP flags of the first packet." [CERT, 14]
    BackFirstFlags "Likewise of the other direction." [CERT, 16398]
    Octets "Octets since the last record." [0, 1]
    Packets "Packets since the last record." [0, 2]
    BackOctets "Octets of the other direction since the last record." [REVERSE, 1]
    BackPackets "Packets likewise." [REVERSE, 2]
    PostOctets "Octets that left, where it has no others." [0, 23]
    PostPackets "Packets likewise." [0, 24]
    OctetsTotal "Octets since the flow began." [0, 85]
    PacketsTotal "Packets likewise." [0, 86]
    BackOctetsTotal "Octets of the other direction since the flow began." [REVERSE, 85]
    BackPacketsTotal "Packets likewise." [REVERSE, 86]
    InitiatorOctets "Octets of who opened." [0, 231]
    ResponderOctets "Octets of who was asked." [0, 232]
    InitiatorPackets "Packets of who opened." [0, 298]
    ResponderPackets "Packets of who was asked." [0, 299]
    StartUptime "Beginning, in ms of uptime." [0, 22]
    EndUptime "End, in ms of uptime." [0, 21]
    StartSeconds "Beginning, in seconds since 1970." [0, 150]
    EndSeconds "End." [0, 151]
    StartMillis "Beginning, in ms since 1970." [0, 152]
    EndMillis "End." [0, 153]
    StartMicros "Beginning, as NTP writes it." [0, 154]
    EndMicros "End." [0, 155]
    StartNanos "Beginning, as NTP writes it." [0, 156]
    EndNanos "End." [0, 157]
    StartBefore "Beginning, in µs before the export." [0, 158]
    EndBefore "End." [0, 159]
    Booted "When the exporter began to count its uptime, in ms since 1970." [0, 160]
    DurationMillis "How long it took." [0, 161]
    DurationMicros "How long it took." [0, 162]
    ObservedSeconds "When it was observed." [0, 322]
    ObservedMillis "When it was observed." [0, 323]
    IcmpV4 "ICMP type and code." [0, 32]
    IcmpV6 "ICMPv6 type and code." [0, 139]
    IcmpType "ICMP type." [0, 176; 0, 178]
    IcmpCode "ICMP code." [0, 177; 0, 179]
    Direction "Whether it was seen coming in (0) or going out (1)." [0, 61]
    BiflowDirection "Whether the source is who opened (1) or who was asked (2)." [0, 239]
    FirewallEvent "What a firewall did: 3 is a refusal." [0, 233]
    Forwarding "Whether it was forwarded: 128 to 191 is not." [0, 89]
    NatSourceV4 "Source address after translation." [0, 225]
    NatDestinationV4 "Destination address after translation." [0, 226]
    NatSourcePort "Source port after translation." [0, 227]
    NatDestinationPort "Destination port after translation." [0, 228]
    NatSourceV6 "Source address after translation." [0, 281]
    NatDestinationV6 "Destination address after translation." [0, 282]
    SamplingInterval "One packet in so many is looked at." [0, 34; 0, 50]
    SamplingPackets "So many packets in a row are looked at." [0, 305]
    SamplingSpace "So many packets in a row are passed by." [0, 306]
    SamplingSize "So many packets are looked at." [0, 309]
    SamplingPopulation "Of so many." [0, 310]
    SamplingProbability "Each packet is looked at with this probability." [0, 311]
    Selector "Which way of sampling." [0, 302; 0, 48]
    SourceNamespace "Namespace of the source's pod." [ANTREA, 100]
    SourcePod "Name of the source's pod." [ANTREA, 101]
    DestinationNamespace "Namespace of the destination's pod." [ANTREA, 102]
    DestinationPod "Name of the destination's pod." [ANTREA, 103]
    SourceNode "Node of the source's pod." [ANTREA, 104]
    DestinationNode "Node of the destination's pod." [ANTREA, 105]
    ServiceV4 "Address of the service." [ANTREA, 106; ANTREA, 168]
    ServiceV6 "Address of the service." [ANTREA, 107; ANTREA, 169]
    Service "The service, as NAMESPACE/NAME:PORT." [ANTREA, 109]
    IngressPolicy "The policy that decided at the destination." [ANTREA, 110]
    IngressPolicyNamespace "Its namespace." [ANTREA, 111]
    EgressPolicy "The policy that decided at the source." [ANTREA, 112]
    EgressPolicyNamespace "Its namespace." [ANTREA, 113]
    TcpState "State of the connection by the node's connection tracking." [ANTREA, 136]
    IngressAction "What the former did: 2 and 3 are refusals." [ANTREA, 139]
    EgressAction "Likewise the latter." [ANTREA, 140]
    SourceLabels "Labels of the source's pod, as a JSON object." [ANTREA, 143]
    DestinationLabels "Labels of the destination's pod." [ANTREA, 144]
    SeenSourceNamespace "netobserv: namespace of the source." []
    SeenSourcePod "netobserv: name of the source." []
    SeenDestinationNamespace "netobserv: namespace of the destination." []
    SeenDestinationPod "netobserv: name of the destination." []
    SeenSourceNode "netobserv: node of the source." []
    SeenDestinationNode "netobserv: node of the destination." []
}

/// netobserv's, in the order of their numbers.
const SEEN: [Item; 6] = [
    Item::SeenSourceNamespace,
    Item::SeenSourcePod,
    Item::SeenDestinationNamespace,
    Item::SeenDestinationPod,
    Item::SeenSourceNode,
    Item::SeenDestinationNode,
];

/// What an element is used for, if for anything.
pub fn item(enterprise: u32, id: u16) -> Option<Item> {
    if enterprise != 0 && NETOBSERV.contains(&id) {
        return SEEN.get(usize::from(id - NETOBSERV.start())).copied();
    }
    ELEMENTS.iter().find(|(of, number, _)| (*of, *number) == (enterprise, id)).map(|(_, _, item)| *item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_element_stands_for_two_things() {
        let mut ids: Vec<(u32, u16)> = ELEMENTS.iter().map(|(of, id, _)| (*of, *id)).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ELEMENTS.len());
    }

    #[test]
    fn netobserv_is_known_under_any_enterprise_but_iana() {
        assert_eq!(item(2, 7734), Some(Item::SeenSourcePod));
        assert_eq!(item(ANTREA, 7738), Some(Item::SeenDestinationNode));
        assert_eq!((item(0, 7734), item(2, 7739), item(2, 8)), (None, None, None));
    }
}
