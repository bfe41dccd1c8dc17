//! Many files at once: what comes out depends on what is in them, and not on how many are read at a time, what they are
//! called, or where one ends and the next one begins.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use support::program::{Run, Scratch, flowfence};
use support::{capture, shop};

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end \
                      action log-status tcp-flags\n";

/// Files that the names of rotated parts are in, in no order of time.
const PARTS: [&str; 7] = ["g", "b", "f", "a", "c", "d", "e"];

/// Numbers that look drawn, the same each time.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// Lines of a VPC log: both directions of connections at both ends, some without flags, some of them bad.
fn lines(count: u64) -> Vec<String> {
    let mut dice = 7;
    let line = |i: u64| {
        if i % 1_500 == 700 {
            return format!("cut {i}\n");
        }
        let mut draw = |below| draw(&mut dice, below);
        let (client, server) = (format!("10.42.1.{}", draw(40)), format!("10.42.2.{}", draw(8)));
        let (port, service) =
            (32_768 + draw(20_000), [80, 443, 5432, 8080][usize::try_from(draw(4)).unwrap()]);
        let (time, packets, eni, has_flags) = (1_795_514_400 + i / 50, 1 + draw(50), draw(6), draw(3) > 0);
        let action = if draw(50) == 0 { "REJECT" } else { "ACCEPT" };
        let (ends, flags) = if draw(2) == 0 {
            (format!("{client} {server} {port} {service}"), 2)
        } else {
            (format!("{server} {client} {service} {port}"), 18)
        };
        let flags = if has_flags { flags } else { 0 };
        let octets = packets * 70;
        format!("2 1 eni-{eni} {ends} 6 {packets} {octets} {time} {} {action} OK {flags}\n", time + 60)
    };
    (0..count).map(line).collect()
}

/// A log in seven rotated parts in gzip, whose times overlap.
fn rotated(scratch: &Scratch, lines: &[String], names: [&str; 7]) -> PathBuf {
    let mut parts = vec![HEADER.to_owned(); 7];
    let mut dice = 3;
    for (i, line) in lines.iter().enumerate() {
        let ahead = usize::from(draw(&mut dice, 4) == 0);
        parts[(i * 7 / lines.len() + ahead).min(6)] += line;
    }
    for (name, part) in names.iter().zip(&parts) {
        scratch.file(&format!("{name}.log.gz"), capture::gzip(part.as_bytes()));
    }
    scratch.path().to_owned()
}

fn graph(inputs: &[&Path], more: &[&str]) -> Run {
    let mut args = vec!["graph"];
    args.extend(inputs.iter().map(|path| path.to_str().unwrap()));
    args.extend(["--cluster", "none", "-o", "json", "--allow-loss", "1"]);
    args.extend(more);
    flowfence(args).ends(0)
}

/// Without the names of files, and what became of each.
fn without_files(run: &Run) -> Value {
    let mut report = run.json();
    report["completeness"].as_object_mut().unwrap().remove("files").unwrap();
    report
}

#[test]
fn rotated_parts_are_the_whole_log_whatever_they_are_called() {
    let lines = lines(6_000);
    let scratch = Scratch::new();
    let whole = scratch.file("whole.log", HEADER.to_owned() + &lines.concat());
    let whole = graph(&[&whole], &[]);
    let mut names = PARTS;
    for _ in 0..2 {
        let scratch = Scratch::new();
        let parts = rotated(&scratch, &lines, names);
        let run = graph(&[&parts], &[]);
        assert_eq!(without_files(&run), without_files(&whole));
        let sum = |run: &Run, what: &str| -> u64 {
            let report = run.json();
            let files = report["completeness"]["files"].as_array().unwrap();
            files.iter().map(|file| file[what].as_u64().unwrap()).sum()
        };
        // Each part has its header, and four lines are damaged.
        assert_eq!((sum(&run, "packets"), sum(&run, "damagedRecords")), (6_003, 4));
        names.reverse();
    }
}

#[test]
fn the_number_of_threads_changes_no_octet() {
    let scratch = Scratch::new();
    let parts = rotated(&scratch, &lines(4_000), PARTS);
    scratch.file("text.txt", "nothing that is known\n");
    let one = graph(&[&parts], &["--jobs", "1"]);
    let problems = one.json()["completeness"]["files"].to_string();
    assert!(problems.contains("line ") && one.stdout.contains("files-passed-over"), "{problems}");
    for jobs in ["2", "3", "16"] {
        let many = graph(&[&parts], &["--jobs", jobs]);
        assert_eq!((&many.stdout, &many.stderr), (&one.stdout, &one.stderr), "{jobs}");
    }
}

