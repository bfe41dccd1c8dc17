//! Sets of allowed ports, each kept once.

use std::collections::HashMap;

use flowfence_model::{PortSet, Protocol};
use foldhash::fast::RandomState;

/// What is allowed between two ends: ports by protocol. ICMP has all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    ports: [PortSet; 4],
}

impl Profile {
    /// Everything.
    pub fn everything() -> Self {
        Profile { ports: [PortSet::all(), PortSet::all(), PortSet::all(), PortSet::all()] }
    }

    /// The ports of each protocol.
    pub fn new(of: impl FnMut(Protocol) -> PortSet) -> Self {
        Profile { ports: PROTOCOLS.map(of) }
    }

    /// The ports of one protocol.
    pub fn ports(&self, protocol: Protocol) -> &PortSet {
        &self.ports[protocol as usize]
    }

    /// The protocols of which any port is allowed, with these.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, &PortSet)> {
        PROTOCOLS.into_iter().zip(&self.ports).filter(|(_, ports)| !ports.is_empty())
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.ports.iter().all(PortSet::is_empty)
    }

    /// Whether everything is allowed.
    pub fn is_everything(&self) -> bool {
        *self == Profile::everything()
    }

    /// What both allow.
    #[must_use]
    pub fn intersection(&self, other: &Profile) -> Profile {
        Profile::new(|protocol| self.ports(protocol).intersection(other.ports(protocol)))
    }

    /// What either allows.
    #[must_use]
    pub fn union(&self, other: &Profile) -> Profile {
        Profile::new(|protocol| self.ports(protocol).union(other.ports(protocol)))
    }

    /// What this one allows and the other does not.
    #[must_use]
    pub fn difference(&self, other: &Profile) -> Profile {
        Profile::new(|protocol| self.ports(protocol).difference(other.ports(protocol)))
    }
}

const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp];

/// The number of a profile in its matrix: equal profiles have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(pub(super) u32);

impl ProfileId {
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// Profiles by number, and what pairs of them have in common. Two have a number before anything
/// is asked.
#[derive(Clone, Debug)]
pub(super) struct Profiles {
    known: Vec<Profile>,
    numbers: HashMap<Profile, ProfileId, RandomState>,
    common: HashMap<(ProfileId, ProfileId), ProfileId, RandomState>,
}

impl Default for Profiles {
    fn default() -> Self {
        let mut profiles =
            Profiles { known: Vec::new(), numbers: HashMap::default(), common: HashMap::default() };
        profiles.number(Profile::everything());
        profiles.number(Profile::default());
        profiles
    }
}

impl Profiles {
    /// The number of [`Profile::everything`].
    pub(super) const EVERYTHING: ProfileId = ProfileId(0);
    /// The number of the empty profile.
    pub(super) const NOTHING: ProfileId = ProfileId(1);

    pub(super) fn get(&self, id: ProfileId) -> &Profile {
        &self.known[id.0 as usize]
    }

    pub(super) fn number(&mut self, profile: Profile) -> ProfileId {
        if let Some(known) = self.numbers.get(&profile) {
            return *known;
        }
        let id = ProfileId(u32::try_from(self.known.len()).expect("fewer than 2^32 profiles"));
        self.known.push(profile.clone());
        self.numbers.insert(profile, id);
        id
    }

    pub(super) fn common(&mut self, one: ProfileId, other: ProfileId) -> ProfileId {
        // Most pairs are of an end that nothing isolates, or of one that shuts the other out.
        if one == other || other == Self::EVERYTHING || one == Self::NOTHING {
            return one;
        }
        if one == Self::EVERYTHING || other == Self::NOTHING {
            return other;
        }
        let pair = (one.min(other), one.max(other));
        if let Some(known) = self.common.get(&pair) {
            return *known;
        }
        let both = self.get(one).intersection(self.get(other));
        let id = self.number(both);
        self.common.insert(pair, id);
        id
    }
}
