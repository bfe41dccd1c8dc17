//! Lines that cannot be read, and inputs that are not what they seem: they cost themselves only, and
//! somebody is told.

mod logs;

use std::io::Write as _;

use flowfence_capture::{FORMATS, Form, Limits, Recorder, read_capture};
use flowfence_model::Recording;
use logs::{octets, read, told, try_read};

/// A sample of each format, and whether its lines are JSON.
const SAMPLES: [(&str, bool); 13] = [
    ("hubble/exporter.jsonl", true),
    ("gke-policy/node.jsonl", true),
    ("gcp-vpc/cloud-logging.jsonl", true),
    ("netobserv/flows.jsonl", true),
    ("calico/flows.jsonl", true),
    ("suricata-eve/eve.json", true),
    ("zeek/conn.json", true),
    ("envoy-access/access.jsonl", true),
    ("otel-network/flows.jsonl", true),
    ("zeek/conn.log", false),
    ("conntrack/events.txt", false),
    ("aws-vpc/version5.log", false),
    ("aws-vpc/default.log", false),
];

/// What came of a log, whatever its lines were numbered.
fn gist(recording: &Recording) -> String {
    let told = told(recording);
    told.lines().filter(|line| !line.starts_with("problem")).collect::<Vec<_>>().join("\n")
}

/// The sample with this put behind its third line, after the heads of those that have one.
fn with_bad_line(sample: &[u8], bad: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let at = if sample.starts_with(b"#separator") { 9 } else { 3 };
    for (i, line) in sample.split_inclusive(|octet| *octet == b'\n').enumerate() {
        out.extend_from_slice(line);
        if i + 1 == at {
            out.extend_from_slice(bad);
            out.push(b'\n');
        }
    }
    out
}

#[track_caller]
fn costs_itself_only(bad: &[u8], only_json: bool) {
    for (file, is_json) in SAMPLES {
        if only_json && !is_json {
            continue;
        }
        let sample = octets(file);
        let recording = read(&with_bad_line(&sample, bad));
        let report = &recording.files[0];
        assert_eq!((report.damaged_records, report.problems.len()), (1, 1), "{file}: {:?}", report.problems);
        assert_eq!(gist(&recording), gist(&read(&sample)), "{file}");
        let line = if file == "zeek/conn.log" { "line 10" } else { "line 4" };
        assert!(report.problems[0].contains(line), "{file}: {:?}", report.problems);
        assert!(report.problems[0].chars().count() < 250 && !report.problems[0].contains(char::is_control));
    }
}

#[test]
fn every_format_has_a_sample() {
    let tokens: Vec<&str> = SAMPLES.iter().filter_map(|(file, _)| file.split('/').next()).collect();
    for (token, folder) in
        [("hubble", "hubble"), ("zeek-conn", "zeek"), ("aws-vpc", "aws-vpc"), ("conntrack", "conntrack")]
    {
        assert!(Form::known(token).is_some() && tokens.contains(&folder), "{token}");
    }
    assert!(FORMATS.iter().all(|format| Form::known(format.token).is_some()));
}

#[test]
fn rubbish_is_counted_with_its_line_and_shown() {
    costs_itself_only(b"rubbish", false);
    let report = read(&with_bad_line(&octets("hubble/exporter.jsonl"), b"rubbish \x1b[31m and more")).files;
    assert!(report[0].problems[0].ends_with("line 4: not the JSON of a Hubble event: rubbish [31m and more"));
}

#[test]
fn octets_that_are_not_utf_8_are_counted() {
    costs_itself_only(b"{\"IP\":\"\xff\xfe\xfd\"}", false);
    costs_itself_only(b"\xc3\x28\xa0", false);
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    costs_itself_only(&vec![b'x'; (1 << 20) + 7], false);
}

#[test]
fn an_object_that_is_too_long_is_passed_over() {
    let sample = octets("hubble/exporter.jsonl");
    let long = format!("{{\"flow\":\"{}\"}}", "y".repeat(17 << 20));
    let recording = read(&with_bad_line(&sample, long.as_bytes()));
    assert_eq!((gist(&recording), recording.files[0].damaged_records), (gist(&read(&sample)), 1));
}

#[test]
fn deep_nesting_is_counted() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    costs_itself_only(format!("{{\"flow\":{deep}}}").as_bytes(), true);
    costs_itself_only(deep.as_bytes(), true);
}

