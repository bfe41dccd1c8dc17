//! Findings as test results in the XML that `JUnit` began and every CI server reads.
//!
//! Elements through our own writer of XML. `quick-junit`, the kept crate, writes an attribute (`skipped` of
//! `testsuites`) that the schema of Jenkins' xUnit plugin refuses, and brings an older quick-xml, chrono and uuid.

use std::io::{self, Write};

use flowfence_policy::audit::Detector;

use super::{AuditReport, FindingRow, RankRow, spot};
use crate::output::xml::Xml;

/// A suite a detector that ran. One that found nothing has one test, which passed; of the others each finding is a test:
/// errors and warnings failed, notes passed and say so in their output.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Xml::begin(out)?;
    let suites: Vec<Suite<'_>> = report.detectors().map(|detector| Suite::of(detector, report)).collect();
    let (tests, failures) =
        suites.iter().fold((0, 0), |sum, suite| (sum.0 + suite.tests(), sum.1 + suite.failures()));
    let counts = [tests.to_string(), failures.to_string()];
    xml.open(
        "testsuites",
        &[("name", "flowfence audit"), ("tests", &counts[0]), ("failures", &counts[1]), ("errors", "0")],
    )?;
    for suite in &suites {
        suite.write(&mut xml)?;
    }
    xml.end()
}

struct Suite<'a> {
    detector: &'static Detector,
    findings: Vec<&'a FindingRow>,
}

impl<'a> Suite<'a> {
    fn of(detector: &'static Detector, report: &'a AuditReport) -> Self {
        let findings = report.findings.iter().filter(|finding| finding.rule == detector.id).collect();
        Suite { detector, findings }
    }

    fn tests(&self) -> usize {
        self.findings.len().max(1)
    }

    fn failures(&self) -> usize {
        self.findings.iter().filter(|finding| fails(finding)).count()
    }

    fn write<W: Write>(&self, xml: &mut Xml<W>) -> io::Result<()> {
        let Detector { id, title, .. } = self.detector;
        let (tests, failures) = (self.tests().to_string(), self.failures().to_string());
        let counts = [("tests", tests.as_str()), ("failures", &failures), ("errors", "0"), ("skipped", "0")];
        xml.open("testsuite", &[&[("name", *id)], counts.as_slice()].concat())?;
        let class = format!("flowfence.audit.{id}");
        if self.findings.is_empty() {
            xml.empty("testcase", &[("classname", &class), ("name", title), ("time", "0")])?;
        }
        for finding in &self.findings {
            // Ids, not titles: the server tells by the name which test failed before.
            xml.open("testcase", &[("classname", &class), ("name", &finding.id), ("time", "0")])?;
            if fails(finding) {
                let said = [("type", finding.level), ("message", &finding.title)];
                let said = said.map(|(name, value)| (name, unlinked(value)));
                let said = said.each_ref().map(|(name, value)| (*name, value.as_str()));
                xml.lines("failure", &said, &account(finding))?;
                let properties = properties(finding);
                if !properties.is_empty() {
                    xml.lines("system-out", &[], &properties)?;
                }
            } else {
                let told = [account(finding), properties(finding)];
                let told = told.iter().filter(|text| !text.is_empty()).map(String::as_str);
                xml.lines("system-out", &[], &told.collect::<Vec<_>>().join("\n"))?;
            }
            xml.close()?;
        }
        xml.close()
    }
}

fn fails(finding: &FindingRow) -> bool {
    finding.level != "note"
}

fn account(finding: &FindingRow) -> String {
    let mut lines = vec![format!("{}: {}", finding.level, finding.title)];
    lines.extend(spot::file(finding).map(|(file, line)| format!("at {file}:{line}")));
    lines.extend(finding.rank.as_ref().map(|rank| format!("rank: {} = {}", rank.total, rank.formula)));
    lines.extend(finding.rank.as_deref().map(RankRow::reasons).filter(|reasons| !reasons.is_empty()));
    lines.extend(finding.owner.as_ref().map(|owner| format!("owner: {} ({})", owner.name, owner.from)));
    lines.extend(finding.fix.as_ref().map(|fix| format!("fix: {fix}")));
    lines.extend(finding.evidence.iter().map(|(name, value)| format!("{name}: {value}")));
    // What stands in a text from outside is no line of ours.
    lines.iter().map(|line| unlinked(&line.replace('\n', " "))).collect::<Vec<_>>().join("\n")
}

/// Rank and owner as properties of the test, in the form that every schema takes: those of Jenkins' xUnit plugin, of Surefire
/// and of Ant refuse `properties` below `testcase`.
fn properties(finding: &FindingRow) -> String {
    let rank = finding.rank_total().map(|rank| ("rank", rank.to_string()));
    let owner = finding.owner_name().map(|owner| ("owner", unlinked(&owner)));
    let all = [rank, owner].into_iter().flatten();
    all.map(|(name, value)| format!("[[PROPERTY|{name}={value}]]")).collect::<Vec<_>>().join("\n")
}

/// Text in which no reader finds a property, nor a file to attach (`[[ATTACHMENT|/etc/passwd]]`), that is not ours. What
/// stands at its end may not join the bracket that follows.
fn unlinked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']') && shown.ends_with(c) {
            shown.push(' ');
        }
        shown.push(c);
    }
    if shown.ends_with(']') {
        shown.push(' ');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{finding, ranked, report, written};

    #[test]
    fn what_was_found_fails_what_is_good_to_know_passes_and_so_does_what_found_nothing() {
        let text = written(write, vec![finding("port-scan", "error", 1), finding("clear-text", "note", 2)]);
        let count = report(Vec::new()).detectors().count();
        assert!(text.contains(&format!("tests=\"{count}\" failures=\"1\" errors=\"0\"")), "{text}");
        assert!(
            text.contains("<failure type=\"error\" message=\"title 1 &lt;&amp;\">error: title 1 &lt;&amp;\n")
        );
        assert!(text.contains("<system-out>note: title 2"));
        assert_eq!(text.matches("<testcase ").count(), count);
    }

    #[test]
    fn rank_and_owner_are_properties_and_nobody_forges_one() {
        for level in ["error", "note"] {
            let mut found = ranked("port-scan", level, 1, "team]]\n[[PROPERTY|rank=99]]");
            found.title = "x [[ATTACHMENT|/etc/passwd]]".to_owned();
            let text = written(write, vec![found]);
            let properties: Vec<&str> = text
                .split("[[")
                .skip(1)
                .filter_map(|rest| rest.split_once("]]"))
                .map(|(held, _)| held)
                .collect();
            assert_eq!(properties, ["PROPERTY|rank=30", "PROPERTY|owner=team] ] [ [PROPERTY|rank=99] ] "]);
            assert!(
                text.contains("rank: 30 = (20 + 0 + 4 + 6) × 100 % × 100 %\nprivilege: service"),
                "{text}"
            );
        }
    }
}
