//! The languages in which a recommendation is written: one file a flavour, one table.
//!
//! ```text
//! recommended policies ─▶ write ─▶ text ─▶ read ─▶ Candidate ─▶ proof
//!          Scene ──────────┘                └── Scene: what entities and names stand for
//! ```
//!
//! Each flavour is written from the NetworkPolicies that the recommender found, and each is read
//! back from its own text and translated into the rules that the engine knows. The proof is about
//! these: what a flavour says otherwise than v1 is measured, not believed.

mod block;
mod calico;
mod calico_staged;
mod cilium;
mod cluster_network_policy;
mod draft;
mod network_policy;
mod part;
mod read;
mod scene;
mod sheet;

#[cfg(test)]
mod tests;

use std::fmt;

use flowfence_model::{ClusterPolicy, NetworkPolicy};
use flowfence_policy::recommend::proof::Candidate;

use super::refusal::Refusal;
use super::tree::Field;

pub use cluster_network_policy::write_cluster_policy;
pub use scene::Scene;
pub use sheet::{FlavourError, Note, Reason, Sheet, Written};

/// A language of policies.
#[derive(Clone, Copy)]
pub struct Flavour {
    /// Its token on the command line and in outputs.
    pub name: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// `apiVersion` of its objects.
    pub api_version: &'static str,
    /// `kind` of its objects.
    pub kind: &'static str,
    /// Writes recommended policies; a file each.
    write: fn(&[Sheet<'_>], &Scene<'_>) -> Result<Vec<Written>, FlavourError>,
    /// Translates one object that was read.
    read: fn(&Field<'_>, &Scene<'_>) -> Result<Rules, Refusal>,
}

/// What one object means.
enum Rules {
    Policy(NetworkPolicy),
    Tier(ClusterPolicy),
}

/// Every flavour, the default first.
pub static FLAVOURS: [Flavour; 5] = [
    network_policy::FLAVOUR,
    cluster_network_policy::FLAVOUR,
    cilium::FLAVOUR,
    calico::FLAVOUR,
    calico_staged::FLAVOUR,
];

impl Flavour {
    /// The flavour of a token.
    pub fn named(name: &str) -> Option<&'static Flavour> {
        FLAVOURS.iter().find(|flavour| flavour.name == name)
    }

    /// Whether its objects are NetworkPolicies of v1, which take the place of those of their name.
    pub fn is_plain(&self) -> bool {
        self.name == network_policy::FLAVOUR.name
    }

    /// Writes policies; the same policies give the same bytes.
    pub fn write(&self, sheets: &[Sheet<'_>], scene: &Scene<'_>) -> Result<Vec<Written>, FlavourError> {
        (self.write)(sheets, scene)
    }

    /// Reads what was written as any reader would, and translates it into rules. An error tells
    /// what cannot be read, with file and line.
    pub fn read_back(&self, files: &[Written], scene: &Scene<'_>) -> Result<Candidate, FlavourError> {
        let mut candidate = Candidate { is_foreign: !self.is_plain(), ..Candidate::default() };
        for file in files {
            let rules = read::objects(file, self, scene)?;
            if rules.len() != file.objects.len() {
                let (read, written) = (rules.len(), file.objects.len());
                let reason =
                    format!("{} holds {read} objects when read back, {written} were written", file.file);
                return Err(FlavourError::Unreadable(reason));
            }
            for rules in rules {
                match rules {
                    Rules::Policy(policy) => candidate.policies.push(policy),
                    Rules::Tier(policy) => candidate.tiers.push(policy),
                }
            }
        }
        Ok(candidate)
    }
}

impl fmt::Debug for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
