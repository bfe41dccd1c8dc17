//! Files in every shape, sound and damaged.

mod support;

use std::io::{self, Read, Write};

use flowfence_capture::{CaptureError, Limits, Recorder, is_capture, read_capture};
use flowfence_model::{Recording, Timestamp};
use proptest::prelude::*;
use support::file::{self, Order, Timed};
use support::{A, B, SYN, at, ethernet, segment, tcp};

fn read(file: &[u8]) -> Result<Recording, CaptureError> {
    read_from(file)
}

fn read_from(input: impl Read) -> Result<Recording, CaptureError> {
    let mut recorder = Recorder::new(Limits::default());
    read_capture(input, "test", &mut recorder, &mut |_| {})?;
    Ok(recorder.finish())
}

/// SYNs from ports 1000, 1001, …, a second and 250 ms apart.
fn packets(n: u16) -> Vec<Timed> {
    let start = u64::try_from(at(0).as_nanos()).expect("in range");
    (0..n)
        .map(|i| {
            let syn = segment(A, B, tcp((1000 + i, 80), SYN, u32::from(i), 0));
            (start + u64::from(i) * 1_250_000_000, ethernet(&syn))
        })
        .collect()
}

fn time(packets: &[Timed], i: usize) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(packets[i].0).expect("in range"))
}

#[test]
fn every_flavour_of_pcap_is_read() {
    let packets = packets(5);
    for order in [Order::Big, Order::Little] {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
            let file = file::pcap(order, magic, 1, &packets);
            let recording = read(&file).unwrap();
            assert_eq!(recording.records.len(), 5, "{order:?} {magic:x}");
            assert_eq!(recording.records[3].first, time(&packets, 3));
            assert_eq!((recording.files[0].octets, recording.files[0].packets), (file.len() as u64, 5));
            assert!(is_capture(&file[..24]));
        }
    }
}

#[test]
fn the_length_of_a_check_sequence_beside_the_link_type_is_no_link_type() {
    let file = file::pcap(Order::Little, 0xa1b2_c3d4, 0x5400_0001, &packets(1));
    assert_eq!(read(&file).unwrap().records.len(), 1);
}

#[test]
fn pcapng_sections_interfaces_and_clocks_are_read() {
    let packets = packets(4);
    let secs = packets[0].0 / 1_000_000_000;
    let mut file = file::pcapng(Order::Little, &packets[..1]);
    file.extend(file::section(Order::Big));
    let offset = (secs.to_be_bytes(), [9]);
    file.extend(file::described(Order::Big, 1, 0, &[(2, b"eth0"), (9, &offset.1)]));
    file.extend(file::described(Order::Big, 1, 0, &[(2, b"eth1"), (9, &[0x8a]), (14, &offset.0)]));
    file.extend(file::enhanced(Order::Big, 0, packets[1].0, &packets[1].1));
    file.extend(file::enhanced(Order::Big, 1, 2_560, &packets[2].1));
    file.extend(file::block(Order::Big, 0x0bad, b"someone else's"));
    let mut obsolete = vec![0, 0, 0, 0];
    obsolete.extend(packets[3].0.to_be_bytes());
    obsolete.extend([file::size(packets[3].1.len()).to_be_bytes(); 2].concat());
    obsolete.extend(&packets[3].1);
    file.extend(file::block(Order::Big, 2, &obsolete));
    let recording = read(&file).unwrap();
    let times: Vec<_> = recording.records.iter().map(|r| r.first).collect();
    assert_eq!(times, [time(&packets, 0), time(&packets, 1), time(&packets, 2), time(&packets, 3)]);
    let taps: Vec<_> = recording.taps.iter().map(|t| (t.interface, t.name.as_deref())).collect();
    assert_eq!(taps, [(0, None), (1, Some("eth0")), (2, Some("eth1"))]);
}

#[test]
fn an_interface_that_says_the_same_in_a_later_section_is_the_same_tap() {
    let packets = packets(2);
    let file = [file::pcapng(Order::Little, &packets[..1]), file::pcapng(Order::Big, &packets[1..])].concat();
    let recording = read(&file).unwrap();
    assert_eq!((recording.records.len(), recording.taps.len()), (2, 1));
}

#[test]
fn simple_packets_are_cut_at_the_snapshot_length() {
    let (_, frame) = &packets(1)[0];
    let mut file = file::section(Order::Little);
    file.extend(file::described(Order::Little, 1, 50, &[]));
    let body = [&file::size(frame.len()).to_le_bytes(), &frame[..50], &[0xff; 2]].concat();
    file.extend(file::block(Order::Little, 3, &body));
    assert_eq!(read(&file).unwrap().records.len(), 1);
}

#[test]
fn gzip_members_and_zstd_are_opened_by_content() {
    let file = file::plain(&packets(4000));
    let gzip = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    let members = [gzip(&file[..1000]), gzip(&file[1000..])].concat();
    let zstd = zstd::encode_all(&file[..], 3).unwrap();
    for compressed in [members, zstd] {
        assert!(is_capture(&compressed));
        let mut seen = 0;
        let mut recorder = Recorder::new(Limits::default());
        read_capture(&compressed[..], "x", &mut recorder, &mut |octets| seen = octets).unwrap();
        assert_eq!((recorder.finish().records.len(), seen), (4000, compressed.len() as u64));
        let cut = read(&compressed[..compressed.len() - 20]).unwrap();
        assert!(cut.files[0].truncated && !cut.files[0].problems.is_empty());
    }
}

