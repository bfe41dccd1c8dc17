//! Findings as workflow commands, which GitHub's runner makes annotations of.

use std::io::{self, Write};

use super::{AuditReport, FindingRow, spot};
use crate::output::safe;

/// A step's annotations of one type that GitHub keeps; it drops the rest without a word.
const MOST: usize = 10;

/// Characters of a message that the runner keeps.
const MOST_TEXT: usize = 4_096;

/// The commands, a level after the other, the highest rank of each first. What is beyond the limit is counted in the last notice.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let of = |level: &str| -> Vec<&FindingRow> {
        report.findings.iter().filter(|finding| finding.level == level).collect()
    };
    let [errors, warnings, notes] = ["error", "warning", "note"].map(of);
    let is_beyond = errors.len() > MOST || warnings.len() > MOST || notes.len() > MOST;
    let room = if is_beyond { MOST - 1 } else { MOST };
    let mut left_out = Vec::new();
    for (name, command, findings, most) in [
        ("errors", "error", &errors, MOST),
        ("warnings", "warning", &warnings, MOST),
        ("notes", "notice", &notes, room),
    ] {
        for finding in findings.iter().take(most) {
            annotate(command, finding, out)?;
        }
        if findings.len() > most {
            left_out.push(format!("{} {name}", findings.len() - most));
        }
    }
    if left_out.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} more are not annotated, for GitHub keeps {MOST} of a type in a step; -o markdown has more, -o json all",
        left_out.join(", ")
    );
    writeln!(out, "::notice title={}::{}", property("flowfence"), data(&text))
}

fn annotate(command: &str, finding: &FindingRow, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "::{command} ")?;
    if let Some((file, line)) = spot::file(finding) {
        write!(out, "file={},line={line},", property(&file))?;
    }
    let rank = finding.rank_total().map(|rank| format!(", rank {rank}")).unwrap_or_default();
    let title = property(&format!("{}{rank}", finding.rule));
    let fix = finding.fix.as_ref().map(|fix| format!("\nfix: {}", safe::line(fix)));
    let owner = finding.owner_name().map(|owner| format!("\nowner: {owner}"));
    let said = [owner, fix].into_iter().flatten().collect::<String>();
    let text = format!("{}{said}", safe::line(&finding.title));
    writeln!(out, "title={title}::{}", data(&safe::at_most(&text, MOST_TEXT)))
}

/// A property, as `escapeProperty` of GitHub's toolkit writes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The message, as `escapeData` writes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{finding, ranked, written};

    #[test]
    fn a_finding_is_one_command_at_its_file() {
        let mut found = finding("port-scan", "error", 1);
        (found.file, found.line) = (Some("./a,b:c.yaml".to_owned()), Some(3));
        found.title = "100%\n::error::x".to_owned();
        assert_eq!(
            written(write, vec![found]),
            "::error file=a%2Cb%3Ac.yaml,line=3,title=port-scan::100%25 ::error::x%0Afix: fix it\n"
        );
        assert!(
            written(write, vec![finding("clear-text", "note", 1)])
                .starts_with("::notice title=clear-text::title 1")
        );
    }

    #[test]
    fn the_rank_is_in_the_title_and_the_owner_in_the_message() {
        assert_eq!(
            written(write, vec![ranked("port-scan", "error", 1, "a,b::c\n::error::x")]),
            "::error title=port-scan%2C rank 30::title 1 <&%0Aowner: a,b::c ::error::x%0Afix: fix it\n"
        );
    }

    #[test]
    fn no_more_than_ten_of_a_type_and_the_rest_is_counted() {
        let of = |level, count: usize| (0..count).map(move |at| finding("port-scan", level, at));
        let all = of("error", 12).chain(of("warning", 10)).chain(of("note", 10)).collect();
        let text = written(write, all);
        let count = |command: &str| text.lines().filter(|line| line.starts_with(command)).count();
        assert_eq!((count("::error "), count("::warning "), count("::notice ")), (10, 10, 10));
        assert!(
            text.lines().last().unwrap().contains("::2 errors, 1 notes more are not annotated"),
            "{text}"
        );
        assert_eq!(written(write, of("note", 10).collect()).lines().count(), 10);
    }
}
