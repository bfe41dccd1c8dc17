//! What a verb reads and writes beside its sources and objects.

use std::path::PathBuf;

use super::{AuditArgs, JudgeArgs, RecommendArgs, Verb};

/// Files and directories that a verb names on its command line beside its sources and objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// It reads these.
    pub read: Vec<PathBuf>,
    /// It writes these, or into these.
    pub write: Vec<PathBuf>,
}

impl Verb {
    /// Tells the live sources of a verb what a sandbox must leave open.
    pub fn name_paths(&mut self) {
        match self {
            Verb::Graph(args) => {
                args.input.live.paths = of_judge(&args.judge);
                args.input.live.paths.read.extend(args.against.iter().map(PathBuf::from));
            }
            Verb::Audit(args) => args.input.live.paths = of_audit(args),
            Verb::Check(args) => args.input.live.paths = of_judge(&args.judge),
            Verb::Recommend(args) => args.input.live.paths = of_recommend(args),
            // A name that is not there yet is made in the directory that is.
            Verb::Capture(args) => args.live.paths.write = vec![args.out.clone()],
            Verb::Reach(_)
            | Verb::Explain(_)
            | Verb::Snapshot(_)
            | Verb::Completion { .. }
            | Verb::Man { .. } => {}
        }
    }
}

fn of_judge(args: &JudgeArgs) -> Paths {
    Paths { read: args.decisions.clone(), write: Vec::new() }
}

fn of_audit(args: &AuditArgs) -> Paths {
    let mut paths = of_judge(&args.judge);
    paths.read.extend(args.baseline.baseline.iter().chain(&args.baseline.write_baseline).cloned());
    paths.write.extend(args.baseline.write_baseline.clone());
    paths
}

fn of_recommend(args: &RecommendArgs) -> Paths {
    let mut paths = of_judge(&args.judge);
    paths.read.extend(args.networks.clone());
    paths.write.extend(args.out.iter().chain(&args.rollout.rollback).cloned());
    // The way back and a patch look at what is there.
    paths.read.extend(paths.write.clone());
    if args.in_place {
        let objects = &args.input.cluster;
        paths.write.extend(objects.cluster.iter().chain(&objects.policies).cloned());
    }
    paths
}
