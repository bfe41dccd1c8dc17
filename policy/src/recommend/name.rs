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
        let name_part = subdomain(name);
        let plain = cut(format!("{PREFIX}{name_part}"));
        let with_kind = cut(format!("{PREFIX}{name_part}-{}", subdomain(&kind.to_ascii_lowercase())));
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
        NodeId::Workload(workload) => Some((&workload.kind, &workload.name)),
        _ => None,
    }
}

fn safe(part: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    let clean: String = part.chars().map(plain).collect();
    if clean.starts_with('.') || clean.is_empty() { format!("_{clean}") } else { clean }
}

/// The name as part of a DNS subdomain. A pod may name any owner it likes, for the API server does
/// not look at it: what is no name is spelled with `-` and told apart by a hash of the whole.
fn subdomain(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_part = |part: &str| {
        part.bytes().all(|b| is_plain(b) || b == b'-')
            && part.bytes().next().is_some_and(is_plain)
            && part.bytes().last().is_some_and(is_plain)
    };
    if name.split('.').all(is_part) {
        return name.to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let spelled: String = name.chars().map(plain).collect();
    let hash = fnv1a(name);
    match spelled.trim_matches('-') {
        "" => format!("{hash:08x}"),
        kept => format!("{kept}-{hash:08x}"),
    }
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
    fn what_is_no_name_becomes_one_and_still_differs() {
        for sound in ["web", "web-2.0", "7"] {
            assert_eq!(subdomain(sound), sound);
        }
        for odd in ["Web", "we_b", "web.", "a..b", "-a", "", "\u{1b}[2J", "x\ny: z", "ä", "日本"] {
            let name = subdomain(odd);
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
            assert!(!name.is_empty() && !name.starts_with('-') && !name.ends_with('-'), "{name}");
        }
        assert_ne!(subdomain("we_b"), subdomain("we-b"));
        assert_ne!(subdomain("日"), subdomain("本"));
    }

    #[test]
    fn no_name_leaves_the_directory() {
        assert_eq!(file("shop", "flowfence-web"), "shop/web.yaml");
        assert_eq!(file("..", "flowfence-../../etc/x"), "_../_.._.._etc_x.yaml");
    }
}
