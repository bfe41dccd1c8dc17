//! What one workload may reach.

use fixedbitset::FixedBitSet;

/// How much of the internet may be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Internet {
    /// No address of it.
    #[default]
    None,
    /// Addresses that rules name.
    Some,
    /// Any that no rule speaks of.
    Anywhere,
}

/// What a workload may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Radius {
    /// Other workloads, by [`super::Radii::number`].
    pub workloads: FixedBitSet,
    /// The internet.
    pub internet: Internet,
    /// Whether the API server is among it.
    pub api_server: bool,
}

impl Radius {
    /// How many other workloads.
    pub fn count(&self) -> usize {
        self.workloads.count_ones(..)
    }

    pub(super) fn widen(&mut self, other: &Radius) {
        self.workloads.union_with(&other.workloads);
        self.internet = self.internet.max(other.internet);
        self.api_server |= other.api_server;
    }
}
