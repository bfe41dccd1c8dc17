//! Every link type and every tunnel leads to the same inner flow.

mod support;

use flowfence_capture::LinkType;
use flowfence_model::{Protocol, Signs};
use support::{
    A, A6, ACK, B, B6, ICMP6, SCTP, SYN, SYN_ACK, TCP, UDP, at, datagram, ends, ethernet, handshake, only,
    packet, record, record_at, record_cut, segment, short, tagged, tcp, udp, vxlan,
};

/// Puts an IP packet into what carries it.
type Wrap = fn(&[u8]) -> Vec<u8>;

fn cooked_v1(ip: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    frame.extend(support::ether_type(ip));
    frame.extend(ip);
    frame
}

fn cooked_v2(ifindex: u32, ip: &[u8]) -> Vec<u8> {
    let mut frame = support::ether_type(ip).to_vec();
    frame.extend([0, 0]);
    frame.extend(ifindex.to_be_bytes());
    frame.extend([0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
    frame.extend(ip);
    frame
}

fn prefixed(prefix: &[u8], ip: &[u8]) -> Vec<u8> {
    [prefix, ip].concat()
}

fn gre(flags: u8, protocol: u16, optional: usize, inner: &[u8]) -> Vec<u8> {
    let mut header = vec![flags, 0];
    header.extend(protocol.to_be_bytes());
    header.extend(vec![7; optional]);
    header.extend(inner);
    packet("172.18.0.2", "172.18.0.3", pnet_packet::ip::IpNextHeaderProtocols::Gre, &header)
}

fn geneve(protocol: u16, options: u8, inner: &[u8]) -> Vec<u8> {
    let mut payload = vec![options, 0];
    payload.extend(protocol.to_be_bytes());
    payload.extend([0, 0, 9, 0]);
    payload.extend(vec![0; usize::from(options) * 4]);
    payload.extend(inner);
    datagram("172.18.0.2", "172.18.0.3", (50_000, 6081), &payload)
}

#[test]
fn every_link_type_leads_to_the_same_connection() {
    let cases: [(LinkType, Wrap); 12] = [
        (LinkType::ETHERNET, ethernet),
        (LinkType::ETHERNET, |ip| tagged(&[(0x8100, 5)], ip)),
        (LinkType::ETHERNET, |ip| tagged(&[(0x88a8, 5), (0x8100, 6)], ip)),
        (LinkType::ETHERNET, |ip| tagged(&[(0x9100, 5), (0x8100, 6)], ip)),
        (LinkType::LINUX_SLL, cooked_v1),
        (LinkType::LINUX_SLL2, |ip| cooked_v2(3, ip)),
        (LinkType::NULL, |ip| prefixed(&[2, 0, 0, 0], ip)),
        (LinkType::NULL, |ip| prefixed(&[0, 0, 0, 2], ip)),
        (LinkType::LOOP, |ip| prefixed(&[0, 0, 0, 2], ip)),
        (LinkType::RAW, <[u8]>::to_vec),
        (LinkType::RAW_12, <[u8]>::to_vec),
        (LinkType::IPV4, <[u8]>::to_vec),
    ];
    for (link, wrap) in cases {
        let recording = record(link, &handshake().map(|ip| wrap(&ip)));
        let flow = only(&recording);
        assert_eq!(ends(&recording), ["10.244.1.5:40000 -> 10.244.2.9:80"], "{link:?}");
        assert_eq!((flow.forward.packets, flow.reverse.packets, flow.forward.octets), (2, 1, 80));
        assert_eq!((flow.forward.isn(), flow.reverse.isn()), (Some(100), Some(900)));
        assert_eq!((flow.first, flow.last, flow.protocol), (at(0), at(2), Protocol::Tcp));
    }
}

#[test]
fn every_tunnel_is_opened_and_is_no_connection_of_its_own() {
    let wraps: [Wrap; 11] = [
        |ip| vxlan(4789, &ethernet(ip)),
        |ip| vxlan(8472, &ethernet(ip)),
        |ip| vxlan(8472, &tagged(&[(0x8100, 9)], ip)),
        |ip| geneve(0x6558, 0, &ethernet(ip)),
        |ip| geneve(0x6558, 3, &ethernet(ip)),
        |ip| geneve(0x0800, 1, ip),
        |ip| gre(0, 0x0800, 0, ip),
        |ip| gre(0xb0, 0x0800, 12, ip),
        |ip| gre(0x20, 0x6558, 4, &ethernet(ip)),
        |ip| packet("172.18.0.2", "172.18.0.3", pnet_packet::ip::IpNextHeaderProtocols::Ipv4, ip),
        |ip| packet("fd00::2", "fd00::3", pnet_packet::ip::IpNextHeaderProtocols::Ipv4, ip),
    ];
    for (n, wrap) in wraps.into_iter().enumerate() {
        let recording = record(LinkType::ETHERNET, &handshake().map(|ip| ethernet(&wrap(&ip))));
        assert_eq!(
            ends(&recording),
            ["10.244.1.5:40000 -> 10.244.2.9:80"],
            "wrap {n}: {:?}",
            recording.counts
        );
        assert_eq!(recording.taps[0].depth, 1);
        assert_eq!(recording.counts.iter().count(), 0);
    }
}

#[test]
fn udp_to_a_tunnel_port_that_is_no_tunnel_is_ordinary_udp() {
    for port in [4789, 8472, 6081] {
        let asked = ethernet(&datagram(A, B, (40_000, port), b"statsd.requests:1|c"));
        let recording = record(LinkType::ETHERNET, &[asked]);
        assert_eq!(only(&recording).b.port, port);
        assert_eq!(recording.counts.get("malformed-tunnel"), 1);
    }
}

#[test]
fn tunnels_beyond_the_limit_are_counted() {
    let mut ip = handshake()[0].clone();
    for _ in 0..9 {
        ip = vxlan(4789, &ethernet(&ip));
    }
    let recording = record(LinkType::ETHERNET, &[ethernet(&ip)]);
    assert_eq!((recording.records.len(), recording.counts.get("tunnel-too-deep")), (0, 1));
}

#[test]
fn the_same_packet_at_four_hops_is_four_records_where_hops_are_told_apart() {
    let hops: Vec<Vec<u8>> = handshake()
        .iter()
        .flat_map(|ip| {
            let tunnelled = vxlan(8472, &ethernet(ip));
            [cooked_v2(7, ip), cooked_v2(3, ip), cooked_v2(5, ip), cooked_v2(2, &tunnelled)]
        })
        .collect();
    let recording = record(LinkType::LINUX_SLL2, &hops);
    assert_eq!((recording.records.len(), recording.taps.len()), (4, 4));
    assert!(recording.records.iter().all(|r| (r.forward.packets, r.reverse.packets) == (2, 1)));
    assert_eq!(
        recording.taps.iter().map(|t| (t.interface, t.depth)).collect::<Vec<_>>(),
        [(7, 0), (3, 0), (5, 0), (2, 1)]
    );
}

#[test]
fn hops_that_cannot_be_told_apart_make_no_second_connection() {
    let twice: Vec<Vec<u8>> = handshake().iter().flat_map(|ip| [ethernet(ip), ethernet(ip)]).collect();
    let recording = record(LinkType::ETHERNET, &twice);
    assert_eq!(only(&recording).forward.packets, 4);
}

#[test]
fn ipv6_and_its_extension_headers_are_passed_over() {
    let syn = tcp((40_000, 80), SYN, 1, 0).bytes();
    let mut extended = vec![60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0];
    extended.extend(&syn);
    for payload in [(TCP, syn), (pnet_packet::ip::IpNextHeaderProtocols::Hopopt, extended)] {
        let recording = record(LinkType::RAW, &[packet(A6, B6, payload.0, &payload.1)]);
        assert_eq!(ends(&recording), ["[fd00:1::5]:40000 -> [fd00:2::9]:80"]);
        assert_eq!(only(&recording).forward.octets, 40 + payload.1.len() as u64);
    }
}

#[test]
fn ipv4_options_are_passed_over() {
    let mut ip = segment(A, B, tcp((40_000, 80), SYN, 1, 0));
    ip[0] = 0x46;
    ip[3] += 4;
    ip.splice(20..20, [1, 1, 1, 0]);
    assert_eq!(ends(&record(LinkType::RAW, &[ip])), ["10.244.1.5:40000 -> 10.244.2.9:80"]);
}

#[test]
fn later_fragments_join_the_flow_of_the_first() {
    let whole = udp((40_000, 9000), &[7; 64]);
    let part = |bytes: &[u8], offset: u16, more: bool| {
        let mut ip = packet(A, B, UDP, bytes);
        ip[4..6].copy_from_slice(&77_u16.to_be_bytes());
        ip[6..8].copy_from_slice(&((offset / 8) | u16::from(more) << 13).to_be_bytes());
        ip
    };
    let fragments =
        [part(&whole[..32], 0, true), part(&whole[32..64], 32, true), part(&whole[64..], 64, false)];
    let recording = record(LinkType::RAW, &fragments);
    assert_eq!((only(&recording).forward.packets, only(&recording).forward.octets), (3, 72 + 60));
    let orphan = record(LinkType::RAW, &fragments[1..]);
    assert_eq!((orphan.records.len(), orphan.counts.get("fragments-unjoined")), (0, 2));
}

#[test]
fn ipv6_fragments_are_joined_too() {
    let whole = udp((40_000, 9000), &[7; 40]);
    let part = |bytes: &[u8], offset: u16, more: bool| {
        let mut payload = vec![17, 0];
        payload.extend((offset | u16::from(more)).to_be_bytes());
        payload.extend([0, 0, 0, 9]);
        payload.extend(bytes);
        packet(A6, B6, pnet_packet::ip::IpNextHeaderProtocols::Ipv6Frag, &payload)
    };
    let recording = record(LinkType::RAW, &[part(&whole[..32], 0, true), part(&whole[32..], 32, false)]);
    assert_eq!(only(&recording).forward.packets, 2);
}

#[test]
fn later_fragments_of_a_tunnel_are_not_the_nodes_talking() {
    let outer = vxlan(4789, &ethernet(&datagram(A, B, (1000, 2000), &[1; 64])));
    let mut first = outer[..76].to_vec();
    first[2..4].copy_from_slice(&76_u16.to_be_bytes());
    first[4..8].copy_from_slice(&[0, 5, 0x20, 0]);
    let mut second = [&outer[..20], &outer[76..]].concat();
    let length = short(second.len());
    second[2..4].copy_from_slice(&length.to_be_bytes());
    second[4..8].copy_from_slice(&[0, 5, 0, 7]);
    let recording = record(LinkType::RAW, &[first, second]);
    assert_eq!(ends(&recording), ["10.244.1.5:1000 -> 10.244.2.9:2000"]);
    assert_eq!((only(&recording).forward.packets, recording.counts.get("tunnel-fragments")), (1, 1));
}

#[test]
fn an_sctp_association_is_one_flow_with_its_tags() {
    let chunk = |ports: (u16, u16), tag: u32, kind: u8, value: &[u8]| {
        let mut bytes = ports.0.to_be_bytes().to_vec();
        bytes.extend(ports.1.to_be_bytes());
        bytes.extend(tag.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend([kind, 0]);
        bytes.extend(short(4 + value.len()).to_be_bytes());
        bytes.extend(value);
        bytes
    };
    let there = |tag, kind, value: &[u8]| packet(A, B, SCTP, &chunk((5000, 3868), tag, kind, value));
    let back = |tag, kind, value: &[u8]| packet(B, A, SCTP, &chunk((3868, 5000), tag, kind, value));
    let recording = record(
        LinkType::RAW,
        &[
            there(0, 1, &[0, 0, 0, 11, 0, 0, 0, 0]),
            back(11, 2, &[0, 0, 0, 22, 0, 0, 0, 0]),
            there(22, 10, &[]),
            back(11, 0, &[0; 12]),
            there(22, 7, &[0; 4]),
        ],
    );
    let flow = only(&recording);
    assert_eq!((flow.forward.isn(), flow.reverse.isn()), (Some(11), Some(22)));
    assert!(flow.forward.signs.has(Signs::OPEN.union(Signs::SEGMENT).union(Signs::FIN)));
    assert!(flow.reverse.signs.has(Signs::ACCEPT.union(Signs::PAYLOAD)));
}

#[test]
fn payload_counts_by_the_ip_length_and_not_by_what_was_captured() {
    let mut with_data = tcp((40_000, 80), ACK, 1, 1);
    with_data.payload = &[5; 100];
    let padded = |mut frame: Vec<u8>| {
        frame.extend([0; 6]);
        frame
    };
    let full = ethernet(&segment(A, B, with_data));
    let empty = padded(ethernet(&segment(A, B, tcp((40_000, 80), ACK, 1, 1))));
    let cut = record_cut(LinkType::ETHERNET, &[(0, full)], 54);
    assert!(only(&cut).forward.signs.has(Signs::PAYLOAD));
    assert_eq!(only(&cut).forward.octets, 140);
    let padded = record(LinkType::ETHERNET, &[empty]);
    assert!(!only(&padded).forward.signs.has(Signs::PAYLOAD));
    assert_eq!(only(&padded).forward.octets, 40);
}

#[test]
fn a_total_length_of_zero_is_segmentation_offload() {
    let mut with_data = tcp((40_000, 80), ACK, 1, 1);
    with_data.payload = &[5; 3000];
    let mut ip = segment(A, B, with_data);
    ip[2..4].fill(0);
    let recording = record_cut(LinkType::ETHERNET, &[(0, ethernet(&ip))], 96);
    assert_eq!(only(&recording).forward.octets, 3040);
}

#[test]
fn flags_that_were_cut_off_cost_the_signs_and_not_the_flow() {
    let frame = ethernet(&vxlan(4789, &ethernet(&handshake()[0])));
    let cut = record_cut(LinkType::ETHERNET, &[(0, frame.clone())], 96);
    assert_eq!((only(&cut).forward.signs, cut.counts.get("tcp-flags-cut")), (Signs::default(), 1));
    let less = record_cut(LinkType::ETHERNET, &[(0, frame)], 85);
    assert_eq!((less.records.len(), less.counts.get("truncated-headers")), (0, 1));
}

#[test]
fn a_syn_with_data_proves_nothing() {
    let mut fast_open = tcp((40_000, 80), SYN, 1, 0);
    fast_open.payload = b"GET /";
    let recording = record(LinkType::RAW, &[segment(A, B, fast_open)]);
    assert!(!only(&recording).forward.signs.has(Signs::PAYLOAD));
}

#[test]
fn what_is_no_connection_between_hosts_is_counted_by_cause() {
    let arp = [&[0xff; 12][..], &[0x08, 0x06], &[0; 28]].concat();
    let lldp = [&[1; 12][..], &[0x88, 0xcc], &[0; 28]].concat();
    let cases = [
        (arp, "arp"),
        (lldp, "non-ip"),
        (ethernet(&datagram("0.0.0.0", "255.255.255.255", (68, 67), b"x")), "non-unicast"),
        (ethernet(&datagram(A, "224.0.0.251", (5353, 5353), b"x")), "non-unicast"),
        (ethernet(&datagram("127.0.0.1", "127.0.0.1", (1, 2), b"x")), "loopback-address"),
        (ethernet(&packet("fe80::1", "ff02::16", ICMP6, &[143, 0, 0, 0, 0, 0, 0, 0])), "link-local-control"),
        (ethernet(&packet(A6, B6, ICMP6, &[135, 0, 0, 0, 0, 0, 0, 0])), "link-local-control"),
        (ethernet(&packet(A, B, pnet_packet::ip::IpNextHeaderProtocols::Esp, &[0; 20])), "other-ip-protocol"),
        (vec![0; 9], "malformed-link"),
    ];
    for (frame, cause) in cases {
        let recording = record(LinkType::ETHERNET, &[frame]);
        assert_eq!(
            (recording.records.len(), recording.counts.get(cause)),
            (0, 1),
            "{cause}: {:?}",
            recording.counts
        );
    }
    assert_eq!(record(LinkType(147), &[vec![0; 60]]).counts.get("unsupported-link-type"), 1);
}

#[test]
fn half_a_wire_tells_both_sequence_numbers_of_each_connection() {
    let answer = |isn, acks| segment(B, A, tcp((80, 40_000), SYN_ACK, isn, acks));
    let recording =
        record_at(LinkType::RAW, &[(0, answer(900, 101)), (5, answer(900, 101)), (9000, answer(950, 501))]);
    assert_eq!(recording.records.len(), 2);
    let flow = &recording.records[0];
    assert_eq!((flow.forward.isn(), flow.reverse.isn(), flow.reverse.packets), (Some(900), Some(100), 0));
}
