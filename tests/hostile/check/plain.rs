//! Texts of lines.

use regex::Regex;

use super::at;
use crate::injection::MARK;
use crate::markdown::Page;
use crate::runner;

/// Nothing that a terminal obeys, and nothing that hides or reorders what stands there.
pub fn terminal(text: &str) -> Vec<String> {
    let is_hidden = |c: char| {
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    };
    let is_wrong = |c: &char| (c.is_control() && *c != '\n') || is_hidden(*c);
    let faults =
        text.lines().filter_map(|line| line.chars().find(is_wrong).map(|c| at(&format!("{c:?}"), line)));
    faults.collect()
}

/// No line that the runner of a CI job obeys.
pub fn log(text: &str) -> Vec<String> {
    let is_old = |line: &str| line.to_lowercase().contains("##vso[") || line.contains("##[");
    let is_command = |line: &&str| runner::command(line).is_some() || is_old(line);
    text.lines().filter(is_command).map(|line| at("a command", line)).collect()
}

/// The same for data, which holds every text as it is: no line begins as a command.
pub fn data(text: &str) -> Vec<String> {
    let begins = |line: &&str| {
        runner::command(line).is_some()
            || ["##vso[", "##["].iter().any(|old| line.trim_start().starts_with(old))
    };
    text.lines().filter(begins).map(|line| at("a command", line)).collect()
}

/// Annotations alone, with the properties that they may have.
pub fn annotations(text: &str) -> Vec<String> {
    let is_ours = |line: &str| {
        runner::command(line).is_some_and(|command| {
            ["error", "warning", "notice"].contains(&command.name.as_str())
                && command.properties.keys().all(|key| ["file", "line", "title"].contains(&key.as_str()))
                && command.properties.get("title").is_some_and(|title| !title.contains(MARK))
                && command
                    .properties
                    .get("file")
                    .is_none_or(|file| file.starts_with('/') && !file.contains(['\n', '\r']))
        })
    };
    text.lines().filter(|line| !is_ours(line)).map(|line| at("no annotation of ours", line)).collect()
}

/// Rows of one length, and no cell that a spreadsheet calculates.
pub fn comma_separated(text: &str) -> Vec<String> {
    let mut faults = terminal(text);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    for record in reader.records() {
        let Ok(record) = record else {
            faults.push("rows differ in length".to_owned());
            break;
        };
        let is_formula = |cell: &&str| {
            cell.trim_start()
                .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
        };
        // A dash alone says that there is nothing.
        faults.extend(
            record.iter().filter(is_formula).filter(|cell| *cell != "-").map(|cell| at("a formula", cell)),
        );
    }
    faults
}

/// Samples and comments of ours alone.
pub fn exposition(text: &str) -> Vec<String> {
    let sample = Regex::new(r#"^flowfence_\w+(\{(\w+="(\\[\\"n]|[^"\\])*",?)*\})? [0-9.eE+-]+$"#).unwrap();
    let comment = Regex::new(r"^# (EOF|(HELP|TYPE) flowfence_\w+ .*)$").unwrap();
    let is_ours = |line: &&str| sample.is_match(line) || comment.is_match(line) && !line.contains(MARK);
    let mut faults: Vec<String> =
        text.lines().filter(|line| !is_ours(line)).map(|line| at("no sample", line)).collect();
    faults.extend(terminal(text));
    faults
}

/// No link, image, mention or HTML from outside.
pub fn markdown(text: &str) -> Vec<String> {
    let mut faults = terminal(text);
    let page = Page::read(text);
    faults.extend(page.foreign.iter().map(|node| at("a link, an image or HTML", node)));
    // What stands outside code is ours.
    faults.extend(page.plain.iter().filter(|text| text.contains(MARK)).map(|text| at("outside code", text)));
    faults
}
