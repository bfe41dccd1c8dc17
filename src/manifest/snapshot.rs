//! What reading gives: objects, and what was wrong with the rest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use flowfence_model::object::Object;
use flowfence_model::{ClusterPolicy, NetworkPolicy, Remark};

use super::refusal::Refusal;

/// A thing and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The thing.
    pub item: T,
    /// The file as the user named it.
    pub file: Arc<str>,
    /// The line of the file on which its first field stands, from 1.
    pub line: usize,
    /// Its label `app.kubernetes.io/managed-by`.
    pub managed_by: Option<String>,
    /// What the text of a policy tells beside its meaning.
    pub spelling: Spelling,
}

/// What the text of a policy tells beside its meaning; nothing for other kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spelling {
    /// What was written that means other than it seems.
    pub remarks: Vec<Remark>,
    /// Lines of the file by the field under `spec`: `podSelector`, `ingress[0]`,
    /// `ingress[0].from[1]` and the like.
    pub lines: BTreeMap<String, usize>,
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The object, or a part of the file, was left out.
    Error,
    /// Left out on purpose, and the user should know.
    Note,
}

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// `KIND NAMESPACE/NAME`, as far as it is known.
    pub object: Option<String>,
    /// The path of the field, such as `spec.ingress[0].from[1].ipBlock.cidr`.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// How much it matters.
    pub level: Level,
}

impl Problem {
    /// A file that does not count, for what stands in it.
    pub(super) fn refused(file: &str, refusal: Refusal) -> Self {
        let Refusal { line, field, reason } = refusal;
        Problem { file: file.into(), line, object: None, field, reason, level: Level::Error }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        for part in [&self.object, &self.field].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Everything that was read, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Objects of the kinds that flowfence uses.
    pub objects: Vec<Located<Object>>,
    /// What was left out, at most [`Snapshot::MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// Problems beyond that.
    pub further_problems: u64,
    /// Objects of other kinds, by `APIVERSION KIND`.
    pub ignored_kinds: BTreeMap<String, u64>,
    /// Files of a directory that are neither YAML nor JSON.
    pub ignored_files: u64,
}

impl Snapshot {
    /// Problems that are kept at most; a file of garbage has one a line.
    pub const MAX_PROBLEMS: usize = 1_000;

    /// The NetworkPolicies, in order.
    pub fn policies(&self) -> Vec<NetworkPolicy> {
        let objects = self.objects.iter();
        objects
            .filter_map(|object| match &object.item {
                Object::NetworkPolicy(policy) => Some(policy.clone()),
                _ => None,
            })
            .collect()
    }

    /// The cluster-wide policies, in order.
    pub fn cluster_policies(&self) -> Vec<ClusterPolicy> {
        let objects = self.objects.iter();
        objects
            .filter_map(|object| match &object.item {
                Object::ClusterPolicy(policy) => Some(policy.clone()),
                _ => None,
            })
            .collect()
    }

    /// Whether anything was left out by mistake.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.level == Level::Error)
    }

    /// Adds everything that another reading gave.
    pub fn merge(&mut self, other: Snapshot) {
        self.objects.extend(other.objects);
        for problem in other.problems {
            self.report(problem);
        }
        self.further_problems += other.further_problems;
        for (kind, count) in other.ignored_kinds {
            *self.ignored_kinds.entry(kind).or_default() += count;
        }
        self.ignored_files += other.ignored_files;
    }

    /// Keeps a problem, or counts it.
    pub(super) fn report(&mut self, problem: Problem) {
        if self.problems.len() < Self::MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.further_problems += 1;
        }
    }
}

/// Why a path could not be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file beyond the budget.
    #[error(
        "{} has {octets} bytes, more than the {limit} that are read from one file; \
         write one file a kind (kubectl get pods -A -o json > pods.json) and give their directory",
        path.display()
    )]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// Its size.
        octets: u64,
        /// The budget.
        limit: u64,
    },
    /// The file holds something else.
    #[error(
        "{} holds no Kubernetes objects; it looks like {looks_like}. {hint}",
        path.display()
    )]
    NotManifests {
        /// The path.
        path: PathBuf,
        /// What it looks like.
        looks_like: &'static str,
        /// What to give instead.
        hint: &'static str,
    },
    /// A directory without manifests.
    #[error(
        "{} has no *.yaml, *.yml or *.json file ({ignored} other files); \
         give the directory or file that holds what `kubectl get … -o yaml` printed",
        path.display()
    )]
    NothingToRead {
        /// The path.
        path: PathBuf,
        /// Other files in it.
        ignored: u64,
    },
}
