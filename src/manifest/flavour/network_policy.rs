//! `networking.k8s.io/v1` NetworkPolicy: what the recommender speaks, and every plugin.

use super::part::{Ledger, Part};
use super::{Flavour, FlavourError, Rules, Scene, Sheet, Written};
use crate::manifest::kind::network_policy;
use crate::manifest::write::{PLAIN, to_json, write_as};

pub(super) const FLAVOUR: Flavour = Flavour {
    name: "networkpolicy",
    title: "NetworkPolicy of Kubernetes, which every plugin understands",
    api_version: PLAIN.api_version,
    kind: PLAIN.kind,
    write: |sheets, scene| sheets.iter().map(|sheet| file(sheet, scene)).collect(),
    read: |root, _| network_policy::policy(root, &[]).map(Rules::Policy),
};

fn file(sheet: &Sheet<'_>, scene: &Scene<'_>) -> Result<Written, FlavourError> {
    let mut text = String::new();
    write_as(&mut text, PLAIN, sheet.manifest)?;
    Ok(Written {
        file: sheet.file.to_owned(),
        text,
        objects: vec![to_json(sheet.manifest)],
        reasons: reasons(sheet, scene),
        notes: Vec::new(),
    })
}

/// The edges behind rules that are written one for one.
pub(super) fn reasons(sheet: &Sheet<'_>, scene: &Scene<'_>) -> Vec<super::Reason> {
    let policy = &sheet.manifest.policy;
    let mut ledger = Ledger::new(sheet, scene);
    for evidence in sheet.evidence {
        let rules = policy.rules(evidence.direction).unwrap_or_default();
        if let Some(rule) = rules.get(evidence.rule) {
            ledger.enter(&policy.key(), evidence.direction, evidence.rule, &Part::whole(evidence.rule, rule));
        }
    }
    ledger.reasons
}
