//! Why a packet made no flow, or what was odd about it: one table, so that the documentation can
//! be derived from it.

use flowfence_model::Counts;

macro_rules! causes {
    ($($name:ident $token:literal $meaning:literal)*) => {
        /// A reason to count a packet (or a loss) by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Cause { $(#[doc = $meaning] $name),* }

        /// Every token that [`flowfence_model::Recording::counts`] may carry from here, with its
        /// meaning. Tokens never change.
        pub const CAUSES: &[(&str, &str)] = &[$(($token, $meaning)),*];
    };
}

causes! {
    NonIp "non-ip" "The frame carries neither IPv4, IPv6 nor ARP."
    Arp "arp" "ARP or RARP: address resolution, no connection."
    UnsupportedLinkType "unsupported-link-type" "The interface has a link type that is not decoded."
    MalformedLink "malformed-link" "The link header is shorter than the format allows, or has too many tags."
    MalformedIp "malformed-ip" "The IP header contradicts itself (version, header length, total length, extension headers)."
    MalformedTcp "malformed-tcp" "The TCP header does not fit into the IP packet."
    MalformedUdp "malformed-udp" "The UDP header does not fit into the IP packet."
    MalformedSctp "malformed-sctp" "The SCTP header does not fit into the IP packet."
    MalformedIcmp "malformed-icmp" "The ICMP header does not fit into the IP packet."
    MalformedGre "malformed-gre" "The GRE header does not fit into the IP packet."
    MalformedTunnel "malformed-tunnel" "A UDP packet to a tunnel's port is not that tunnel; it counts as ordinary UDP."
    TruncatedHeaders "truncated-headers" "The capture's snapshot length cut the packet before its ports."
    TcpFlagsCut "tcp-flags-cut" "The ports were captured and the TCP flags were not; counted as a flow without signs."
    FragmentsUnjoined "fragments-unjoined" "A later IP fragment whose first fragment was not seen."
    TunnelFragments "tunnel-fragments" "A later fragment of a tunnel's outer packet; the first told the inner flow."
    TunnelTooDeep "tunnel-too-deep" "More tunnels inside one another than the limit."
    OtherIpProtocol "other-ip-protocol" "An IP protocol without ports (ESP, OSPF, VRRP, ...)."
    NonUnicast "non-unicast" "Source or destination is multicast, broadcast or unspecified: not a connection."
    LoopbackAddress "loopback-address" "Source or destination is loopback (127.0.0.0/8, `::1`): never leaves its host."
    LinkLocalControl "link-local-control" "IGMP, MLD, neighbour and router discovery."
    OtherIcmp "other-icmp" "An ICMP message that is neither a query, an answer nor an error."
    IcmpErrorIgnored "icmp-error-ignored" "An ICMP error that refuses nothing (time exceeded, too big, redirect, parameter)."
    IcmpErrorUnmatched "icmp-error-unmatched" "A destination unreachable whose quoted packet names no flow."
    FlowsEvicted "flows-evicted" "Flow records given up because the limit of flows was reached."
    DnsNamesDropped "dns-names-dropped" "Names from DNS answers that a bound kept out."
    DnsQuestionsDropped "dns-questions-dropped" "Questions for names whose shape a bound kept out; beyond 256 distinct names of a client below one zone none is looked at."
    TapsOverflowed "taps-overflowed" "Packets of taps beyond 65,535; they share one."
    InterfaceDrops "interface-drops" "Packets that a captured interface or its driver had no room for."
    KernelDrops "kernel-drops" "Packets that the kernel dropped because a reader's ring was full."
    BlocksMissing "blocks-missing" "Blocks of flow files that are missing between others; what only they had is lost."
    Unheard "cause-unknown" "Counted in a flow file under a cause that this version does not know."
    LogLost "log-events-lost" "Events that a flow log says it lost, or skipped for want of capacity."
    LogNodesMissing "log-nodes-missing" "Nodes that a flow log says it could not hear."
    LogOtherCluster "log-other-cluster" "Pods of other clusters in a flow log (Cilium Cluster Mesh), each once: they are told by their addresses, whatever pod here has their name, and no NetworkPolicy selects them."
    LogOther "log-lines-other" "Lines of a flow log that repeat what others say, or are about something else."
    LogEmpty "log-lines-empty" "Lines of a flow log that say that there was nothing to log."
    LogIncomplete "log-lines-incomplete" "Lines of a flow log without addresses, ports, protocol or time."
    ConversationsOverflowed "conversations-overflowed" "Lines of flow logs whose conversation the limit kept out."
    MalformedExport "malformed-export" "Datagrams of flow exporters (NetFlow, IPFIX, sFlow), or sets in them, that are cut or contradict themselves."
    ExportsLost "exports-lost" "Records of flow exporters that never came, by the gaps between their sequence numbers."
    ExportsUntemplated "exports-untemplated" "Data sets of flow exporters whose template did not come before they had to be given up."
    ExportsEarly "exports-early" "Data sets of flow exporters that came before their template, and were read once it came."
    ExportsRepeated "exports-repeated" "Datagrams of flow exporters that came again, as a capture of several interfaces sees them: counted once."
    ExportsUnread "exports-unread" "Packets that look like what flow exporters send, and were read as traffic alone: `--netflow` reads what they tell."
    FlowsSampled "flows-sampled" "Records of flow exporters and lines of flow logs that look at a sample of the packets: counts are estimates, and what is rare was missed."
    TimeBackwards "time-backwards" "Packets more than a second older than one before them in the same input."
}

impl Cause {
    /// As outputs have it.
    pub(crate) fn token(self) -> &'static str {
        CAUSES.get(self as usize).map_or("", |(token, _)| token)
    }
}

/// Counts by cause, without a map look-up a packet.
#[derive(Clone, Debug)]
pub(crate) struct Tally([u64; CAUSES.len()]);

impl Default for Tally {
    fn default() -> Self {
        Tally([0; CAUSES.len()])
    }
}

impl Tally {
    /// Counts one more.
    pub(crate) fn add(&mut self, cause: Cause) {
        self.add_many(cause, 1);
    }

    /// Counts `n` more.
    pub(crate) fn add_many(&mut self, cause: Cause, n: u64) {
        if let Some(count) = self.0.get_mut(cause as usize) {
            *count += n;
        }
    }

    /// Counts what another has counted.
    pub(crate) fn add_all(&mut self, other: &Tally) {
        for (count, n) in self.0.iter_mut().zip(other.0) {
            *count += n;
        }
    }

    /// What was counted, by token.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for ((token, _), n) in CAUSES.iter().zip(self.0) {
            counts.add(token, n);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_kebab_case_and_distinct() {
        let tokens: std::collections::BTreeSet<_> = CAUSES.iter().map(|(token, _)| token).collect();
        assert_eq!(tokens.len(), CAUSES.len());
        assert!(tokens.iter().all(|t| t.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }

    #[test]
    fn a_cause_is_counted_under_its_own_token() {
        let mut tally = Tally::default();
        tally.add(Cause::TimeBackwards);
        tally.add_many(Cause::NonIp, 3);
        assert_eq!(tally.counts().get("time-backwards"), 1);
        assert_eq!(tally.counts().get("non-ip"), 3);
        assert_eq!(tally.counts().iter().count(), 2);
    }
}
