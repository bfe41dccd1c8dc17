//! Findings for a pull request: counts, a table, and what is behind each, folded.

use std::fmt::Write as _;
use std::io::{self, Write};

use flowfence_policy::audit::Value;

use super::{AuditReport, FindingRow, spot};
use crate::output::markdown::{code, table};
use crate::output::safe;

/// Characters of a comment that GitHub takes.
const MOST: usize = 65_536;

/// Kept for what is said at the end.
const RESERVE: usize = 2_048;

/// Of these, what the table may take; the details have the rest.
const TABLE: usize = 40_000;

/// Characters of one text from outside, and entries of one list.
const MOST_TEXT: usize = 300;
const MOST_ENTRIES: usize = 12;

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let mut page = String::new();
    head(&mut page, report);
    let listed = list(&mut page, &report.findings);
    let detailed = details(&mut page, &report.findings[..listed]);
    foot(&mut page, report, listed, detailed);
    out.write_all(page.as_bytes())
}

fn head(page: &mut String, report: &AuditReport) {
    let count = |level: &str| report.findings.iter().filter(|finding| finding.level == level).count();
    let counts = [count("error"), count("warning"), count("note")];
    page.push_str("## flowfence audit\n\n");
    if counts == [0; 3] {
        page.push_str("Nothing was found.\n\n");
        return;
    }
    table(page, &["errors", "warnings", "notes"], &[counts.map(|count| count.to_string()).to_vec()]);
    page.push('\n');
}

/// The table; how many findings it has.
fn list(page: &mut String, findings: &[FindingRow]) -> usize {
    let (mut rows, mut taken) = (Vec::new(), 0);
    for finding in findings {
        let spot = spot::file(finding).map(|(file, line)| shown(&format!("{file}:{line}")));
        let row = vec![
            finding.level.to_owned(),
            finding.rank_total().map(|rank| rank.to_string()).unwrap_or_default(),
            code(finding.rule),
            shown(&finding.title),
            finding.owner_name().map(|owner| shown(&owner)).unwrap_or_default(),
            spot.unwrap_or_default(),
        ];
        taken += row.iter().map(|cell| cell.chars().count() + 3).sum::<usize>() + 2;
        if taken > TABLE {
            break;
        }
        rows.push(row);
    }
    if !rows.is_empty() {
        table(page, &["level", "rank", "rule", "finding", "owner", "where"], &rows);
        page.push('\n');
    }
    rows.len()
}

/// What is behind each finding; of how many.
fn details(page: &mut String, findings: &[FindingRow]) -> usize {
    let (mut length, mut detailed) = (page.chars().count(), 0);
    for finding in findings {
        let part = detail(finding);
        length += part.chars().count();
        if length > MOST - RESERVE {
            break;
        }
        if detailed == 0 {
            page.push_str("<details>\n<summary>Evidence and what to do</summary>\n\n");
        }
        page.push_str(&part);
        detailed += 1;
    }
    if detailed > 0 {
        page.push_str("</details>\n\n");
    }
    detailed
}

fn detail(finding: &FindingRow) -> String {
    let mut part = format!("**{}** {}\n\n", finding.level, shown(&finding.id));
    // Writing to a String cannot fail.
    if let Some(rank) = &finding.rank {
        let _ = writeln!(part, "- rank: {} = {}", rank.total, shown(&rank.formula));
        let reasons = Some(rank.reasons()).filter(|reasons| !reasons.is_empty());
        let _ = reasons.map_or(Ok(()), |reasons| writeln!(part, "- why: {}", shown(&reasons)));
    }
    if let Some(owner) = &finding.owner {
        let _ = writeln!(part, "- owner: {}, by {}", shown(&owner.name), shown(&owner.from));
    }
    if let Some(fix) = &finding.fix {
        let _ = writeln!(part, "- fix: {}", shown(fix));
    }
    for (name, value) in &finding.evidence {
        let text = match value {
            Value::List(list) => {
                let more = list.of.saturating_sub(MOST_ENTRIES.min(list.names.len()));
                let mut entries: Vec<String> =
                    list.names.iter().take(MOST_ENTRIES).map(|entry| shown(entry)).collect();
                entries.extend((more > 0).then(|| format!("and {more} more")));
                entries.join(", ")
            }
            other => shown(&other.to_string()),
        };
        let _ = writeln!(part, "- {name}: {text}");
    }
    part.push('\n');
    part
}

fn foot(page: &mut String, report: &AuditReport, listed: usize, detailed: usize) {
    let all = report.findings.len();
    if listed < all {
        let _ = writeln!(
            page,
            "{} findings of the lowest levels are not shown: a comment has room for {MOST} characters. `-o json` has \
             them all.\n",
            all - listed
        );
    }
    if detailed < listed {
        let _ = writeln!(
            page,
            "For the same reason {} of those above have no details here.\n",
            listed - detailed
        );
    }
    let mut room = MOST.saturating_sub(page.chars().count());
    for line in report.completeness.lines() {
        let line = format!("- {}\n", shown(&line));
        room = room.saturating_sub(line.chars().count());
        if room == 0 {
            break;
        }
        page.push_str(&line);
    }
}

/// Text from outside, as code.
fn shown(text: &str) -> String {
    code(&safe::at_most(text, MOST_TEXT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{ranked, written};

    #[test]
    fn a_row_has_rank_and_owner_and_the_details_say_why() {
        let text = written(write, vec![ranked("port-scan", "error", 1, "web|@team")]);
        assert!(
            text.contains("| error | 30 | `port-scan` | `title 1 \u{fffd}&` | `web\u{fffd}@team` |  |"),
            "{text}"
        );
        assert!(
            text.contains("- rank: 30 = `(20 + 0 + 4 + 6) × 100 % × 100 %`\n- why: `privilege: service"),
            "{text}"
        );
        assert!(text.contains("- owner: `web\u{fffd}@team`, by `label team of namespace shop`\n"), "{text}");
    }

    #[test]
    fn a_comment_is_never_longer_than_github_takes_and_says_what_it_lacks() {
        let many = |count: usize, length: usize| {
            let long = move |at| {
                let mut finding = ranked("port-scan", "warning", at, &"w".repeat(length));
                finding.title = "é".repeat(length);
                finding.evidence.insert("targets".into(), vec!["x".repeat(length); 40].as_slice().into());
                finding
            };
            written(write, (0..count).map(long).collect())
        };
        for (count, length) in [(2_000, 40), (300, 290), (30_000, 1), (50, 9_000)] {
            let text = many(count, length);
            assert!(text.chars().count() <= MOST, "{}", text.chars().count());
            assert!(text.contains("no details here") || text.contains("are not shown"), "{count} {length}");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        }
        assert!(!many(20, 40).contains("not shown"));
    }

    #[test]
    fn nothing_found_is_said() {
        assert!(written(write, Vec::new()).contains("Nothing was found."));
    }
}
