//! `projectcalico.org/v3` `StagedKubernetesNetworkPolicy`: the spec of NetworkPolicy v1 under a
//! kind that Calico evaluates and does not enforce. A preview.

use super::network_policy::reasons;
use super::{Flavour, FlavourError, Rules, Scene, Sheet, Written, read};
use crate::manifest::kind::network_policy;
use crate::manifest::write::{Guise, to_json_as, write_as};

/// `Set`: the policy is staged to be made or changed, in contrast to being deleted.
const ACTION: &str = "Set";
const GUISE: Guise = Guise {
    api_version: "projectcalico.org/v3",
    kind: "StagedKubernetesNetworkPolicy",
    staged_action: Some(ACTION),
};

pub(super) const FLAVOUR: Flavour = Flavour {
    name: "calico-staged",
    title: "StagedKubernetesNetworkPolicy of Calico: evaluated, not enforced",
    api_version: GUISE.api_version,
    kind: GUISE.kind,
    write: |sheets, scene| sheets.iter().map(|sheet| file(sheet, scene)).collect(),
    // It means what it would mean once it is no longer staged.
    read: |root, _| {
        read::is(&root.get("spec").get("stagedAction"), ACTION)?;
        network_policy::policy(root, &["stagedAction"]).map(Rules::Policy)
    },
};

fn file(sheet: &Sheet<'_>, scene: &Scene<'_>) -> Result<Written, FlavourError> {
    let mut text = String::new();
    write_as(&mut text, GUISE, sheet.manifest)?;
    Ok(Written {
        file: sheet.file.to_owned(),
        text,
        objects: vec![to_json_as(GUISE, sheet.manifest)],
        reasons: reasons(sheet, scene),
        notes: Vec::new(),
    })
}
