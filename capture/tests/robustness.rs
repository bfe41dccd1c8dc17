//! No bytes make the decoder panic, whatever the link type.

mod support;

use flowfence_capture::{Interface, Limits, LinkType, RawPacket, Recorder};
use proptest::prelude::*;
use support::{A, B, at, ethernet, handshake, vxlan};

const LINKS: [u16; 10] = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276];

fn feed(link: u16, data: &[u8], original_len: u32) {
    let mut recorder = Recorder::new(Limits { max_flows: 2, ..Limits::default() });
    let input = recorder.begin_input("any");
    let interface = Interface { number: 0, link_type: LinkType(link), name: None };
    for millis in 0..2 {
        recorder.packet(input, &interface, &RawPacket { time: at(millis), original_len, data });
    }
    assert_eq!(recorder.finish().packets, 2);
}

/// The chain says that a hop-by-hop header follows, in a place where none may be, and ends there.
#[test]
fn an_extension_chain_that_ends_early_is_not_read_beyond() {
    let chain = [44, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9];
    for end in 0..=chain.len() {
        let ip = support::packet(
            support::A6,
            support::B6,
            pnet_packet::ip::IpNextHeaderProtocols::Hopopt,
            &chain[..end],
        );
        feed(101, &ip, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(data in proptest::collection::vec(any::<u8>(), 0..300), original_len in any::<u32>()) {
        for link in LINKS {
            feed(link, &data, original_len);
        }
    }

    #[test]
    fn damaged_packets_never_panic(flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..12), cut in any::<usize>()) {
        let dns = support::datagram(B, A, (53, 4000), b"\0\x01\x81\x80\0\x01\0\x01\0\0\0\0\x03abc\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04\x01\x02\x03\x04");
        for frame in [ethernet(&dns), ethernet(&vxlan(4789, &ethernet(&handshake()[1])))] {
            let mut frame = frame;
            for (at, value) in &flips {
                let at = at % frame.len();
                frame[at] = *value;
            }
            feed(1, &frame[..cut % (frame.len() + 1)], u32::try_from(frame.len()).unwrap());
        }
    }
}
