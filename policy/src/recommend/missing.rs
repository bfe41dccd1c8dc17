//! What today's policies lack, for `--mode add`.

use std::collections::BTreeSet;

use flowfence_graph::{Facts, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyPort, PortName, Protocol};

use super::need::Needs;
use super::proof::{Census, Genuine};
use super::subject::{Subject, Subjects};
use crate::judge::Judgement;
use crate::semantics::PolicySet;

/// Keeps of the needs of each direction that `today` isolates only what it denies to some replica.
/// A direction that stays open for some pod keeps all of its needs, for the policy that will fence
/// it stands alone there. Answers with the isolated ones.
pub(super) fn keep(
    needs: &mut Needs,
    subjects: &Subjects,
    facts: &Facts,
    judgement: &Judgement,
    inventory: &Inventory,
    today: &[NetworkPolicy],
) -> BTreeSet<(usize, Direction)> {
    let roster = judgement.roster(facts, inventory);
    let genuine = Genuine::new(judgement.genuine(facts), inventory, &roster);
    let set = PolicySet::compile(roster.cluster(), today);
    let census = Census::new(&set, &roster);
    let mut isolated = BTreeSet::new();
    for (index, subject) in subjects.iter() {
        for direction in Direction::BOTH.into_iter().filter(|d| is_isolated(subject, *d, &census)) {
            isolated.insert((index, direction));
            let Some(admissions) = needs.admissions.get_mut(&(index, direction)) else { continue };
            admissions.retain(|(_, port), edges| {
                let asked = number(port);
                edges.iter().any(|edge| genuine.is_denied(edge, direction, asked, &roster, &census))
            });
        }
    }
    isolated
}

/// Whether every pod of a subject is isolated; one without pods is not.
fn is_isolated(subject: &Subject, direction: Direction, census: &Census<'_>) -> bool {
    let mut classes = subject.members.iter().flat_map(|id| census.classes(id)).peekable();
    classes.peek().is_some() && classes.all(|class| census.set.isolates(class.pod, direction))
}

/// A single port; ranges and names are asked as the contact was.
fn number(port: &PolicyPort) -> Option<(Protocol, u16)> {
    match port.port {
        Some(PortName::Range(range)) if range.first == range.last => Some((port.protocol, range.first)),
        _ => None,
    }
}
