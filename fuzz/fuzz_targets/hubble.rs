//! Messages of Hubble's gRPC service: whatever comes, over connections that break. Each part is a
//! message as it is, and one that holds it as its flow.

#![no_main]

use flowfence_capture::{Heard, HubbleStream, Limits, Recorder};
use flowfence_model::Timestamp;
use libfuzzer_sys::fuzz_target;

/// A message with one field, of up to 127 octets.
fn within(field: u8, octets: &[u8]) -> Vec<u8> {
    let octets = octets.get(..127).unwrap_or(octets);
    let mut message = vec![field << 3 | 2, u8::try_from(octets.len()).unwrap_or(0)];
    message.extend(octets);
    message
}

fuzz_target!(|data: &[u8]| {
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("hubble://fuzz");
    let mut stream = HubbleStream::default();
    let (mut sent, mut repeated) = (0, 0);
    for (number, part) in data.split(|octet| *octet == 0xff).enumerate() {
        if number % 3 == 0 {
            assert!(!stream.connect(Timestamp::from_nanos(1 << 60)).is_empty());
        }
        for message in [part.to_vec(), within(1, part)] {
            sent += 1;
            repeated += u64::from(stream.take(&message, &mut recorder, input) == Heard::Repeated);
        }
    }
    let recording = recorder.finish();
    let file = &recording.files[0];
    let told = file.packets + file.damaged_records + repeated;
    assert_eq!(told, sent, "every message is taken, damaged, or came before");
    assert!(recording.logged.lines <= sent);
});
