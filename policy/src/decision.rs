//! What people decided about edges and findings: once, with a name, a reason and an end.
//!
//! ```text
//! files, --accept, --deny ─▶ Decision ─▶ Decisions (in force, ended) ─▶ judge ─▶ Ruling (applied, unused, ended)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use flowfence_graph::EdgeKey;
use flowfence_graph::edge::InvalidEdge;
use jiff::civil::Date;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Choice {
    /// It is trusted: a rule, whatever a finding says.
    Accept,
    /// It is refused: never a rule, whatever was seen.
    Deny,
}

impl Choice {
    /// The field of a decisions file, and the flag.
    pub const fn token(self) -> &'static str {
        match self {
            Choice::Accept => "accept",
            Choice::Deny => "deny",
        }
    }
}

/// What it was decided about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An edge between workloads.
    Edge(EdgeKey),
    /// The id of a finding, and with it everything that it withholds.
    Finding(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Edge(edge) => edge.fmt(f),
            Subject::Finding(id) => f.write_str(id),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidEdge;

    /// An edge has an arrow. So may the id of a finding, but that begins with `RULE:`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let head = text.split(['/', ' ']).next().unwrap_or_default();
        if text.contains("->") && !head.contains(':') {
            text.parse().map(Subject::Edge)
        } else {
            Ok(Subject::Finding(text.to_owned()))
        }
    }
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub choice: Choice,
    /// About what.
    pub subject: Subject,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds; for ever when there is none.
    pub until: Option<Date>,
    /// `FILE:LINE`; `None` for the command line.
    pub place: Option<String>,
}

impl fmt::Display for Decision {
    /// `accept X (by WHO: WHY, until WHEN)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (by {}: {}", self.choice.token(), self.subject, self.by, self.reason)?;
        if let Some(until) = self.until {
            write!(f, ", until {until}")?;
        }
        f.write_str(")")
    }
}

/// Two decisions in force that say the opposite of one edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is both accepted ({}) and denied ({}); keep one", accepted.subject, place(accepted), place(denied))]
pub struct Contradiction {
    /// One.
    pub accepted: Box<Decision>,
    /// The other.
    pub denied: Box<Decision>,
}

fn place(decision: &Decision) -> &str {
    decision.place.as_deref().unwrap_or("on the command line")
}

/// All decisions, those that ended apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    in_force: Vec<Decision>,
    ended: Vec<Decision>,
    accepted: BTreeSet<Subject>,
    denied: BTreeMap<EdgeKey, usize>,
}

impl Decisions {
    /// Sorts them out by what day it is; the last day still counts. Of several about one thing the
    /// first in force counts, and of those that ended the last, where none is in force.
    pub fn new(all: Vec<Decision>, today: Date) -> Result<Self, Contradiction> {
        let (in_force, ended): (Vec<Decision>, Vec<Decision>) =
            all.into_iter().partition(|decision| decision.until.is_none_or(|until| until >= today));
        let mut decisions = Decisions::default();
        let mut held: BTreeSet<(Choice, Subject)> = BTreeSet::new();
        for decision in in_force {
            if held.insert((decision.choice, decision.subject.clone())) {
                decisions.in_force.push(decision);
            }
        }
        let held: BTreeSet<Subject> = held.into_iter().map(|(_, subject)| subject).collect();
        let mut last: BTreeMap<Subject, Decision> = BTreeMap::new();
        for decision in ended.into_iter().filter(|decision| !held.contains(&decision.subject)) {
            let known = last.entry(decision.subject.clone()).or_insert_with(|| decision.clone());
            if decision.until > known.until {
                *known = decision;
            }
        }
        decisions.ended = last.into_values().collect();
        for (index, decision) in decisions.in_force.iter().enumerate() {
            match (decision.choice, &decision.subject) {
                (Choice::Accept, subject) => drop(decisions.accepted.insert(subject.clone())),
                (Choice::Deny, Subject::Edge(edge)) => {
                    decisions.denied.entry(edge.clone()).or_insert(index);
                }
                // A finding is no connection: there is nothing to deny.
                (Choice::Deny, Subject::Finding(_)) => {}
            }
        }
        for accepted in decisions.in_force.iter().filter(|decision| decision.choice == Choice::Accept) {
            let Subject::Edge(edge) = &accepted.subject else { continue };
            if let Some(denied) = decisions.denial(edge) {
                return Err(Contradiction {
                    accepted: Box::new(accepted.clone()),
                    denied: Box::new(denied.clone()),
                });
            }
        }
        Ok(decisions)
    }

    /// Whether somebody takes responsibility for everything that a finding withholds.
    pub fn accepts_finding(&self, id: &str) -> bool {
        self.accepted.contains(&Subject::Finding(id.to_owned()))
    }

    /// Whether somebody takes responsibility for an edge.
    pub fn accepts_edge(&self, edge: &EdgeKey) -> bool {
        self.accepted.contains(&Subject::Edge(edge.clone()))
    }

