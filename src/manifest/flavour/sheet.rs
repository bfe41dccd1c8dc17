//! What goes into a flavour and what comes out.

use std::collections::BTreeSet;
use std::fmt;

use flowfence_model::policy::Direction;
use flowfence_policy::recommend::{Declared, Evidence, RecommendedPolicy, Width};
use serde_json::Value;

use crate::manifest::write::PolicyManifest;

/// One recommended policy with everything that is known of it.
pub struct Sheet<'a> {
    /// `NAMESPACE/NAME.yaml`.
    pub file: &'a str,
    /// The policy and its metadata.
    pub manifest: &'a PolicyManifest,
    /// The edges behind each rule.
    pub evidence: &'a [Evidence],
    /// The comment for a rule, or for the part of one that some of its edges need.
    pub comment: &'a dyn Fn(&Evidence) -> String,
    /// Ports at which its workloads were seen to ask DNS.
    pub dns_ports: BTreeSet<u16>,
}

impl<'a> Sheet<'a> {
    /// From a recommended policy, its manifest, and the widths that the recommendation declares.
    pub fn new(
        recommended: &'a RecommendedPolicy,
        manifest: &'a PolicyManifest,
        declared: &[Declared],
        comment: &'a dyn Fn(&Evidence) -> String,
    ) -> Self {
        let dns = declared.iter().filter(|width| {
            width.kind == Width::Dns
                && width.direction == Direction::Egress
                && recommended.subjects.contains(&width.subject)
        });
        Sheet {
            file: &recommended.file,
            manifest,
            evidence: &recommended.evidence,
            comment,
            dns_ports: dns.filter_map(|width| width.port.parse().ok()).collect(),
        }
    }
}

impl fmt::Debug for Sheet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheet")
            .field("file", &self.file)
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

/// One file of a flavour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Its path under the output directory, safe as a relative path.
    pub file: String,
    /// Its YAML: one document or several.
    pub text: String,
    /// The same objects as the API's JSON.
    pub objects: Vec<Value>,
    /// Which edges need which rule.
    pub reasons: Vec<Reason>,
    /// What of the policy the flavour says otherwise, or cannot say.
    pub notes: Vec<Note>,
}

/// The edges behind a rule of an object as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `NAMESPACE/NAME`, or `KIND/NAME` of an object without a namespace.
    pub object: String,
    /// Which of its lists, the place in it, and the edges.
    pub evidence: Evidence,
}

/// A difference between a policy and what the flavour makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The policy, `NAMESPACE/NAME`.
    pub policy: String,
    /// The direction that it concerns.
    pub direction: Direction,
    /// One sentence.
    pub text: String,
}

/// Why a recommendation has no text in a flavour, or none that can be read.
#[derive(Debug, thiserror::Error)]
pub enum FlavourError {
    /// The YAML writer refused.
    #[error("cannot be written as YAML")]
    Yaml(#[from] fmt::Error),
    /// The language has no way to say it.
    #[error("{policy}: the flavour {flavour} cannot say {what}")]
    Unsayable {
        /// The policy, `NAMESPACE/NAME`.
        policy: String,
        /// The flavour.
        flavour: &'static str,
        /// What.
        what: String,
    },
    /// What was written does not read back; file, line and reason.
    #[error("{0}")]
    Unreadable(String),
}
