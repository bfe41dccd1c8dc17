//! AWS VPC flow logs: every version by the names of its fields, and the traps.

mod logs;

use flowfence_capture::{Form, Limits, Recorder, read_capture};
use flowfence_model::Recording;
use logs::{read_lines, sample, told, who};

const DIRECTED: &str = "srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags";
const WEB: &str = "10.42.1.10 10.42.2.20 40000 8080 6";
const API: &str = "10.42.2.20 10.42.1.10 8080 40000 6";
const TIME: &str = "1795514400 1795514460";

/// Lines of a log that has flags.
fn directed(lines: &[String]) -> Recording {
    let mut all = vec![DIRECTED];
    all.extend(lines.iter().map(String::as_str));
    read_lines(&all)
}

fn only(recording: &Recording) -> String {
    let lines = who(recording);
    assert_eq!(lines.len(), 1, "{lines:#?} {}", told(recording));
    lines[0].clone()
}

#[test]
fn version_2_without_header() {
    insta::assert_snapshot!(told(&sample("aws-vpc/default.log")));
}

#[test]
fn version_5_with_header() {
    insta::assert_snapshot!(told(&sample("aws-vpc/version5.log")));
}

#[test]
fn version_11_in_an_order_of_its_own() {
    insta::assert_snapshot!(told(&sample("aws-vpc/version11.log")));
}

#[test]
fn a_cloudwatch_export_has_a_moment_before_each_line() {
    let recording = sample("aws-vpc/cloudwatch-export.log");
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown");
    assert_eq!(recording.counts.get("log-lines-empty"), 1);
}

#[test]
fn what_the_command_line_of_cloudwatch_prints_is_read() {
    // Of a row of a query one field is a line.
    for (file, lines) in [("logs-tail.log", 3), ("query-results.json", 2)] {
        let recording = sample(&format!("aws-vpc/{file}"));
        assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown", "{file}");
        assert_eq!(recording.counts.get("log-lines-empty"), 1, "{file}");
        let [report] = recording.files.as_slice() else { panic!("{file}") };
        assert_eq!((report.packets, report.damaged_records), (lines, 0), "{file}");
    }
}

