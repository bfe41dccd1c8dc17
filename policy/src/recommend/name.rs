//! Names of objects and files.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::{NetworkPolicy, NodeId};

use super::options::Options;
use super::subject::Subjects;

/// `metadata.name` takes a DNS subdomain (RFC 1123).
const MAX_NAME: usize = 253;
const PREFIX: &str = "flowfence-";

/// The names of each subject's object, by subject: `flowfence-NAME`, on a clash with another
/// workload or a user's object `flowfence-NAME-KIND`.
///
/// Clashes count among all workloads of the namespace, observed or not, so that traffic never
/// renames an object.
pub(super) fn object_names(
    subjects: &Subjects,
    today: &[NetworkPolicy],
    options: &Options,
) -> BTreeMap<usize, String> {
    let mut taken: BTreeSet<String> =
        today.iter().map(NetworkPolicy::key).filter(|key| !options.ours.contains(key)).collect();
    let mut claims: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (_, subject) in subjects.iter() {
        for (_, name) in subject.members.iter().filter_map(kind_and_name) {
            *claims.entry((subject.namespace.clone(), name.to_owned())).or_default() += 1;
        }
    }
    let mut names = BTreeMap::new();
    for (index, subject) in subjects.iter() {
        let Some((kind, name)) = subject.members.first().and_then(kind_and_name) else { continue };
        let plain = cut(format!("{PREFIX}{name}"));
        let with_kind = cut(format!("{PREFIX}{name}-{}", kind.to_ascii_lowercase()));
        let alone = claims.get(&(subject.namespace.clone(), name.to_owned())).is_none_or(|n| *n == 1);
        let numbered = (2..).map(|n| cut(format!("{with_kind}-{n}")));
        let candidates = alone.then_some(plain).into_iter().chain([with_kind.clone()]).chain(numbered);
        for candidate in candidates {
            if taken.insert(format!("{}/{candidate}", subject.namespace)) {
                names.insert(index, candidate);
                break;
            }
        }
    }
    names
}

/// `NAMESPACE/NAME.yaml` for an object name; names that are no DNS names cannot leave the directory.
pub fn file(namespace: &str, object: &str) -> String {
    let name = object.strip_prefix(PREFIX).unwrap_or(object);
    format!("{}/{}.yaml", safe(namespace), safe(name))
}

fn kind_and_name(id: &NodeId) -> Option<(&str, &str)> {
    match id {
        NodeId::Workload { kind, name, .. } => Some((kind, name)),
        _ => None,
    }
}

fn safe(part: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    let clean: String = part.chars().map(plain).collect();
    if clean.starts_with('.') || clean.is_empty() { format!("_{clean}") } else { clean }
}

/// Cuts a name of an object that is too long and puts a hash of the whole in place of the rest.
pub fn cut(name: String) -> String {
    if name.len() <= MAX_NAME {
        return name;
    }
    let kept: String = name.chars().filter(char::is_ascii).take(MAX_NAME - 9).collect();
    format!("{}-{:08x}", kept.trim_end_matches(['-', '.']), fnv1a(&name))
}

/// FNV-1a, 32 bit: short, and the same in every version of the program.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_still_differ() {
        let (a, b) = (cut(format!("{}a", "x".repeat(300))), cut(format!("{}b", "x".repeat(300))));
        assert!(a.len() <= MAX_NAME && a != b, "{a}");
    }

    #[test]
    fn no_name_leaves_the_directory() {
        assert_eq!(file("shop", "flowfence-web"), "shop/web.yaml");
        assert_eq!(file("..", "flowfence-../../etc/x"), "_../_.._.._etc_x.yaml");
    }
}
