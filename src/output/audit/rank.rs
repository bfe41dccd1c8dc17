//! Rank and owner of a finding, as outputs have them.

use flowfence_policy::audit::owner::Owner;
use flowfence_policy::audit::rank::{Part, Rank, Spread, Why};
use flowfence_policy::reach::Internet;
use schemars::JsonSchema;
use serde::Serialize;

/// Which finding to look at first among those of its level: `docs/rank.md` has the formula.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RankRow {
    /// 0 to 100, by the formula.
    pub total: u32,
    /// The formula with the numbers of this finding.
    pub formula: String,
    /// What goes into it, by name.
    pub parts: PartsRow,
    /// What the subject may reach; null where the finding is about no workload.
    pub reach: Option<ReachRow>,
}

impl RankRow {
    /// What made it so, part by part: `exposure: …; blast radius: …`. Empty where nothing did.
    pub fn reasons(&self) -> String {
        let parts = &self.parts;
        let of = [
            ("exposure", &parts.exposure.why),
            ("privilege", &parts.privilege.why),
            ("blast radius", &parts.blast_radius.why),
            ("environment", &parts.environment.why),
            ("confidence", &parts.confidence.why),
        ];
        let told = of.iter().filter(|(_, why)| !why.is_empty());
        told.map(|(name, why)| format!("{name}: {}", why.join(", "))).collect::<Vec<_>>().join("; ")
    }
}

/// The parts of a rank.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartsRow {
    /// What every finding has.
    pub base: PointsRow,
    /// How far outside somebody stands who can talk to the subject.
    pub exposure: PointsRow,
    /// What whoever takes it over may do beyond an ordinary pod.
    pub privilege: PointsRow,
    /// What it may reach under today's policies.
    pub blast_radius: PointsRow,
    /// What the environment is worth.
    pub environment: ShareRow,
    /// How sure the finding is.
    pub confidence: ShareRow,
}

/// A part that is added.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PointsRow {
    /// Points.
    pub points: u32,
    /// Points at most.
    pub most: u32,
    /// What gave them.
    #[schemars(with = "Vec<String>")]
    pub why: Why,
}

/// A part that is multiplied by.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ShareRow {
    /// Per cent.
    pub percent: u32,
    /// What made it so.
    #[schemars(with = "Vec<String>")]
    pub why: Why,
}

/// What a workload may reach.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct ReachRow {
    /// Under today's policies.
    pub today: SpreadRow,
    /// Once what `recommend` writes is in force.
    pub recommended: SpreadRow,
}

/// How far trouble in it spreads.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpreadRow {
    /// Other workloads that it may reach.
    pub workloads: usize,
    /// Of so many.
    pub of: usize,
    /// `none`, `some` addresses that rules name, or `anywhere`.
    pub internet: &'static str,
    /// Whether it may reach the API server.
    pub api_server: bool,
}

/// Who should look.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OwnerRow {
    /// As it is written in the object.
    pub name: String,
    /// Where it is written, such as `annotation a8r.io/owner of namespace shop`.
    pub from: String,
}

impl From<&Rank> for RankRow {
    fn from(rank: &Rank) -> Self {
        let points = |part: &Part, most: u32| PointsRow { points: part.value, most, why: part.why.clone() };
        let share = |part: &Part| ShareRow { percent: part.value, why: part.why.clone() };
        RankRow {
            total: rank.total(),
            formula: rank.formula(),
            parts: PartsRow {
                base: PointsRow { points: Rank::BASE, most: Rank::BASE, why: Why::default() },
                exposure: points(&rank.exposure, Rank::MAX_EXPOSURE),
                privilege: points(&rank.privilege, Rank::MAX_PRIVILEGE),
                blast_radius: points(&rank.blast_radius, Rank::MAX_BLAST_RADIUS),
                environment: share(&rank.environment),
                confidence: share(&rank.confidence),
            },
            reach: rank
                .spread
                .map(|(today, then)| ReachRow { today: today.into(), recommended: then.into() }),
        }
    }
}

impl From<Spread> for SpreadRow {
    fn from(spread: Spread) -> Self {
        let internet = match spread.internet {
            Internet::None => "none",
            Internet::Some => "some",
            Internet::Anywhere => "anywhere",
        };
        SpreadRow { workloads: spread.workloads, of: spread.of, internet, api_server: spread.api_server }
    }
}

impl From<Owner> for OwnerRow {
    fn from(owner: Owner) -> Self {
        OwnerRow { name: owner.name, from: owner.from }
    }
}
