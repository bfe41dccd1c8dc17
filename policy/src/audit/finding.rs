//! What a detector reports.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use flowfence_graph::{EdgeKey, Tally};
use flowfence_model::{NodeId, Protocol, Timestamp};
use serde::Serialize;

use super::owner::Owner;
use super::rank::Rank;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Somebody should look now.
    Error,
    /// Somebody should look.
    Warning,
    /// Good to know.
    Note,
}

impl Level {
    /// The token in our outputs (the levels of SARIF 2.1.0 §3.27.10).
    pub const fn token(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `RULE:SUBJECT`. Names the same thing in every run; `--accept` and baselines take it.
    pub id: String,
    /// The id of the detector.
    pub rule: &'static str,
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub title: String,
    /// Who acted, where somebody did.
    pub from: Option<NodeId>,
    /// Whom it concerns.
    pub to: Option<NodeId>,
    /// Protocol, where it is one.
    pub protocol: Option<Protocol>,
    /// Port, where it is one.
    pub port: Option<u16>,
    /// What backs it, by name.
    pub evidence: Evidence,
    /// The edges that it speaks of, sorted.
    pub edges: Vec<EdgeKey>,
    /// The policy that it is about: `NAMESPACE/NAME`, or `KIND/NAME` of a cluster-wide one.
    pub policy: Option<String>,
    /// The field of that policy under `spec`, such as `ingress[0].ports[1]`; empty for all of it.
    pub field: String,
    /// What to do about it, in one line: which object, which field, what to write.
    pub fix: Option<String>,
    /// Which to look at first among those of its level; once it was ranked.
    pub rank: Option<Box<Rank>>,
    /// Who should look, where objects say so; once it was ranked.
    pub owner: Option<Owner>,
}

impl Finding {
    /// A finding of `rule` about `subject`, without ends or evidence yet.
    pub fn new(rule: &'static str, level: Level, subject: &str, title: String) -> Self {
        Finding {
            id: format!("{rule}:{subject}"),
            rule,
            level,
            title,
            from: None,
            to: None,
            protocol: None,
            port: None,
            evidence: Evidence::new(),
            edges: Vec::new(),
            policy: None,
            field: String::new(),
            fix: None,
            rank: None,
            owner: None,
        }
    }

    /// A finding of `rule` about one edge, with what was counted on it.
    pub fn of_edge(rule: &'static str, level: Level, edge: &EdgeKey, tally: &Tally, title: String) -> Self {
        // Ids hold no blanks.
        let subject = edge.to_string().replace(" -> ", "->").replace(' ', ":");
        let mut finding = Finding::new(rule, level, &subject, title)
            .between(&edge.from, &edge.to)
            .with("connections", tally.connections + tally.one_way)
            .with("first", tally.first)
            .with("last", tally.last);
        (finding.protocol, finding.port) = (Some(edge.protocol), edge.port);
        finding.edges = vec![edge.clone()];
        finding
    }

    /// About a field of a policy.
    #[must_use]
    pub fn about(mut self, policy: &str, field: impl Into<String>) -> Self {
        self.policy = Some(policy.to_owned());
        self.field = field.into();
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn fixed_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Between these ends.
    #[must_use]
    pub fn between(mut self, from: &NodeId, to: &NodeId) -> Self {
        self.from = Some(from.clone());
        self.to = Some(to.clone());
        self
    }

    /// With one more piece of evidence. Beside a list that was cut stands `NAMECount`: how many there are.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if let Value::List(list) = &value
            && list.names.len() < list.of
        {
            self.evidence.insert(format!("{name}Count").into(), Value::from(list.of));
        }
        self.evidence.insert(name.into(), value);
        self
    }
}

/// Evidence by name.
pub type Evidence = BTreeMap<Cow<'static, str>, Value>;

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A name or sentence.
    Text(String),
    /// Several, in order.
    List(List),
    /// How many.
    Count(u64),
    /// When.
    Time(Timestamp),
}

/// Several names, in order: the first hundred of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List {
    /// Those that are told.
    pub names: Vec<String>,
    /// How many there are.
    #[serde(skip)]
    pub of: usize,
}

/// So many names are told at most. A rule may admit ten thousand workloads, and a thousand rules may do so: whoever
/// reads the first hundred knows what the rule is, and `reach` tells the others.
pub const LISTED: usize = 100;

impl List {
    /// The first of `all`, which are `of`.
    pub fn first(all: impl Iterator<Item = String>, of: usize) -> Self {
        List { names: all.take(LISTED).collect(), of }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(", "))?;
        match self.of.saturating_sub(self.names.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// For people: a list with commas.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::List(list) => list.fmt(f),
            Value::Count(count) => count.fmt(f),
            Value::Time(time) => time.fmt(f),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Value::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Value::Count(count as u64)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Value::Time(time)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Value::List(list)
    }
}

impl<T: ToString> From<&BTreeSet<T>> for Value {
    fn from(all: &BTreeSet<T>) -> Self {
        List::first(all.iter().map(ToString::to_string), all.len()).into()
    }
}

impl<T: ToString> From<&[T]> for Value {
    fn from(all: &[T]) -> Self {
        List::first(all.iter().map(ToString::to_string), all.len()).into()
    }
}
