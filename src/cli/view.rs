//! What `graph` shows: which edges, and what a node stands for.

use clap::Args;
use ipnet::IpNet;

use super::value::{By, Externals, Shown};
use crate::view::{EndPattern, Moment, PortPattern};

/// Filters and folds; filters look at the graph of workloads (pods with `--by pod`), whatever it is folded to.
#[derive(Clone, Debug, Default, Args)]
pub struct ViewArgs {
    /// What a node stands for
    #[arg(long, value_enum, default_value_t)]
    pub by: By,
    /// What a node outside of the cluster stands for
    #[arg(long, value_enum, default_value_t)]
    pub externals: Externals,
    /// Fold the addresses outside that are in this block; may be repeated, the narrowest counts
    #[arg(long, value_name = "CIDR")]
    pub cidr: Vec<IpNet>,
    /// Only edges with an end that has these labels, as kubectl writes selectors
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Only edges from these: a node id, NAMESPACE/NAME, a name, a pattern with * and ?, namespace/NAME, an address, a
    /// CIDR, a DNS name, or external
    #[arg(long, value_name = "END")]
    pub from: Vec<EndPattern>,
    /// Only edges to these, likewise
    #[arg(long, value_name = "END")]
    pub to: Vec<EndPattern>,
    /// Only edges on these ports: 5432, 53/UDP, 8000-8100, udp or icmp
    #[arg(long, value_name = "PORT[/PROTO]")]
    pub port: Vec<PortPattern>,
    /// Only edges that stand so
    #[arg(long, value_enum, value_name = "STANDING")]
    pub verdict: Vec<Shown>,
    /// Only edges with traffic since then: RFC 3339, or a time back from the end of the window, such as 10m
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Only edges with traffic before then, likewise
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
    /// Only what is near these, named as for --from
    #[arg(long, value_name = "END")]
    pub around: Vec<EndPattern>,
    /// How many edges away from --around, in either direction [default: 1]
    #[arg(long, value_name = "N", requires = "around", value_parser = clap::value_parser!(u32).range(1..))]
    pub hops: Option<u32>,
    /// Show beside it what today's policies allow between workloads and nobody used
    #[arg(long)]
    pub reach: bool,
    /// Draw trees and matrices with ASCII alone
    #[arg(long)]
    pub ascii: bool,
}
