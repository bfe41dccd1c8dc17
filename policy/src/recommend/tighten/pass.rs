//! One pass over all rules: who carries what, and what is left of each rule.

use std::collections::BTreeMap;

use flowfence_model::NetworkPolicy;
use flowfence_model::policy::Direction;

use super::answer::{Origin, Tightened, WhyKept};
use super::field::Field;
use super::rule::{self, Traced};
use super::want::Wants;
use super::width::{self, Width};
use crate::semantics::{Connection, PolicySet, RuleId};

/// What could not be narrowed of each rule of today.
pub(super) type Notes = BTreeMap<(usize, Direction, usize), Vec<WhyKept>>;

/// Narrows the rules of the policies that may be; answers whether anything changed.
pub(super) fn pass(
    field: &Field<'_>,
    wants: &Wants,
    sheets: &mut [Tightened],
    may: &[bool],
    notes: &mut Notes,
) -> bool {
    let objects: Vec<NetworkPolicy> = sheets.iter().map(|sheet| sheet.policy.clone()).collect();
    let set = PolicySet::compile(field.roster.cluster(), &objects);
    let carried = carried(&set, wants);
    notes.clear();
    let mut changed = false;
    for (policy, sheet) in sheets.iter_mut().enumerate().filter(|(policy, _)| may.get(*policy) == Some(&true))
    {
        for direction in Direction::BOTH {
            let Some(written) = objects[policy].rules(direction) else { continue };
            let mut now: Vec<Traced> = Vec::new();
            for (at, written) in written.iter().enumerate() {
                let id = RuleId { policy, direction, rule: at };
                let Some(origin) = sheet.origins(direction).get(at) else { continue };
                let Some(own) = carried.get(&id) else { continue };
                let (rules, reasons) = rule::narrow(field, &set, (id, written, origin), own);
                if !reasons.is_empty() {
                    let known = notes.entry((policy, direction, origin.rule)).or_default();
                    known.extend(reasons);
                }
                now.extend(rules);
            }
            let (rules, origins): (Vec<_>, Vec<Origin>) = now.into_iter().unzip();
            if rules != written {
                changed = true;
                sheet.set(direction, rules, origins);
            }
        }
    }
    changed
}

/// The connections that each rule is to carry: of several rules that admit one, the narrowest.
fn carried<'w>(set: &PolicySet, wants: &'w Wants) -> BTreeMap<RuleId, Vec<&'w Connection>> {
    let mut widths: BTreeMap<RuleId, Width> = BTreeMap::new();
    for (policy, object) in set.policies().iter().enumerate() {
        for direction in Direction::BOTH {
            for (rule, written) in object.rules(direction).unwrap_or_default().iter().enumerate() {
                let id = RuleId { policy, direction, rule };
                widths.insert(id, width::of_rule(set, id, written));
            }
        }
    }
    let mut carried: BTreeMap<RuleId, Vec<&Connection>> = BTreeMap::new();
    for (direction, connection) in wants.all.keys() {
        let admitting = set.admitted_by(connection, *direction).into_iter();
        if let Some(narrowest) = admitting.min_by_key(|id| (widths.get(id), *id)) {
            carried.entry(narrowest).or_default().push(connection);
        }
    }
    carried
}
