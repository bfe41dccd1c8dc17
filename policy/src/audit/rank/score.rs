//! The rank of a finding: one formula over named parts.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::reach::Internet;

/// What gave a part its value, in words. All findings about a workload share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why(Arc<[String]>);

impl Deref for Why {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl FromIterator<String> for Why {
    fn from_iter<I: IntoIterator<Item = String>>(words: I) -> Self {
        Why(words.into_iter().collect())
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// What counts for one part, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Points, or per cent.
    pub value: u32,
    /// What gave them; empty where nothing did.
    pub why: Why,
}

impl Part {
    /// A part of so much.
    pub(super) fn new(value: u32, why: impl IntoIterator<Item = String>) -> Self {
        Part { value, why: why.into_iter().collect() }
    }
}

/// How far trouble in the workload spreads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Other workloads that it may reach.
    pub workloads: usize,
    /// Of so many.
    pub of: usize,
    /// Whether it may reach the internet.
    pub internet: Internet,
    /// Whether it may reach the API server.
    pub api_server: bool,
}

/// The parts of a rank. [`Rank::total`] is the formula, and the only one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rank {
    /// Points for how far outside the subject can be talked to, up to [`Rank::MAX_EXPOSURE`].
    pub exposure: Part,
    /// Points for what its pods may do beyond ordinary ones, up to [`Rank::MAX_PRIVILEGE`].
    pub privilege: Part,
    /// Points for what it may reach under today's policies, up to [`Rank::MAX_BLAST_RADIUS`].
    pub blast_radius: Part,
    /// Per cent that are left of the points: what the environment is worth.
    pub environment: Part,
    /// Per cent that are left of those: how sure the finding is.
    pub confidence: Part,
    /// What the blast radius is made of, under today's policies and under what would be recommended; none where the
    /// finding is about no workload.
    pub spread: Option<(Spread, Spread)>,
}

impl Rank {
    /// Points that every finding has.
    pub const BASE: u32 = 20;
    /// Most points for exposure.
    pub const MAX_EXPOSURE: u32 = 30;
    /// Most points for privilege.
    pub const MAX_PRIVILEGE: u32 = 20;
    /// Most points for the blast radius.
    pub const MAX_BLAST_RADIUS: u32 = 30;

    /// 0 to 100: `(20 + exposure + privilege + blast radius) × environment × confidence`, rounded to the nearest, a
    /// half upwards. It never falls when a part grows.
    pub fn total(&self) -> u32 {
        let capped = |part: &Part, most: u32| part.value.min(most);
        let points = Self::BASE
            + capped(&self.exposure, Self::MAX_EXPOSURE)
            + capped(&self.privilege, Self::MAX_PRIVILEGE)
            + capped(&self.blast_radius, Self::MAX_BLAST_RADIUS);
        (points * capped(&self.environment, 100) * capped(&self.confidence, 100) + 5_000) / 10_000
    }

    /// The formula with its numbers, from which a person can work out the total.
    pub fn formula(&self) -> String {
        format!(
            "({} + {} + {} + {}) × {} % × {} %",
            Self::BASE,
            self.exposure.value,
            self.privilege.value,
            self.blast_radius.value,
            self.environment.value,
            self.confidence.value
        )
    }
}
