//! How far trouble in a workload spreads, today and once the recommendation is in force.

use std::collections::{BTreeSet, HashMap};

use fixedbitset::FixedBitSet;
use flowfence_graph::{Facts, Inventory};
use flowfence_model::NodeId;
use foldhash::fast::RandomState;

use super::score::{Part, Spread};
use crate::judge::{Judgement, Roster};
use crate::reach::{Internet, Radii, Radius};
use crate::semantics::PolicySet;

/// Points for reaching every other workload.
const WORKLOADS: usize = 18;

/// What workloads may reach, and what they used rightfully.
pub(super) struct Reach<'a> {
    radii: Radii<'a>,
    used: HashMap<&'a NodeId, Radius, RandomState>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(
        facts: &'a Facts,
        inventory: &'a Inventory,
        judgement: &'a Judgement,
        roster: &'a Roster,
        set: &'a PolicySet,
    ) -> Self {
        let radii = Radii::new(inventory, roster, set);
        let mut used: HashMap<&NodeId, Radius, RandomState> = HashMap::default();
        for contact in judgement.genuine(facts) {
            let of = used.entry(&contact.from.id).or_default();
            match &contact.to.id {
                NodeId::External(_) => of.internet = Internet::Some,
                NodeId::ApiServer => of.api_server = true,
                to => {
                    if let Some(number) = radii.number(to).filter(|_| *to != contact.from.id) {
                        of.workloads.grow_and_insert(number);
                    }
                }
            }
        }
        Reach { radii, used }
    }
}

/// How far trouble in workloads spreads.
pub(super) struct Blasts<'a> {
    reach: Reach<'a>,
    /// Workloads that the recommendation fences.
    fenced: BTreeSet<NodeId>,
    closed: FixedBitSet,
}

impl<'a> Blasts<'a> {
    pub(super) fn new(reach: Reach<'a>, fenced: BTreeSet<NodeId>) -> Self {
        let mut closed = FixedBitSet::with_capacity(reach.radii.workloads());
        fenced.iter().filter_map(|id| reach.radii.number(id)).for_each(|number| closed.insert(number));
        Blasts { reach, fenced, closed }
    }

    /// What counts for a workload, and what it is made of: today, and under the recommendation.
    pub(super) fn of(&self, id: &NodeId, uses_node: bool) -> (Part, Option<(Spread, Spread)>) {
        let others = self.reach.radii.workloads().saturating_sub(1);
        let spread = |radius: &Radius| Spread {
            workloads: radius.count(),
            of: others,
            internet: radius.internet,
            api_server: radius.api_server,
        };
        let Some(today) = self.reach.radii.of(id) else {
            if !uses_node {
                return (Part::new(0, ["it has no pod".to_owned()]), None);
            }
            let others = self.reach.radii.workloads();
            let all =
                Spread { workloads: others, of: others, internet: Internet::Anywhere, api_server: true };
            let why = "it uses the network of its node, and no policy holds it".to_owned();
            return (Part::new(points(&all), [why]), Some((all, all)));
        };
        let then = self.then(id, &today);
        let (today, then) = (spread(&today), spread(&then));
        (Part::new(points(&today), words(&today)), Some((today, then)))
    }

    /// What is left once the recommendation is in force: what was used rightfully; of a workload that stays open, what
    /// it may reach today among those that stay open too.
    fn then(&self, id: &NodeId, today: &Radius) -> Radius {
        let mut then = self.reach.used.get(id).cloned().unwrap_or_default();
        if !self.fenced.contains(id) {
            let mut open = today.workloads.clone();
            open.difference_with(&self.closed);
            then.workloads.union_with(&open);
            then.internet = then.internet.max(today.internet);
            then.api_server |= today.api_server;
        }
        then
    }
}

/// 18 times the share of workloads, rounded up; 3 for some of the internet, 6 for any of it; 6 for the API server.
fn points(spread: &Spread) -> u32 {
    let share = if spread.of == 0 { 0 } else { (WORKLOADS * spread.workloads).div_ceil(spread.of) };
    let internet = match spread.internet {
        Internet::None => 0,
        Internet::Some => 3,
        Internet::Anywhere => 6,
    };
    u32::try_from(share).unwrap_or(u32::MAX).saturating_add(internet + 6 * u32::from(spread.api_server))
}

fn words(spread: &Spread) -> Vec<String> {
    let workloads = (spread.workloads > 0)
        .then(|| format!("it may reach {} of {} other workloads", spread.workloads, spread.of));
    let internet = match spread.internet {
        Internet::None => None,
        Internet::Some => Some("some addresses of the internet".to_owned()),
        Internet::Anywhere => Some("the internet".to_owned()),
    };
    let api_server = spread.api_server.then(|| "the API server".to_owned());
    [workloads, internet, api_server].into_iter().flatten().collect()
}
