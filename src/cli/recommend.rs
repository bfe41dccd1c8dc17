//! What `recommend` may be told.

use std::path::PathBuf;

use clap::Args;
use flowfence_policy::recommend::ServedRange;

use super::value::{self, DefaultDeny, Dns, Exposed, Layout, Mode, RecommendFormat};
use super::{InputArgs, JudgeArgs};
use crate::manifest::flavour::{FLAVOURS, Flavour};

/// `recommend`.
#[derive(Debug, Args)]
pub struct RecommendArgs {
    /// Traffic and objects
    #[command(flatten)]
    pub input: InputArgs,
    /// Subjects and trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// What the policies are for
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// Write one file a workload and a kustomization.yaml into this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also fence workloads whose pods no tap could see wholly
    #[arg(long)]
    pub include_blind: bool,
    /// Also fence the workloads of system namespaces
    #[arg(long)]
    pub system: bool,
    /// A further namespace that counts as a system one, beside kube-*
    #[arg(long = "system-namespace", value_name = "NS")]
    pub system_namespaces: Vec<String>,
    /// Whom a port that NodePort, LoadBalancer or externalIPs publish admits
    #[arg(long, value_enum, default_value_t)]
    pub exposed: Exposed,
    /// The language of the policies; each is read back and proved
    #[arg(long, visible_alias = "flavor", value_name = "NAME", value_parser = value::flavour(), default_value = FLAVOURS[0].name)]
    pub flavour: &'static Flavour,
    /// Networks outside by name (YAML, kind Networks): a peer in one is the whole of it
    #[arg(long, value_name = "FILE")]
    pub networks: Option<PathBuf>,
    /// Addresses outside that were not seen and that each rule may add, so that its blocks become fewer
    #[arg(long, value_name = "ADDRESSES", default_value_t = 0)]
    pub widen: u128,
    /// Ports that a server opens as it needs them: NAMESPACE/KIND/NAME:FIRST-LAST[/PROTO]
    #[arg(long = "port-range", value_name = "SERVER:PORTS", value_parser = value::served_range)]
    pub port_ranges: Vec<ServedRange>,
    /// With --mode tighten: edit the files that the policies were read from
    #[arg(long, conflicts_with = "out")]
    pub in_place: bool,
    /// Also one policy a namespace that isolates whatever else may come to run there
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    pub default_deny: Option<DefaultDeny>,
    /// Where the rules for DNS stand
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_value_t, default_missing_value = "namespace")]
    pub dns: Dns,
    /// Files
    #[command(flatten)]
    pub rollout: RolloutArgs,
    /// Also write everything that the policies rest on into one archive (.tar.gz), for auditors: graph, findings, verdicts,
    /// the policies of today and the recommended ones, proof, and the hashes of all inputs
    #[arg(long, value_name = "FILE", conflicts_with = "in_place")]
    pub evidence_bundle: Option<PathBuf>,
    /// Output format on stdout
    #[arg(short, long, value_enum, default_value_t)]
    pub output: RecommendFormat,
}

/// How a set is laid out and taken back.
#[derive(Debug, Args)]
pub struct RolloutArgs {
    /// How files lie under --out
    #[arg(long, value_enum, default_value_t)]
    pub layout: Layout,
    /// Write a kustomization a namespace too, to apply one namespace after the other
    #[arg(long, requires = "out")]
    pub canary: bool,
    /// Write the policies of today that are replaced into this directory, to go back to
    #[arg(long, value_name = "DIR")]
    pub rollback: Option<PathBuf>,
}
