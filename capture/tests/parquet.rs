//! Tables in Parquet tell what the logs tell that they were made of.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

#[path = "logs/mod.rs"]
mod logs;

use flowfence_capture::{Form, Limits, Recorder, read_capture};
use flowfence_model::Recording;
use logs::{octets, sample, told};

/// What a table tells, beside what a log told that it was made of.
fn same(table: &str, log: &str) {
    let (table, log) = (sample(&format!("parquet/{table}")), sample(log));
    let without_problems = |recording: &Recording| {
        let told = told(recording);
        told.lines().filter(|line| !line.starts_with("problem")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(without_problems(&table), without_problems(&log));
    let [file] = table.files.as_slice() else { panic!("one file") };
    assert!(file.problems.is_empty() && file.damaged_records == 0 && !file.truncated, "{file:?}");
}

fn mapped(table: &[u8], mapping: &str) -> Recording {
    let form = Form::mapping(mapping).unwrap();
    let mut recorder = Recorder::new(Limits::default()).reading_logs_as(Some(form));
    read_capture(table, "table", &mut recorder, &mut |_| {}).unwrap();
    recorder.finish()
}

#[test]
fn aws_vpc_typed_and_in_gzip_is_the_log() {
    same("vpc-pyarrow-gzip.parquet", "aws-vpc/version5.log");
}

#[test]
fn aws_vpc_with_every_encoding_is_the_log() {
    same("vpc-pyarrow-v2.parquet", "aws-vpc/version5.log");
}

#[test]
fn aws_vpc_as_text_with_none_and_dashes_is_the_log() {
    same("vpc-polars-text.parquet", "aws-vpc/version5.log");
}

#[test]
fn aws_vpc_with_timestamps_decimals_and_floats_is_the_log() {
    same("vpc-duckdb.parquet", "aws-vpc/version5.log");
}

#[test]
fn flat_objects_are_the_log() {
    same("netobserv-pyarrow.parquet", "netobserv/flows.jsonl");
}

#[test]
fn groups_within_groups_are_the_log() {
    same("gcp-duckdb.parquet", "gcp-vpc/cloud-logging.jsonl");
}

#[test]
fn any_table_is_read_by_a_mapping() {
    let mapping = r#"
        tcp_flags = "flags"
        [time]
        first = "at"
        [source]
        address = "from"
        namespace = "ns"
        pod = "pod"
        labels = "labels"
        [destination]
        address = "/to/ip"
        port = "/to/port"
    "#;
    insta::assert_snapshot!(told(&mapped(&octets("parquet/mapped-pyarrow.parquet"), mapping)));
}
