//! Leaving out what is never read, before it is parsed.
//!
//! Most of a Pod's YAML is environment, mounts and conditions; not parsing them makes a dump of
//! pods read some three times faster.

use super::split::{Piece, entry, indent, is_blank, is_key_alone};

/// Fields of pods and pod templates that no reading looks into.
const UNREAD: &[&str] = &[
    "affinity:",
    "annotations:",
    "args:",
    "command:",
    "conditions:",
    "env:",
    "envFrom:",
    "imagePullSecrets:",
    "lastState:",
    "lifecycle:",
    "managedFields:",
    "resources:",
    "securityContext:",
    "tolerations:",
    "topologySpreadConstraints:",
    "volumeMounts:",
    "volumes:",
];

/// The text with the content of unread fields blanked, line for line. In flow style or broken
/// text the result may not parse; the whole then decides.
pub(super) fn skim(piece: &Piece<'_>) -> String {
    let mut lean = String::with_capacity(piece.text.len());
    let mut skipping: Option<usize> = None;
    for line in piece.text.split_inclusive('\n') {
        let (column, content) = entry(line.trim_end(), true);
        if let Some(depth) = skipping {
            let is_within = is_blank(line) || indent(line) > depth;
            // A list may stand at the column of its key.
            if is_within || (indent(line) == depth && line.trim_start().starts_with("- ")) {
                lean.push('\n');
                continue;
            }
            skipping = None;
        }
        if UNREAD.iter().any(|key| is_key_alone(content, key)) {
            skipping = Some(column);
        }
        lean.push_str(line);
    }
    lean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skimmed(text: &str) -> String {
        skim(&Piece { text, line: 1, is_item: false })
    }

    #[test]
    fn unread_fields_lose_their_content_and_no_line() {
        let text = "- env:\n  - name: a\n    value: b\n  name: c\n  volumeMounts:\n  - mountPath: /\n  - x: y\n  ports:\n  - containerPort: 1\n- args:\n  - |\n    ports:\n\n  name: d\n";
        let expected = "- env:\n\n\n  name: c\n  volumeMounts:\n\n\n  ports:\n  - containerPort: 1\n- args:\n\n\n\n  name: d\n";
        assert_eq!(skimmed(text), expected);
    }

    #[test]
    fn a_label_of_the_same_name_stays() {
        let text = "labels:\n  env: prod\n  args: \"\"\n";
        assert_eq!(skimmed(text), text);
    }

    #[test]
    fn an_item_of_the_list_around_an_unread_field_stays() {
        let text = "containers:\n- env:\n  - name: a\n- name: b\n";
        assert_eq!(skimmed(text), "containers:\n- env:\n\n- name: b\n");
    }
}
