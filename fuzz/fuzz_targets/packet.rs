//! Packets of every link type, a few in a row so that state is met again.

#![no_main]

use flowfence_capture::{EXPORT_PORTS, Interface, Limits, LinkType, RawPacket, Recorder};
use flowfence_model::Timestamp;
use libfuzzer_sys::fuzz_target;

const LINKS: [u16; 8] = [1, 101, 113, 276, 0, 108, 228, 147];

fuzz_target!(|data: &[u8]| {
    let Some(([link, size, more, step], mut rest)) = data.split_first_chunk::<4>() else { return };
    let mut recorder = Recorder::new(Limits { max_flows: 8, ..Limits::default() });
    if more & 1 == 1 {
        recorder = recorder.with_exports(&EXPORT_PORTS);
    }
    let input = recorder.begin_input("fuzz");
    let link_type = LinkType(LINKS[usize::from(*link) % LINKS.len()]);
    let interface = Interface { number: 0, link_type, name: None };
    let size = usize::from(*size).max(1) * 2;
    let mut packets = 0;
    while !rest.is_empty() {
        let (packet, others) = rest.split_at(size.min(rest.len()));
        rest = others;
        let time = Timestamp::from_secs(i64::from(*step) * packets, 0);
        let original_len = u32::try_from(packet.len()).unwrap_or(0) + u32::from(*more);
        recorder.packet(input, &interface, &RawPacket { time, original_len, data: packet });
        packets += 1;
    }
    let recording = recorder.finish();
    assert_eq!(recording.packets, u64::try_from(packets).unwrap_or(0));
    assert!(recording.records.len() <= 8);
    let counted: u64 = recording.records.iter().map(|r| r.forward.packets + r.reverse.packets).sum();
    assert!(counted <= recording.packets, "a packet counts once");
    for (_, names) in recording.names.iter() {
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_graphic())));
    }
});