/// Each connection of the shop over a dozen captures, cut where the time is up.
fn captures(scratch: &Scratch) -> PathBuf {
    for (node, frames) in shop::frames().into_iter().enumerate() {
        for (i, part) in frames.chunks(frames.len() / 6 + 1).enumerate() {
            scratch.file(&format!("{}-node{node}.pcap", 9 - i), capture::pcap(part));
        }
    }
    scratch.file("vpc.log", HEADER.to_owned() + &lines(500).concat());
    scratch.path().to_owned()
}

#[test]
fn captures_are_read_in_threads_too_and_at_their_bounds_as_well() {
    let scratch = Scratch::new();
    let inputs = captures(&scratch);
    for bounds in [&[][..], &["--max-flows", "300"], &["--max-flows", "40"]] {
        let run = |jobs| graph(&[&inputs], &[bounds, &["--jobs", jobs]].concat());
        let one = run("1");
        assert_eq!(one.stdout, run("4").stdout, "{bounds:?}");
        let evicted = one.json()["completeness"]["evictions"].as_u64().unwrap();
        assert_eq!(evicted > 0, !bounds.is_empty(), "{evicted}");
    }
}

#[test]
fn captures_that_were_cut_into_files_are_the_capture() {
    let scratch = Scratch::new();
    let edges = |report: Value| -> String {
        let edge = |edge: &Value| {
            let of = |field: &str| edge[field].to_string();
            let ends =
                [of("from"), of("to"), of("port"), of("protocol"), of("established"), of("orientation")];
            ends.join(" ") + "\n"
        };
        report["edges"].as_array().unwrap().iter().map(edge).collect()
    };
    let whole: Vec<PathBuf> = shop::frames()
        .iter()
        .enumerate()
        .map(|(node, frames)| scratch.file(&format!("whole/{node}"), capture::pcap(frames)))
        .collect();
    let cut = Scratch::new();
    for (node, frames) in shop::frames().into_iter().enumerate() {
        for (i, part) in frames.chunks(frames.len() / 3 + 1).enumerate() {
            // The youngest is called as if it were the oldest.
            cut.file(&format!("{}-{node}", 9 - i), capture::pcap(part));
        }
    }
    let whole = graph(&whole.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &[]);
    assert_eq!(edges(graph(&[cut.path()], &[]).json()), edges(whole.json()));
}

#[cfg(unix)]
#[test]
fn named_pipes_and_stdin_are_read_beside_files() {
    use support::program::command;

    let lines = lines(900);
    let (first, rest) = lines.split_at(300);
    let (second, third) = rest.split_at(300);
    let log = |lines: &[String]| HEADER.to_owned() + &lines.concat();
    let scratch = Scratch::new();
    let whole = scratch.file("whole/log", log(&lines));
    let whole = graph(&[&whole], &[]);
    let file = scratch.file("first.log", log(first));
    let pipe = scratch.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut child = command();
    child.args(["graph", "--cluster", "none", "-o", "json", "--allow-loss", "1", "--jobs", "3", "-"]);
    child.args([&pipe, &file]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, log(second).as_bytes()).unwrap();
    drop(stdin);
    std::fs::write(&pipe, log(third)).unwrap();
    let output = child.wait_with_output().unwrap();
    let run = Run { code: 0, stdout: String::from_utf8(output.stdout).unwrap(), stderr: String::new() };
    assert_eq!(without_files(&run), without_files(&whole));
    let mut names = String::new();
    for file in run.json()["completeness"]["files"].as_array().unwrap() {
        writeln!(names, "{}", file["name"].as_str().unwrap().rsplit('/').next().unwrap()).unwrap();
    }
    assert_eq!(names, "-\nfirst.log\npipe\n");
}

#[test]
fn parquet_comes_in_files_pipes_and_gzip() {
    let file = "capture/tests/flow-logs/parquet/vpc-duckdb.parquet";
    let octets = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let scratch = Scratch::new();
    let packed = scratch.file("packed", capture::gzip(&octets));
    let whole = without_files(&graph(&[Path::new(file)], &[]));
    assert_eq!(whole["edges"].as_array().unwrap().len(), 4, "{whole}");
    assert_eq!(without_files(&graph(&[&packed], &[])), whole);
    let args = ["graph", "-", "--cluster", "none", "-o", "json"];
    let piped = support::program::flowfence_with(args, &octets).ends(0);
    assert_eq!(without_files(&piped), whole);
}