#[test]
fn nesting_in_a_member_that_nobody_reads_does_no_harm() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let sample = String::from_utf8(octets("hubble/exporter.jsonl")).expect("a text");
    let line = sample.lines().next().expect("a line");
    let nested = line.replacen(r#""uuid""#, &format!(r#""extensions":{deep},"uuid""#), 1);
    let recording = read(format!("{line}\n{nested}\n{line}\n").as_bytes());
    assert_eq!((recording.logged.lines, recording.files[0].damaged_records), (3, 0));
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_change_nothing() {
    for (file, _) in SAMPLES {
        let sample = octets(file);
        let mut windows = b"\xef\xbb\xbf".to_vec();
        for octet in &sample {
            if *octet == b'\n' {
                windows.push(b'\r');
            }
            windows.push(*octet);
        }
        assert_eq!(told(&read(&windows)), told(&read(&sample)), "{file}");
    }
}

#[test]
fn empty_lines_and_a_missing_last_line_end_change_nothing() {
    for (file, _) in SAMPLES {
        let sample = octets(file);
        let text = String::from_utf8(sample.clone()).expect("a text");
        let spaced = text.replace('\n', "\n\n  \n");
        assert_eq!(gist(&read(spaced.as_bytes())), gist(&read(&sample)), "{file}");
        assert_eq!(told(&read(text.trim_end().as_bytes())), told(&read(&sample)), "{file}");
    }
}

#[test]
fn compression_is_opened_by_content() {
    for (file, _) in SAMPLES {
        let sample = octets(file);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&sample).expect("memory");
        let zstd = zstd::encode_all(&sample[..], 1).expect("memory");
        for packed in [gzip.finish().expect("memory"), zstd] {
            assert_eq!(told(&read(&packed)), told(&read(&sample)), "{file}");
        }
    }
}

#[test]
fn a_compressed_log_that_was_cut_tells_what_it_has() {
    let sample = octets("hubble/exporter.jsonl").repeat(200);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&sample).expect("memory");
    let packed = gzip.finish().expect("memory");
    let recording = read(&packed[..packed.len() / 2]);
    assert!(recording.files[0].truncated && recording.logged.lines > 100, "{:?}", recording.files);
}

#[test]
fn a_file_that_was_cut_says_so() {
    for (file, is_json) in SAMPLES {
        let sample = octets(file);
        let last = sample[..sample.len() - 1].iter().rposition(|octet| *octet == b'\n').expect("lines") + 1;
        // Half of an address at least: a text may be cut where it still reads well.
        let whole = read(&sample[..last]);
        let cut = read(&sample[..last + 20]);
        let report = &cut.files[0];
        if is_json || file.starts_with("aws") || file.starts_with("conntrack") {
            assert_eq!(
                (report.truncated, report.damaged_records),
                (true, 1),
                "{file}: {:?}",
                report.problems
            );
            assert_eq!(gist(&cut), gist(&whole), "{file}");
        }
    }
}

#[test]
fn a_log_that_begins_in_the_middle_of_a_line_is_still_known() {
    for file in
        ["hubble/exporter.jsonl", "conntrack/list.txt", "aws-vpc/default.log", "netobserv/flows.jsonl"]
    {
        let sample = octets(file);
        let recording = read(&sample[23..]);
        assert!(recording.files[0].damaged_records <= 1, "{file}: {:?}", recording.files);
        assert!(recording.logged.lines + recording.records.len() as u64 > 1, "{file}");
    }
}

#[test]
fn an_input_that_is_no_log_says_what_it_looks_like() {
    let archive = [&[b'a'; 100][..], &[0; 157], b"ustar\0"].concat();
    // However much is looked at, one of these ends within a character there.
    let list = format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\"{}", "ü".repeat(1 << 20));
    let later = format!(" {list}");
    let cases: [(&[u8], &str); 13] = [
        (list.as_bytes(), "Kubernetes objects"),
        (later.as_bytes(), "Kubernetes objects"),
        (b"", "empty"),
        (&archive, "an archive of tar"),
        (b"apiVersion: v1\nkind: Pod\n", "Kubernetes objects; give them with --cluster"),
        (b"time,from,to,port\n1,2,3,4\n", "--format map:FILE"),
        (b"{\"kind\":\"Pod\"}\n", "JSON"),
        (b"<html></html>", "XML or HTML"),
        (b"a,b,c\n1,2,3\n", "text"),
        (b"\xff\xfe{\0\"\0", "text in UTF-16"),
        (b"\xfe\xff\0{\0\"", "text in UTF-16"),
        (b"\x7fELF\x02\x01", "a program"),
        (b"BZh91AY&SY", "bzip2"),
    ];
    for (input, expected) in cases {
        let error = try_read(input).expect_err("no log").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_log_that_is_read_as_another_format_says_which_one_it_looks_like() {
    let mut recorder = Recorder::new(Limits::default()).reading_logs_as(Form::known("hubble"));
    read_capture(&octets("aws-vpc/default.log")[..], "log", &mut recorder, &mut |_| {}).expect("read");
    let report = &recorder.finish().files[0];
    assert_eq!(report.damaged_records, 13);
    assert_eq!(report.problems[0], "octet 0: looks like aws-vpc (AWS VPC flow logs) and is read as hubble");
}

#[test]
fn no_more_problems_are_told_than_anybody_reads() {
    let rubbish = [octets("hubble/exporter.jsonl"), b"rubbish\n".repeat(1000)].concat();
    let report = &read(&rubbish).files[0];
    assert_eq!((report.damaged_records, report.problems.len()), (1000, 8));
}
