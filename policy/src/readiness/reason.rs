//! The verdicts, and every reason for one.

use std::fmt;

/// Whether enough was seen to fence a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing suggests that more would be seen.
    #[default]
    Ready,
    /// More would probably be seen.
    KeepWatching,
    /// Watching on helps nothing: no tap can see it wholly.
    Blind,
}

impl Verdict {
    /// Every verdict, the best first.
    pub const ALL: [Verdict; 3] = [Verdict::Ready, Verdict::KeepWatching, Verdict::Blind];

    /// As outputs have it.
    pub const fn token(self) -> &'static str {
        match self {
            Verdict::Ready => "ready",
            Verdict::KeepWatching => "keep watching",
            Verdict::Blind => "blind",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}

/// What speaks for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Pods ran whose traffic no tap could see wholly.
    PodsUnseen,
    /// More of the input was lost than may be.
    Loss,
    /// It was seen by a sample of its packets.
    Sampled,
    /// No run of a CronJob was seen.
    ScheduleUncovered,
    /// No run of a Job or CronJob was seen from its beginning to its end.
    RunNotWhole,
    /// None of its pods ran.
    NotRunning,
    /// Pods ran, and nothing but probes was seen.
    Unobserved,
    /// Too few samples to compare.
    FewSamples,
    /// A new edge appeared late.
    NewEdge,
    /// Too large a share of its traffic belongs to edges that come rarely.
    Coverage,
    /// Edges are estimated to be missing.
    UnseenEdges,
    /// Connections of which nobody knows who opened them.
    DirectionUnknown,
    /// It tried somebody who never answered.
    Unanswered,
    /// A finding withholds edges until a person decides.
    Undecided,
    /// None of its pods was seen to start.
    NoStart,
}

impl Cause {
    /// Every cause, the gravest first.
    pub const ALL: [Cause; 15] = [
        Cause::PodsUnseen,
        Cause::Loss,
        Cause::Sampled,
        Cause::ScheduleUncovered,
        Cause::RunNotWhole,
        Cause::NotRunning,
        Cause::Unobserved,
        Cause::FewSamples,
        Cause::NewEdge,
        Cause::Coverage,
        Cause::UnseenEdges,
        Cause::DirectionUnknown,
        Cause::Unanswered,
        Cause::Undecided,
        Cause::NoStart,
    ];

    /// As outputs have it; never changes.
    pub const fn token(self) -> &'static str {
        match self {
            Cause::PodsUnseen => "pods-unseen",
            Cause::Loss => "loss",
            Cause::Sampled => "sampled",
            Cause::ScheduleUncovered => "schedule-uncovered",
            Cause::RunNotWhole => "run-not-whole",
            Cause::NotRunning => "not-running",
            Cause::Unobserved => "unobserved",
            Cause::FewSamples => "few-samples",
            Cause::NewEdge => "new-edge",
            Cause::Coverage => "coverage",
            Cause::UnseenEdges => "unseen-edges",
            Cause::DirectionUnknown => "direction-unknown",
            Cause::Unanswered => "unanswered",
            Cause::Undecided => "undecided",
            Cause::NoStart => "no-start",
        }
    }

    /// The verdict that it brings; `ready` for what a person should know and time will not mend.
    pub const fn verdict(self) -> Verdict {
        match self {
            Cause::PodsUnseen => Verdict::Blind,
            Cause::Unanswered | Cause::Undecided | Cause::NoStart => Verdict::Ready,
            _ => Verdict::KeepWatching,
        }
    }
}

/// One reason, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What speaks for a verdict.
    pub cause: Cause,
    /// Half a sentence for people.
    pub why: String,
}

impl Reason {
    pub(super) fn new(cause: Cause, why: impl Into<String>) -> Self {
        Reason { cause, why: why.into() }
    }
}

/// The worst verdict of some reasons.
pub(super) fn worst(reasons: &[Reason]) -> Verdict {
    reasons.iter().map(|reason| reason.cause.verdict()).max().unwrap_or_default()
}
