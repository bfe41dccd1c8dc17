//! Datagrams of flow exporters (NetFlow v5 and v9, IPFIX, sFlow), several after one another, so that templates, data
//! that waits for them and sequence numbers meet.

#![no_main]

use std::net::SocketAddr;

use flowfence_capture::{Limits, Recorder};
use flowfence_model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut recorder = Recorder::new(Limits { max_flows: 64, ..Limits::default() });
    let input = recorder.begin_input("fuzz");
    let at = Timestamp::from_secs(1_795_543_370, 0);
    let mut rest = data;
    let mut datagrams = 0;
    // An octet says who sends, two how long what follows is.
    while let Some((&[exporter, high, low], behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
        let (datagram, next) = behind.split_at(length);
        let exporter = SocketAddr::from(([192, 0, 2, exporter & 3], 4739));
        recorder.export(input, exporter, at, datagram);
        datagrams += 1;
        rest = next;
    }
    let recording = recorder.finish();
    let logged = &recording.logged;
    assert!(logged.conversations.len() as u64 <= recording.files[0].packets, "a record is one conversation at most");
    assert!(logged.lines <= recording.files[0].packets);
    for conversation in &logged.conversations {
        assert!(conversation.counts.first <= conversation.counts.last);
    }
    assert!(recording.counts.get("malformed-export") <= datagrams * 70_000);
    assert_eq!(recording.packets, 0, "nothing was captured");
});
