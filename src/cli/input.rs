//! What several verbs hear: where traffic and objects come from, bounds, and whom to trust.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

use super::{FormatArgs, LiveArgs, TlsArgs};

/// Where traffic and objects come from.
#[derive(Clone, Debug, Args)]
pub struct InputArgs {
    /// Captures and flow logs: files, directories, globs, or - for stdin; gzip and zstd are opened.
    /// live:IFACE takes packets from an interface, live:any from all; hubble://HOST:PORT follows flows of Cilium's Hubble,
    /// goldmane://HOST:PORT those of Calico's Goldmane; netflow://, ipfix:// and sflow://ADDRESS:PORT hear flow exporters
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    /// Flow logs
    #[command(flatten)]
    pub logs: FormatArgs,
    /// Threads that read files and look for findings; what comes out is the same [default: as many as there are processors, up to 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,
    /// Objects
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Bounds
    #[command(flatten)]
    pub bounds: BoundArgs,
    /// Live sources
    #[command(flatten)]
    pub live: LiveArgs,
    /// Servers of flows
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// Threads at most, unless told otherwise.
const MAX_JOBS: usize = 16;

impl InputArgs {
    /// Threads that work at once.
    pub fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_JOBS);
        self.jobs.map_or_else(processors, usize::from)
    }
}

/// How much may be kept, and lost.
#[derive(Clone, Copy, Debug, Args)]
pub struct BoundArgs {
    /// Flows that are kept at once; the least recent go first, and are counted
    #[arg(long, value_name = "N", default_value_t = 16_777_216, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_flows: u32,
    /// Share of packets and flows that may be lost before the run ends with code 5
    #[arg(long, value_name = "RATIO", default_value_t = 0.01, value_parser = ratio)]
    pub allow_loss: f64,
}

/// Which objects of the cluster count.
#[derive(Clone, Debug, Default, Args)]
pub struct ClusterArgs {
    /// Objects as `kubectl get … -o yaml|json` prints them: a file, a directory, or `none`;
    /// may be given for several moments of one cluster. Without it the kube API of the current
    /// context is asked
    #[arg(long = "cluster", value_name = "PATH")]
    pub cluster: Vec<PathBuf>,
    /// Policies that replace those of the cluster
    #[arg(long, value_name = "PATH")]
    pub policies: Option<PathBuf>,
    /// The kubeconfig of the kube API
    #[arg(long, value_name = "PATH", conflicts_with = "cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", conflicts_with = "cluster")]
    pub context: Option<String>,
}

/// What makes a workload a subject, and edges trusted.
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// Subjects are the workloads of these namespaces; by default all of --cluster, and of the kube
    /// API that of the context
    #[arg(short = 'n', long = "namespace", value_name = "NS")]
    pub namespaces: Vec<String>,
    /// All namespaces (the default with --cluster)
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// Trust an edge (`FROM -> TO PORT/PROTOCOL`) or everything that a finding withholds (its id)
    #[arg(long, value_name = "ID")]
    pub accept: Vec<String>,
    /// Refuse an edge (`FROM -> TO PORT/PROTOCOL`): never a rule, whatever was seen
    #[arg(long, value_name = "EDGE")]
    pub deny: Vec<String>,
    /// Decisions that are kept in a file, with who, why and until when; may be repeated
    #[arg(long, value_name = "FILE")]
    pub decisions: Vec<PathBuf>,
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1, such as 0.01".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_outside_zero_to_one_are_refused() {
        assert!(
            ratio("1.5").is_err() && ratio("-1").is_err() && ratio("NaN").is_err() && ratio("0.2").is_ok()
        );
    }
}
