//! Whatever a file in Parquet says: no panic comes out, memory and time are bounded, and what is sound is read.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

#[path = "logs/mod.rs"]
mod logs;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use flowfence_capture::{CaptureError, Limits, RandomAccess, Recorder, read_table};
use flowfence_model::Recording;
use logs::{octets, try_read};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use proptest::sample::Index;

const SAMPLES: [&str; 7] = [
    "vpc-pyarrow-gzip",
    "vpc-pyarrow-v2",
    "vpc-polars-text",
    "vpc-duckdb",
    "netobserv-pyarrow",
    "gcp-duckdb",
    "mapped-pyarrow",
];

const SCHEMA: &str = "message vpc {
    optional binary srcaddr (UTF8); optional binary dstaddr (UTF8); required int32 srcport; required int32 dstport;
    required int32 protocol; required int32 start; required int32 end; optional binary comment (UTF8);
}";

/// A table of so many rows in groups, each of whose comments has so many octets.
fn table(groups: usize, rows: usize, comment: usize) -> Vec<u8> {
    let properties = Arc::new(WriterProperties::builder().build());
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut octets = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut octets, schema, properties).unwrap();
    for _ in 0..groups {
        let mut group = writer.next_row_group().unwrap();
        let texts = ["10.42.1.7", "10.42.2.9"].map(str::to_owned).into_iter();
        let levels = vec![1_i16; rows];
        let mut texts = texts.chain([".".repeat(comment)]);
        let numbers = [40_000, 8080, 6, 1_795_514_400, 1_795_514_460];
        let mut numbers = numbers.into_iter();
        while let Some(mut column) = group.next_column().unwrap() {
            if let ColumnWriter::Int32ColumnWriter(_) = column.untyped() {
                let values = vec![numbers.next().unwrap(); rows];
                column.typed::<Int32Type>().write_batch(&values, None, None).unwrap();
            } else {
                let values = vec![ByteArray::from(texts.next().unwrap().as_str()); rows];
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    octets
}

/// Counts what is read.
struct Counted(Vec<u8>, Arc<AtomicU64>);

impl RandomAccess for Counted {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn octets(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.1.fetch_add(length as u64, Ordering::Relaxed);
        self.0.octets(offset, length)
    }
}

fn read(octets: Vec<u8>) -> (Result<Recording, CaptureError>, u64) {
    let count = Arc::new(AtomicU64::new(0));
    let mut recorder = Recorder::new(Limits::default());
    let file: Arc<dyn RandomAccess> = Arc::new(Counted(octets, Arc::clone(&count)));
    let result = read_table(&file, "table", &mut recorder, &mut |_| {});
    (result.map(|()| recorder.finish()), count.load(Ordering::Relaxed))
}

/// The last place of `wanted` before the footer's end.
fn place(octets: &[u8], wanted: &[u8]) -> usize {
    octets.windows(wanted.len()).rposition(|window| window == wanted).unwrap()
}

#[test]
fn every_row_of_every_group_is_told() {
    let (recording, _) = read(table(3, 3000, 4));
    let recording = recording.unwrap();
    assert_eq!((recording.logged.lines, recording.files[0].packets), (9000, 9000));
    assert_eq!(recording.logged.conversations.len(), 1);
}

#[test]
fn a_column_that_nobody_asks_for_is_not_read() {
    let octets = table(1, 50, 100_000);
    let size = octets.len() as u64;
    let (recording, read) = read(octets);
    assert_eq!(recording.unwrap().logged.lines, 50);
    assert!(size > 100_000 && read < size, "{read} of {size}");
    let octets = table(8, 20_000, 30);
    assert_eq!(self::read(octets).0.unwrap().logged.lines, 160_000);
}

#[test]
fn a_damaged_page_costs_the_rest_of_its_group_and_is_counted() {
    let mut octets = table(2, 100, 4);
    // The dictionary of the first group's first column: a text longer than the page.
    let at = octets.windows(9).position(|window| window == b"10.42.1.7").unwrap();
    octets[at - 1] = 0x7f;
    let (recording, _) = read(octets);
    let recording = recording.unwrap();
    let file = &recording.files[0];
    assert_eq!((recording.logged.lines, file.damaged_records, file.truncated), (100, 100, true), "{file:?}");
    assert!(
        file.problems[0].starts_with("row 1: ")
            && file.problems[0].ends_with("100 rows from here on are lost")
    );
}

#[test]
fn bad_rows_are_counted_with_their_number() {
    let mut octets = table(1, 3, 4);
    let at = octets.windows(9).position(|window| window == b"10.42.1.7").unwrap();
    octets[at] = b'x';
    let (recording, _) = read(octets);
    let file = &recording.unwrap().files[0];
    assert_eq!((file.packets, file.damaged_records, file.problems.len()), (0, 3, 3));
    assert!(file.problems[1].starts_with("row 2: an address cannot be read: "), "{:?}", file.problems);
}

#[test]
fn a_file_without_its_end_or_with_another_is_named() {
    let whole = octets("parquet/vpc-duckdb.parquet");
    for (damaged, said) in [
        (whole[..whole.len() - 1].to_vec(), "before its footer"),
        (whole[..6].to_vec(), "before its footer"),
        (b"PAR1".to_vec(), "before its footer"),
        ([b"PAR1....".as_slice(), &[0xff, 0xff, 0xff, 0x7f], b"PAR1"].concat(), "before its footer"),
        ([b"PAR1....".as_slice(), &[0; 4], b"PARE"].concat(), "encrypted"),
        ([b"PAR1....".as_slice(), &[4, 0, 0, 0], b"PAR1"].concat(), "footer is damaged"),
    ] {
        let error = try_read(&damaged).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let error = try_read(&octets("parquet/mapped-pyarrow.parquet")).unwrap_err().to_string();
    assert!(error.contains("--format map:FILE (columns: from, to/ip, to/port, flags, labels"), "{error}");
}

#[test]
fn a_file_that_says_it_has_a_world_of_rows_ends() {
    // The number of rows, as the footer has it behind the sizes of the one group: 100 and 100 million.
    let mut octets = table(1, 100, 4);
    let tail = octets.len() - 8;
    let length = u32::from_le_bytes(octets[tail..tail + 4].try_into().unwrap()) as usize;
    let footer = &octets[tail - length..tail];
    let at = tail - length + place(footer, &[0x16, 0xc8, 0x01]);
    // A number may take more octets: the footer grows by three.
    octets.splice(at..at + 3, [0x16, 0x80, 0x84, 0xaf, 0x5f]);
    let tail = octets.len() - 8;
    octets[tail..tail + 4].copy_from_slice(&u32::try_from(length + 2).unwrap().to_le_bytes());
    let (recording, _) = read(octets);
    let Ok(recording) = recording else { return };
    assert!(recording.files[0].packets <= 100 && recording.files[0].truncated);
}

/// Its panics are caught, and would fill the screen.
fn silence_the_crate() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|at| at.file().contains("/parquet-")) {
                others(panic);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Octets that were changed, taken out or doubled, most of them near the end: there is the footer.
    #[test]
    fn nothing_that_a_file_says_takes_the_run_down(
        which in 0..SAMPLES.len(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>(), 0..4_u8, any::<bool>()), 1..6),
    ) {
        let mut octets = octets(&format!("parquet/{}.parquet", SAMPLES[which]));
        for (at, value, how, is_near_end) in changes {
            let from = if is_near_end { octets.len() * 2 / 3 } else { 4 };
            let at = from + at.index(octets.len() - from);
            match how {
                0 => octets[at] = value,
                1 => octets[at] ^= 1 << (value % 8),
                2 => { octets.remove(at); }
                _ => octets.insert(at, value),
            }
        }
        silence_the_crate();
        if let Ok(recording) = try_read(&octets) {
            prop_assert!(recording.files[0].problems.len() <= 8);
        }
    }
}