#[test]
fn a_table_of_athena_or_logs_insights_tells_what_its_lines_would() {
    let lines = told(&sample("aws-vpc/default.log"));
    for table in ["athena.csv", "insights.csv"] {
        assert_eq!(told(&sample(&format!("aws-vpc/{table}"))), lines, "{table}");
    }
    let broken = read_lines(&[
        "srcaddr,dstaddr,srcport,dstport,protocol",
        "10.42.1.10,10.42.2.20,40000,8080,6",
        "10.42.1.10,\"10.42",
    ]);
    assert_eq!(only(&broken), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown");
    assert!(broken.files[0].problems[0].contains("a quote is not closed"), "{:?}", broken.files[0].problems);
}

#[test]
fn names_with_underscores_are_the_same_names() {
    let recording = read_lines(&[&DIRECTED.replace('-', "_"), &format!("{WEB} 1 60 {TIME} 2")]);
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
}

#[test]
fn the_addresses_of_packets_are_those_of_pods() {
    let recording = read_lines(&[
        &format!("{DIRECTED} pkt-srcaddr pkt-dstaddr"),
        &format!("192.0.2.1 192.0.2.2 40000 8080 6 1 60 {TIME} 2 10.42.1.10 10.42.2.20"),
        &format!("10.42.1.10 10.42.2.20 40000 8080 6 1 60 {TIME} 2 - -"),
    ]);
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
}

#[test]
fn a_syn_tells_who_opened_and_a_syn_with_ack_who_answered() {
    for flags in [2, 3, 6, 7] {
        let recording = directed(&[format!("{WEB} 9 900 {TIME} {flags}")]);
        assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen", "{flags}");
        assert!(!recording.logged.conversations[0].counts.answered);
    }
    for flags in [18, 19, 22] {
        let recording = directed(&[format!("{API} 9 900 {TIME} {flags}")]);
        assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen", "{flags}");
        assert!(recording.logged.conversations[0].counts.answered);
        assert_eq!(recording.logged.conversations[0].counts.packets, [0, 9]);
    }
}

#[test]
fn an_interval_without_a_syn_tells_nothing_of_who_opened() {
    for flags in ["0", "1", "16", "-"] {
        let recording =
            directed(&[format!("{WEB} 9 900 {TIME} {flags}"), format!("{API} 9 900 {TIME} {flags}")]);
        assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown", "{flags}");
    }
}

#[test]
fn other_intervals_tell_who_serves() {
    let recording = directed(&[
        format!("10.42.1.11 10.42.2.20 41000 8080 6 1 60 {TIME} 2"),
        format!("{API} 9 900 {TIME} 0"),
    ]);
    let lines = who(&recording);
    assert_eq!(
        lines,
        ["10.42.1.10 -> 10.42.2.20 TCP/8080 inferred", "10.42.1.11 -> 10.42.2.20 TCP/8080 seen"]
    );
}

#[test]
fn nothing_but_a_reset_of_who_was_asked_is_a_refusal() {
    let refused = |line: String| {
        let recording = directed(&[line]);
        let counts = recording.logged.conversations[0].counts;
        (counts.refused, counts.packets)
    };
    assert_eq!(refused(format!("{API} 1 40 {TIME} 4")), (1, [0, 0]));
    assert_eq!(refused(format!("{WEB} 1 40 {TIME} 4")), (0, [0, 0]), "the one who asked gave up");
    assert_eq!(refused(format!("{API} 9 9000 {TIME} 4")), (0, [0, 9]), "data came before");
    assert_eq!(refused(format!("{API} 1 40 {TIME} 5")), (0, [0, 1]), "it ended, too");
}

#[test]
fn reject_is_no_policys_word() {
    let recording = read_lines(&[
        &format!("{DIRECTED} action"),
        &format!("{WEB} 1 60 {TIME} 2 REJECT"),
        &format!("{WEB} 1 60 {TIME} 2 ACCEPT"),
    ]);
    assert_eq!(
        who(&recording),
        ["10.42.1.10 -> 10.42.2.20 TCP/8080 seen", "10.42.1.10 -> 10.42.2.20 TCP/8080 seen dropped"]
    );
}

#[test]
fn both_interfaces_are_two_observers_of_one_conversation() {
    for name in ["interface-id", "flow-direction"] {
        let recording = read_lines(&[
            &format!("{DIRECTED} {name}"),
            &format!("{WEB} 9 900 {TIME} 2 egress"),
            &format!("{WEB} 9 900 {TIME} 2 ingress"),
        ]);
        only(&recording);
        let packets: Vec<u64> = recording.logged.conversations.iter().map(|c| c.counts.packets[0]).collect();
        assert_eq!(packets, [9, 9], "{name}");
    }
}

#[test]
fn skipped_data_is_lost_and_no_data_is_nothing() {
    let recording = sample("aws-vpc/default.log");
    assert_eq!((recording.counts.get("log-events-lost"), recording.counts.get("log-lines-empty")), (1, 1));
    assert_eq!(recording.files[0].damaged_records, 0);
}

#[test]
fn a_field_that_is_not_logged_is_no_damage() {
    let incomplete = [
        ("srcaddr dstaddr srcport protocol", "10.42.1.10 10.42.2.20 40000 6"),
        ("srcaddr dstaddr srcport dstport", "10.42.1.10 10.42.2.20 40000 8080"),
    ];
    for (header, line) in incomplete {
        let recording = read_lines(&[header, line]);
        let file = &recording.files[0];
        assert_eq!((recording.counts.get("log-lines-incomplete"), file.damaged_records), (1, 0), "{header}");
    }
    let timeless = read_lines(&["srcaddr dstaddr srcport dstport protocol", WEB]);
    assert_eq!(only(&timeless), "10.42.1.10 -> 10.42.2.20 TCP/8080 unknown");
}

#[test]
fn a_line_that_was_cut_is_damaged_wherever_it_was() {
    let line = format!("2 123456789012 eni-0a {WEB} 10 1400 {TIME} ACCEPT OK");
    let last_field = line.len() - 2;
    for cut in "2 123456789012 eni-0a 1".len()..last_field {
        let recording = logs::read(format!("{line}\n{}", &line[..cut]).as_bytes());
        let file = &recording.files[0];
        assert_eq!(
            (recording.logged.lines, file.damaged_records, file.truncated),
            (1, 1, true),
            "{}",
            &line[..cut]
        );
    }
}

#[test]
fn values_that_cannot_be_are_damage() {
    for (good, bad) in [
        ("10.42.1.10", "10.42.1.300"),
        ("40000", "70000"),
        (" 6 ", " six "),
        ("1795514400", "yesterday"),
        ("1795514460", "99999999999999999999999"),
    ] {
        let line = format!("{WEB} 1 60 {TIME} 2");
        let recording = directed(&[line.clone(), line.replacen(good, bad, 1)]);
        assert_eq!((recording.logged.lines, recording.files[0].damaged_records), (1, 1), "{bad}");
        assert!(recording.files[0].problems[0].contains("line 3: "), "{:?}", recording.files[0].problems);
    }
}

#[test]
fn tabs_and_a_second_header_further_on_are_read() {
    let recording = read_lines(&[
        &DIRECTED.replace(' ', "\t"),
        &format!("{WEB} 1 60 {TIME} 2").replace(' ', "\t"),
        "dstaddr srcaddr dstport srcport protocol tcp-flags",
        "10.42.2.20 10.42.1.10 8080 40001 6 2",
    ]);
    assert_eq!(only(&recording), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
    assert_eq!((recording.logged.lines, recording.files[0].damaged_records), (2, 0));
}

#[test]
fn an_action_that_is_not_known_allows_nothing() {
    let with =
        |action: &str| read_lines(&[&format!("{DIRECTED} action"), &format!("{WEB} 1 60 {TIME} 2 {action}")]);
    assert_eq!(only(&with("-")), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
    assert_eq!(only(&with("REJECT")), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen dropped");
    let recording = with("INSPECT");
    assert_eq!((recording.logged.lines, recording.counts.get("log-lines-other")), (0, 1));
}

/// Lines without a header, by the fields that they are said to have.
fn with_fields(fields: &str, line: &str) -> Recording {
    let form = Form::vpc(fields).expect("fields");
    let mut recorder = Recorder::new(Limits::default()).reading_logs_as(Some(form));
    read_capture(line.as_bytes(), "log", &mut recorder, &mut |_| {}).expect("a log");
    recorder.finish()
}

#[test]
fn fields_of_lines_without_a_header_may_be_said() {
    let line = format!("vpc-1 {WEB} 1 60 {TIME} 2");
    let expected = "10.42.1.10 -> 10.42.2.20 TCP/8080 seen";
    let bare = format!("vpc-id {DIRECTED}");
    let braced = bare.split(' ').map(|name| format!("${{{name}}}")).collect::<Vec<_>>().join(" ");
    for fields in [bare.as_str(), &bare.replace(' ', ","), &braced] {
        assert_eq!(only(&with_fields(fields, &line)), expected, "{fields}");
    }
    assert_eq!(only(&read_lines(&[&braced, &line])), expected);
    for (fields, missing) in [
        ("dstaddr protocol", "srcaddr"),
        ("srcaddr protocol", "dstaddr"),
        ("srcaddr dstaddr", "protocol"),
        ("", "srcaddr"),
    ] {
        assert!(Form::vpc(fields).expect_err("too few").contains(missing), "{fields}");
    }
}
