//! `--evidence-bundle`: everything that a run of `audit` or `recommend` rests on, in one archive.

mod input;
mod verdict;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use flowfence_graph::View;
use flowfence_policy::judge::Judgement;

use super::graph;
use super::observed::Observed;
use super::page::Advice;
use crate::exit::Failure;
use crate::manifest::{write_cluster_policy, write_policy};
use crate::output::API_VERSION;
use crate::output::audit::AuditReport;
use crate::output::bundle::{Bundle, BundleManifest, InputRow, README, RecommendationRow};
use crate::output::graph::WindowRow;

pub(super) use input::{Read, rows as inputs};

/// The flag, whose value is not part of the command line that a bundle tells.
const FLAG: &str = "--evidence-bundle";
/// Flags whose values are not told: they name keys.
const SECRET: &[&str] = &["--tls-key", "--tls-cert", "--tls-ca", "--kubeconfig"];

/// What a bundle tells, beside what it works out itself.
pub(super) struct Evidence<'a> {
    /// What was read, hashed before the run wrote anything.
    pub inputs: Vec<InputRow>,
    /// The traffic and the cluster.
    pub observed: &'a Observed,
    /// What was concluded.
    pub judgement: &'a Judgement,
    /// What was found.
    pub report: &'a AuditReport,
    /// What is recommended, or why nothing is.
    pub advice: &'a Advice<'a>,
}

/// Writes the bundle.
pub(super) fn write(path: &Path, evidence: Evidence<'_>) -> Result<(), Failure> {
    let Evidence { inputs, observed, judgement, report, advice } = evidence;
    let mut bundle = Bundle::default();
    bundle.add("README.txt", README.as_bytes().to_vec());
    bundle.add_json("findings.json", report)?;
    bundle.add_json("graph.json", &graph::report(observed, judgement, View::Workload))?;
    bundle.add_json("verdicts.json", &verdict::rows(observed, judgement))?;
    policies(&mut bundle, observed)?;
    let recommendation = recommendation(&mut bundle, advice)?;
    let manifest = BundleManifest {
        api_version: API_VERSION,
        kind: "EvidenceBundle",
        version: env!("CARGO_PKG_VERSION"),
        command_line: command_line(
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()),
        ),
        window: observed.facts.window.map(|(start, end)| WindowRow { start, end }),
        completeness: observed.completeness.clone(),
        inputs,
        recommendation,
        members: bundle.rows(),
    };
    bundle.add_json("manifest.json", &manifest)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(parent)?;
        bundle.write(std::io::BufWriter::new(file.as_file()))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| path.display().to_string())?;
    Ok(())
}

/// The policies in force, each as it was understood.
fn policies(bundle: &mut Bundle, observed: &Observed) -> Result<(), Failure> {
    for policy in &observed.cluster.policies {
        let mut text = String::new();
        write_policy(&mut text, &policy.clone().into()).map_err(anyhow::Error::from)?;
        bundle.add(&format!("policies/{}.yaml", policy.key()), text.into_bytes());
    }
    // Kinds begin with a capital, and namespaces do not.
    for policy in &observed.cluster.tiers {
        let mut text = String::new();
        write_cluster_policy(&mut text, policy, &BTreeMap::new()).map_err(anyhow::Error::from)?;
        bundle.add(&format!("policies/{}.yaml", policy.key()), text.into_bytes());
    }
    Ok(())
}

/// The recommended set as it is written, and what it was measured to do.
fn recommendation(bundle: &mut Bundle, advice: &Advice<'_>) -> Result<RecommendationRow, Failure> {
    let proved = match advice {
        Advice::Proved(proved) => proved,
        Advice::Refused(why) => {
            return Ok(RecommendationRow { made: false, proof_holds: None, why: Some(why.clone()) });
        }
    };
    bundle.add_json("recommendation.json", &proved.report)?;
    for written in &proved.files {
        bundle.add(&format!("recommended/{}", written.file), written.text.clone().into_bytes());
    }
    Ok(RecommendationRow { made: true, proof_holds: Some(proved.holds()), why: None })
}

/// The words of a command line without where the bundle goes, and without what may be secret. What a URL says of a user
/// and a password is left out.
fn command_line(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut told = Vec::new();
    let mut words = words;
    while let Some(word) = words.next() {
        let (flag, value) =
            word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
        if flag == FLAG {
            if value.is_none() {
                words.next();
            }
        } else if SECRET.contains(&flag) {
            if value.is_none() {
                words.next();
            }
            told.push(format!("{flag}=…"));
        } else {
            told.push(without_user(&word));
        }
    }
    told
}

fn without_user(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let host = rest.split('/').next().unwrap_or_default();
    match host.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://…{}", rest.strip_prefix(user).unwrap_or_default()),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_neither_keys_nor_where_the_bundle_went() {
        let words = "audit a.pcap --evidence-bundle b.tar.gz --tls-key k.pem --tls-ca=c.pem hubble://u:p@h:1 --evidence-bundle=x";
        let told = command_line(words.split(' ').map(str::to_owned));
        assert_eq!(told, ["audit", "a.pcap", "--tls-key=…", "--tls-ca=…", "hubble://…@h:1"]);
    }
}