    /// The decision that denies an edge.
    pub fn denial(&self, edge: &EdgeKey) -> Option<&Decision> {
        self.in_force.get(*self.denied.get(edge)?)
    }

    /// What became of each, given what was seen: those in force in their order, then those that
    /// ended by what they are about.
    pub fn rulings(&self, edges: &BTreeSet<&EdgeKey>, findings: &BTreeSet<String>) -> Vec<Ruling> {
        let matches = |decision: &Decision| match &decision.subject {
            Subject::Edge(edge) => edges.contains(edge),
            Subject::Finding(id) => findings.contains(id),
        };
        let in_force = self.in_force.iter().map(|decision| {
            let fate = if matches(decision) { Fate::Applied } else { Fate::Unused };
            Ruling { decision: decision.clone(), fate }
        });
        let ended =
            self.ended.iter().map(|decision| Ruling { decision: decision.clone(), fate: Fate::Ended });
        in_force.chain(ended).collect()
    }
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Something that was seen is as it says.
    Applied,
    /// Nothing that was seen is what it is about.
    Unused,
    /// Its last day is over.
    Ended,
}

impl Fate {
    /// As outputs have it.
    pub const fn token(self) -> &'static str {
        match self {
            Fate::Applied => "applied",
            Fate::Unused => "unused",
            Fate::Ended => "expired",
        }
    }
}

/// A decision, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The decision.
    pub decision: Decision,
    /// What became of it.
    pub fate: Fate,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = "shop/Deployment/web -> external/203.0.113.9/32 443/TCP";

    fn decided(choice: Choice, subject: &str, until: Option<&str>) -> Decision {
        Decision {
            choice,
            subject: subject.parse().unwrap(),
            by: "ann".to_owned(),
            reason: "agreed".to_owned(),
            until: until.map(|day| day.parse().unwrap()),
            place: None,
        }
    }

    fn on(day: &str, all: Vec<Decision>) -> Result<Decisions, Contradiction> {
        Decisions::new(all, day.parse().unwrap())
    }

    #[test]
    fn a_decision_holds_through_its_last_day() {
        let edge: EdgeKey = EDGE.parse().unwrap();
        let all = || vec![decided(Choice::Deny, EDGE, Some("2027-01-31"))];
        assert!(on("2027-01-31", all()).unwrap().denial(&edge).is_some());
        assert!(on("2027-02-01", all()).unwrap().denial(&edge).is_none());
    }

    #[test]
    fn yes_and_no_to_one_edge_contradict_only_while_both_hold() {
        let both = |until| vec![decided(Choice::Accept, EDGE, until), decided(Choice::Deny, EDGE, None)];
        let error = on("2026-06-01", both(None)).unwrap_err().to_string();
        assert!(error.starts_with(EDGE) && error.contains("on the command line"), "{error}");
        assert!(on("2026-06-01", both(Some("2026-05-31"))).is_ok());
    }

    #[test]
    fn a_decision_that_was_renewed_did_not_end() {
        let ended = [Some("2026-01-31"), Some("2026-03-31"), Some("2026-02-28")];
        let mut all: Vec<Decision> =
            ended.iter().map(|until| decided(Choice::Accept, EDGE, *until)).collect();
        let fates =
            |all: &[Decision]| on("2026-06-01", all.to_vec()).unwrap().rulings(&[].into(), &[].into());
        let found = fates(&all);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].decision.until, Some("2026-03-31".parse().unwrap()));
        all.extend([decided(Choice::Accept, EDGE, None), decided(Choice::Accept, EDGE, None)]);
        let found = fates(&all);
        assert_eq!((found.len(), found[0].fate), (1, Fate::Unused));
    }

    #[test]
    fn an_edge_is_the_same_however_it_is_spelt() {
        let spelt = " shop/Deployment/web  ->  external/203.0.113.9  443/tcp ";
        let decisions = on("2026-06-01", vec![decided(Choice::Accept, spelt, None)]).unwrap();
        assert!(decisions.accepts_edge(&EDGE.parse().unwrap()));
        assert!("shop/web -> b 1/TCP".parse::<Subject>().is_err());
    }

    #[test]
    fn what_matched_nothing_and_what_ended_is_told() {
        let all = vec![
            decided(Choice::Accept, EDGE, None),
            decided(Choice::Accept, "port-scan:a/Pod/b", None),
            decided(Choice::Accept, "port-scan:a/Pod/c", Some("2026-01-01")),
        ];
        let edge: EdgeKey = EDGE.parse().unwrap();
        let seen = BTreeSet::from([&edge]);
        let rulings = on("2026-06-01", all).unwrap().rulings(&seen, &BTreeSet::new());
        let fates: Vec<Fate> = rulings.iter().map(|ruling| ruling.fate).collect();
        assert_eq!(fates, [Fate::Applied, Fate::Unused, Fate::Ended]);
    }
}
