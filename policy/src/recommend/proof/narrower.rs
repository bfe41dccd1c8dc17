//! The proof of a set that is to be narrower than another: nothing genuine that the wider one
//! admits is lost, and nothing that it denies is admitted.

use flowfence_graph::{Facts, Inventory};
use flowfence_model::NetworkPolicy;
use flowfence_model::policy::Direction;

use super::Cut;
use super::census::Census;
use super::replay::Genuine;
use crate::judge::Judgement;
use crate::reach::{Selection, Survey};
use crate::semantics::PolicySet;
use crate::semantics::fold::Profile;

/// What tells that a set is no narrower version of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrower {
    /// Genuine edges of which the wider set admits something that the narrower one denies.
    pub lost: Vec<Cut>,
    /// What the narrower set admits and the wider one does not, seen or not.
    pub added: Vec<Added>,
}

/// Something that is newly admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Who may open: a workload, pod, node or range of addresses.
    pub from: String,
    /// Who may be asked.
    pub to: String,
    /// The ports.
    pub ports: Profile,
}

impl Narrower {
    /// Whether the set loses nothing genuine and admits nothing new.
    pub fn holds(&self) -> bool {
        self.lost.is_empty() && self.added.is_empty()
    }
}

/// Replays every genuine contact against both sets, and compares what they allow between all ends.
pub fn prove_narrower(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    wide: &[NetworkPolicy],
    narrow: &[NetworkPolicy],
) -> Narrower {
    let roster = judgement.roster(facts, inventory);
    let genuine = Genuine::new(judgement.genuine(facts), inventory, &roster);
    let before = PolicySet::compile(roster.cluster(), wide);
    let after = PolicySet::compile(roster.cluster(), narrow);
    // Pods may be folded only where neither set tells them apart.
    let both: Vec<NetworkPolicy> = wide.iter().chain(narrow).cloned().collect();
    let both = PolicySet::compile(roster.cluster(), &both);
    let census = Census::new(&both, &roster);
    let lost = genuine.cut_by(&roster, &census, |connection| {
        let lost = |direction: &Direction| {
            before.allows_in(connection, *direction) && !after.allows_in(connection, *direction)
        };
        Direction::BOTH.into_iter().find(lost)
    });
    Narrower { lost, added: added(inventory, &before, &after) }
}

fn added(inventory: &Inventory, before: &PolicySet, after: &PolicySet) -> Vec<Added> {
    let mut survey = Survey::new(inventory, &[before, after]);
    let everything = Selection::everything(survey.ends().len());
    let changes = survey.changes(&everything);
    let found = changes.into_iter().filter_map(|change| {
        let ports = survey.profile(change.after).difference(survey.profile(change.before));
        let name = |end: usize| survey.ends()[end].name.to_string();
        (!ports.is_empty()).then(|| Added { from: name(change.from), to: name(change.to), ports })
    });
    found.collect()
}