#[test]
fn what_is_no_capture_is_an_error_that_says_what_it_looks_like() {
    let message = |bytes: &[u8]| {
        assert!(!is_capture(bytes));
        read(bytes).unwrap_err().to_string()
    };
    assert!(message(b"").contains("empty"));
    assert!(message(b"apiVersion: v1\nkind: Pod\n").contains("Kubernetes"));
    assert!(message(b"\xfd7zXZ\0rest").contains("xz"));
    assert!(message(&file::plain(&[])[..20]).contains("ends after 20 octets"));
    assert!(message(&[0x1f, 0x8b, 8, 0, 0, 0]).contains("cannot be opened"));
    assert!(message(&[7; 100]).contains("binary"));
    assert!(message(b"\x0c\xa5\x02\0\0\x01\x07\x01").contains("nfdump -o json"));
    assert!(message(b"\0\x0a\0\x40\x69\x24\x15\xc0\0\0\0\0\0\0\0\0").contains("ipfix://"));
    let mut recorder = Recorder::new(Limits::default());
    assert!(read_capture(&b"text"[..], "x", &mut recorder, &mut |_| {}).is_err());
    assert!(recorder.finish().files.is_empty(), "an unusable input leaves no report");
}

#[test]
fn an_error_of_the_input_is_an_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk"))
        }
    }
    assert!(matches!(read_from(Failing), Err(CaptureError::Io(_))));
}

#[test]
fn a_record_that_is_cut_costs_itself() {
    let whole = file::plain(&packets(10));
    for missing in [1, 20, 53, 54, 60, 69] {
        let recording = read(&whole[..whole.len() - missing]).unwrap();
        assert_eq!(recording.records.len(), 9, "{missing}");
        assert!(recording.files[0].truncated && recording.files[0].damaged_records == 0);
    }
}

#[test]
fn garbage_in_the_middle_costs_itself() {
    let (head, tail) = (packets(20), packets(40).split_off(20));
    let garbage: Vec<u8> =
        (0..1237_u32).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    let cases = [
        [file::plain(&head), garbage.clone(), file::plain(&tail).split_off(24)].concat(),
        [file::pcapng(Order::Little, &head), garbage, file::pcapng(Order::Little, &tail).split_off(48)]
            .concat(),
    ];
    for file in cases {
        let recording = read(&file).unwrap();
        let report = &recording.files[0];
        assert_eq!((recording.records.len(), report.damaged_records, report.skipped_octets), (40, 1, 1237));
        assert_eq!(report.problems.len(), 1);
    }
}

#[test]
fn a_length_that_runs_over_good_records_does_not_swallow_them() {
    for (bit, name) in [(1 << 14, "grown"), (1 << 30, "absurd")] {
        let mut file = file::plain(&packets(200));
        let at = 24 + 70 * 50 + 8;
        let length = u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) ^ bit;
        file[at..at + 4].copy_from_slice(&length.to_le_bytes());
        let recording = read(&file).unwrap();
        assert_eq!((recording.records.len(), recording.files[0].damaged_records), (199, 1), "{name}");
    }
}

#[test]
fn packets_of_interfaces_that_nobody_described_are_counted() {
    let packets = packets(3);
    let mut file = file::pcapng(Order::Little, &packets[..2]);
    file.extend(file::enhanced(Order::Little, 9, 0, &packets[2].1));
    let recording = read(&file).unwrap();
    assert_eq!((recording.records.len(), recording.files[0].damaged_records), (2, 1));
}

#[test]
fn ours_reads_what_pcap_parser_reads() {
    use pcap_parser::traits::PcapReaderIterator;
    let file = file::plain(&packets(100));
    let mut reader = pcap_parser::LegacyPcapReader::new(65_536, &file[..]).unwrap();
    let mut theirs = 0;
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                theirs += u64::from(matches!(block, pcap_parser::PcapBlockOwned::Legacy(_)));
                reader.consume(offset);
            }
            Err(pcap_parser::PcapError::Eof) => break,
            Err(pcap_parser::PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(read(&file).unwrap().packets, theirs);
}

/// Gives octets in pieces of odd sizes.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 * 31 % 101 + 1;
        let n = self.1.min(buffer.len()).min(self.0.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn summary(recording: Result<Recording, CaptureError>) -> String {
    match recording {
        Ok(r) => format!("{:?} {:?} {:?} {:?}", r.records, r.files, r.counts, r.taps),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read_in_pieces_as_at_once(
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        start in 0..5_usize,
    ) {
        let head: Vec<u8> = match start {
            0 => vec![],
            1 => file::plain(&packets(2)),
            2 => file::pcapng(Order::Little, &packets(2)),
            3 => file::pcapng(Order::Big, &packets(2)),
            _ => file::pcap(Order::Big, 0xa1b2_3c4d, 1, &packets(1)),
        };
        let file = [head, bytes].concat();
        prop_assert_eq!(summary(read(&file)), summary(read_from(Dribble(&file, 7))));
    }

    #[test]
    fn flipped_bits_lose_few_records(flips in proptest::collection::vec(any::<usize>(), 1..10), ng in any::<bool>()) {
        let mut file = if ng { file::pcapng(Order::Little, &packets(60)) } else { file::plain(&packets(60)) };
        let start = if ng { 48 } else { 24 };
        for flip in &flips {
            let at = start + flip / 8 % (file.len() - start);
            file[at] ^= 1 << (flip % 8);
        }
        let whole = read(&file).unwrap();
        prop_assert_eq!(summary(read(&file)), summary(read_from(Dribble(&file, 3))));
        let report = &whole.files[0];
        let noticed = whole.packets + report.damaged_records + u64::from(report.truncated);
        prop_assert!(whole.packets + 3 * flips.len() as u64 >= 60, "{} of 60, {report:?}", whole.packets);
        // A flipped block type makes a block that is none of our business, and no damage.
        prop_assert!(noticed + flips.len() as u64 >= 60 || report.skipped_octets > 0);
    }
}
