//! `-o patch`: what would change in files, as `git apply` and `patch -p1` take it.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use similar::TextDiff;

use crate::output::safe;
use crate::verb::files::FileChange;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Writes the changes of files, in the order of their names.
pub(super) fn write(changes: &[FileChange], out: &mut (impl Write + IsTerminal)) -> io::Result<()> {
    let text: String = changes.iter().map(of).collect();
    if out.is_terminal() {
        return out.write_all(safe::lines(&text).as_bytes());
    }
    out.write_all(text.as_bytes())
}

/// The patch of one file; empty when nothing changes.
pub(super) fn of(change: &FileChange) -> String {
    let before = change.before.as_deref().unwrap_or_default();
    if change.before.is_some() && before == change.after {
        return String::new();
    }
    let name = name(&change.path);
    let old = if change.before.is_some() { quoted(&format!("a/{name}")) } else { "/dev/null".to_owned() };
    let new = quoted(&format!("b/{name}"));
    let diff = TextDiff::from_lines(before, &change.after);
    diff.unified_diff().context_radius(CONTEXT).header(&old, &new).to_string()
}

/// The path from the working directory, where it leads there, with `/` between its parts.
fn name(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let parts = path.components().filter_map(|part| match part {
        std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        std::path::Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    parts.collect::<Vec<String>>().join("/")
}

/// As git writes names: in quotes with escapes where they hold anything unusual. Behind a name
/// with a space a tab says where it ends.
fn quoted(name: &str) -> String {
    if !name.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
        return if name.contains(' ') { format!("{name}\t") } else { name.to_owned() };
    }
    let escaped: String = name
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\{byte:03o}"),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(path: &str, before: Option<&str>, after: &str) -> String {
        of(&FileChange { path: path.into(), before: before.map(str::to_owned), after: after.to_owned() })
    }

    #[test]
    fn a_change_a_new_file_and_a_missing_last_break() {
        assert_eq!(
            patch("dir/a.yaml", Some("a\nb\n"), "a\nc"),
            "--- a/dir/a.yaml\n+++ b/dir/a.yaml\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"
        );
        assert_eq!(patch("a.yaml", None, "a\n"), "--- /dev/null\n+++ b/a.yaml\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(patch("a.yaml", Some("a\n"), "a\n"), "");
    }

    #[test]
    fn names_are_written_as_git_does() {
        assert!(patch("my dir/a.yaml", None, "a\n").contains("+++ b/my dir/a.yaml\t\n"));
        assert!(patch("a\n\"b", None, "a\n").contains("+++ \"b/a\\012\\\"b\"\n"));
        let here = std::env::current_dir().unwrap().join("x/./y.yaml");
        assert!(patch(here.to_str().unwrap(), None, "a\n").contains("+++ b/x/y.yaml\n"));
        assert!(patch("/elsewhere/y.yaml", None, "a\n").contains("+++ b/elsewhere/y.yaml\n"));
    }
}
