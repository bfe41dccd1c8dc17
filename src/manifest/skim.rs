//! Leaving out what is never read, before it is parsed.
//!
//! Most of a Pod's YAML is environment, mounts and conditions; not parsing them makes a dump of
//! pods read some three times faster.

use flowfence_model::label::is_owner_annotation;

use super::split::{Piece, entry, indent, is_blank, is_key_alone};

/// Fields of pods and pod templates that no reading looks into.
const UNREAD: &[&str] = &[
    "affinity:",
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
    "tolerations:",
    "topologySpreadConstraints:",
    "volumeMounts:",
];

/// The field of which only entries that may say whose an object is are read.
const ANNOTATIONS: &str = "annotations:";

/// The text with the content of unread fields blanked, line for line. In flow style or broken
/// text the result may not parse; the whole then decides.
pub(super) fn skim(piece: &Piece<'_>) -> String {
    let mut lean = String::with_capacity(piece.text.len());
    let mut skipping: Option<usize> = None;
    let mut entries: Option<Entries> = None;
    for line in piece.text.split_inclusive('\n') {
        let (column, content) = entry(line.trim_end(), true);
        if let Some(depth) = skipping {
            let is_within = is_blank(line) || indent(line) > depth;
            // A list may stand at the column of its key.
            if is_within || (indent(line) == depth && line.trim_start().starts_with("- ")) {
                lean.push_str(if entries.as_mut().is_some_and(|entries| entries.is_of_owner(line)) {
                    line
                } else {
                    "\n"
                });
                continue;
            }
            skipping = None;
        }
        let is_annotations = is_key_alone(content, ANNOTATIONS);
        if is_annotations || UNREAD.iter().any(|key| is_key_alone(content, key)) {
            skipping = Some(column);
            entries = is_annotations.then(Entries::default);
        }
        lean.push_str(line);
    }
    lean
}

/// What stands below `annotations`.
#[derive(Default)]
struct Entries {
    /// The column of its entries, once the first was met.
    column: Option<usize>,
}

impl Entries {
    /// Whether a line is an entry of its own, by its column, and one that may say whose the object is.
    fn is_of_owner(&mut self, line: &str) -> bool {
        if is_blank(line) || indent(line) != *self.column.get_or_insert_with(|| indent(line)) {
            return false;
        }
        let key = line.trim_start().split(": ").next().unwrap_or_default();
        is_owner_annotation(key.trim_matches(['"', '\'']))
    }
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
    fn of_annotations_those_of_owners_stay() {
        let text = "metadata:\n  annotations:\n    a8r.io/owner: shop team\n    note: |\n      team: x\n    \"team\": y\n  name: a\n";
        let expected =
            "metadata:\n  annotations:\n    a8r.io/owner: shop team\n\n\n    \"team\": y\n  name: a\n";
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
