//! `flows FILE…`: how many flows, packets and octets captures hold, on one line of JSON.

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::process::ExitCode;

use flowfence_capture::{Limits, Recorder, read_capture};
use flowfence_model::Protocol;

fn main() -> ExitCode {
    let mut recorder = Recorder::new(Limits::default());
    for path in std::env::args().skip(1) {
        let result = File::open(&path)
            .map_err(Into::into)
            .and_then(|file| read_capture(file, &path, &mut recorder, &mut |_| {}));
        if let Err(error) = result {
            eprintln!("{path}: {error}");
            return ExitCode::from(3);
        }
    }
    let recording = recorder.finish();
    let (mut packets, mut octets, mut udp) = (0, 0, 0_u64);
    for record in &recording.records {
        packets += record.forward.packets + record.reverse.packets;
        octets += record.forward.octets + record.reverse.octets;
        udp += u64::from(record.protocol == Protocol::Udp);
    }
    println!(
        "{{\"packets\":{},\"flows\":{},\"udp_flows\":{udp},\"used\":{packets},\"ip_bytes\":{octets},\"taps\":{},\"damaged\":{},\"truncated\":{}}}",
        recording.packets,
        recording.records.len(),
        recording.taps.len(),
        recording.files.iter().map(|f| f.damaged_records).sum::<u64>(),
        recording.files.iter().filter(|f| f.truncated).count(),
    );
    for (cause, n) in recording.counts.iter() {
        eprintln!("{cause}: {n}");
    }
    for file in recording.files.iter().filter(|f| f.truncated || f.damaged_records > 0) {
        eprintln!("{}: {file:?}", file.name);
    }
    ExitCode::SUCCESS
}
