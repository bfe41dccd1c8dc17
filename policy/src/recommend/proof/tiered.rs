//! What workloads may reach where cluster-wide tiers have a say.
//!
//! Without tiers only pairs that a rule names, or with open ends, can get through, and these are
//! few. A tier may admit or deny any pair, so that all are asked, folded to kinds.

use std::cell::RefCell;
use std::collections::BTreeSet;

use flowfence_model::{PortSet, Protocol};

use crate::judge::Roster;
use crate::semantics::fold::{KindId, Matrix};
use crate::semantics::{Party, PolicySet};

/// A matrix and the kinds of each workload's pods.
#[derive(Debug)]
pub(super) struct Tiered {
    matrix: RefCell<Matrix>,
    /// By workload, as the census numbers them: kinds of IPv4 and of IPv6.
    kinds: Vec<[BTreeSet<KindId>; 2]>,
}

impl Tiered {
    /// `None` for a set without tiers.
    pub(super) fn new(set: &PolicySet, roster: &Roster) -> Option<Self> {
        if set.cluster_policies().is_empty() {
            return None;
        }
        let mut parties: Vec<Party> = Vec::new();
        let mut places: Vec<[Vec<usize>; 2]> = Vec::new();
        for pods in roster.workloads().values() {
            let mut own: [Vec<usize>; 2] = Default::default();
            for pod in pods {
                for ip in &set.cluster().pod(*pod).ips {
                    own[usize::from(ip.is_ipv6())].push(parties.len());
                    parties.push(Party { pod: Some(*pod), address: *ip });
                }
            }
            places.push(own);
        }
        let matrix = Matrix::new(&[set], &parties);
        let kinds = places
            .into_iter()
            .map(|own| own.map(|places| places.into_iter().map(|place| matrix.kind(place)).collect()))
            .collect();
        Some(Tiered { matrix: RefCell::new(matrix), kinds })
    }

    /// The ports that some pod of `from` may reach on some pod of another workload.
    pub(super) fn admitted(&self, from: usize, to: usize, protocol: Protocol) -> PortSet {
        let (Some(sources), Some(destinations)) = (self.kinds.get(from), self.kinds.get(to)) else {
            return PortSet::empty();
        };
        let mut matrix = self.matrix.borrow_mut();
        let mut all = PortSet::empty();
        for (sources, destinations) in sources.iter().zip(destinations) {
            for source in sources {
                for destination in destinations {
                    let profile = matrix.allowed(0, *source, *destination);
                    all = all.union(matrix.profile(profile).ports(protocol));
                }
            }
        }
        all
    }
}
