//! Where a finding is, for formats that ask for a file.

use super::FindingRow;
use crate::output::safe;

/// The file of a finding as the user named it, without `./`, and the line; `None` where it was read from none.
pub(super) fn file(finding: &FindingRow) -> Option<(String, usize)> {
    let file = finding.file.as_deref()?;
    let path = safe::line(file);
    Some((path.strip_prefix("./").unwrap_or(&path).to_owned(), finding.line.unwrap_or(1)))
}

/// The same for formats that refuse a finding without a file: one that was read from none, as from the kube API, is in
/// `cluster/NAMESPACE/KIND/NAME`, `cluster/NAMESPACE/NAME` of a policy, or `cluster`, on the first line. No path climbs.
pub(super) fn path(finding: &FindingRow) -> (String, usize) {
    file(finding).unwrap_or_else(|| (in_cluster(finding), 1))
}

fn in_cluster(finding: &FindingRow) -> String {
    let ends = [&finding.from, &finding.to].into_iter().flatten().map(ToString::to_string);
    let subject = finding.policy.iter().cloned().chain(ends).next().unwrap_or_default();
    let mut path = String::from("cluster");
    for part in subject.split('/').filter(|part| !part.is_empty()) {
        path.push('/');
        let is_step = part.chars().all(|c| c == '.');
        let plain =
            |c: char| if c.is_ascii_alphanumeric() || "-_.:".contains(c) && !is_step { c } else { '_' };
        path.extend(part.chars().map(plain));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::finding;

    #[test]
    fn a_finding_without_a_file_is_named_after_its_subject_and_never_climbs() {
        assert_eq!(path(&finding("port-scan", "error", 1)), ("cluster/shop/Deployment/w1".to_owned(), 1));
        let mut policy = finding("rule-unused", "note", 2);
        policy.policy = Some("../a b/..".to_owned());
        assert_eq!(path(&policy).0, "cluster/__/a_b/__");
        (policy.file, policy.line) = (Some("./p/q.yaml".to_owned()), Some(7));
        assert_eq!(path(&policy), ("p/q.yaml".to_owned(), 7));
        (policy.policy, policy.from, policy.file) = (None, None, None);
        assert_eq!(path(&policy).0, "cluster");
    }
}
