//! The command line: what may be said, and which verb hears it.

mod audit;
mod capture;
mod format;
mod input;
mod live;
mod paths;
mod recommend;
mod tls;
mod value;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

pub use audit::{AuditArgs, BaselineArgs};
pub use capture::CaptureArgs;
pub use format::FormatArgs;
pub use input::{BoundArgs, ClusterArgs, InputArgs, JudgeArgs};
pub use live::LiveArgs;
pub use paths::Paths;
pub use recommend::{RecommendArgs, RolloutArgs};
pub use tls::TlsArgs;
pub use value::{
    By, DefaultDeny, Dns, Exposed, FailOn, FindingsFormat, GraphFormat, Layout, Mode, PluginName,
    ReachFormat, RecommendFormat, ReplayFormat, SnapshotFormat, TextOrJson,
};

use crate::exit::{Ending, Failure};
use crate::verb;

/// Fence a Kubernetes network to exactly what it needs.
#[derive(Debug, Parser)]
#[command(name = "flowfence", version, about, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 clean, 1 findings at or above --fail-on, 2 usage, 3 input unreadable or \
damaged beyond use, 4 cluster unreachable, 5 partial data (loss above --allow-loss), 6 proof failed (nothing written).";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show who talks to whom
    Graph(GraphArgs),
    /// Report what is unexpected, too wide, unused or uncovered
    Audit(AuditArgs),
    /// Write least-privilege NetworkPolicies with the proof that they cut nothing seen
    Recommend(RecommendArgs),
    /// Answer whether policies allow given connections, without traffic
    Reach(ReachArgs),
    /// Replay recorded traffic against a candidate set of policies (--policies)
    Check(CheckArgs),
    /// Explain which policy and rule allow or deny a connection
    Explain(ExplainArgs),
    /// Write the objects that flowfence needs, read from the kube API, nothing secret
    Snapshot(SnapshotArgs),
    /// Capture packets into compact flow files
    Capture(CaptureArgs),
    /// Print a shell completion script
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    Man {
        /// The directory, made when missing
        dir: PathBuf,
    },
}

impl Verb {
    /// Where its traffic comes from, when it looks at any.
    fn input(&self) -> Option<&InputArgs> {
        match self {
            Verb::Graph(args) => Some(&args.input),
            Verb::Audit(args) => Some(&args.input),
            Verb::Recommend(args) => Some(&args.input),
            Verb::Check(args) => Some(&args.input),
            _ => None,
        }
    }
}

/// `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// Traffic and objects
    #[command(flatten)]
    pub input: InputArgs,
    /// Subjects and trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// What a node stands for
    #[arg(long, value_enum, default_value_t)]
    pub by: By,
    /// Show what is new, gone or changed since an earlier recording, or graph -o json of one; may be
    /// repeated for a recording of several files
    #[arg(long, value_name = "SOURCE")]
    pub against: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: GraphFormat,
}

/// `reach`.
#[derive(Debug, Args)]
pub struct ReachArgs {
    /// Objects
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Answer these connections instead, as JSON: a JSON list of {from, to, protocol, port}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["against", "from", "to", "namespaces", "selector"])]
    pub probes: Option<PathBuf>,
    /// Show what differs from these policies, which are the ones before
    #[arg(long, value_name = "PATH")]
    pub against: Option<PathBuf>,
    /// Only from this end: NAMESPACE/POD, NAMESPACE/KIND/NAME, namespace/NAME, node/NAME or an address
    #[arg(long, value_name = "END")]
    pub from: Vec<String>,
    /// Only to this end, likewise
    #[arg(long, value_name = "END")]
    pub to: Vec<String>,
    /// Only connections with an end in these namespaces; of the kube API in that of the context
    #[arg(short = 'n', long = "namespace", value_name = "NS")]
    pub namespaces: Vec<String>,
    /// All namespaces (the default with --cluster)
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// Only connections with an end that has these labels, as kubectl writes selectors
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Answer open questions as the documentation of this network plugin does
    #[arg(long, value_enum)]
    pub plugin: Option<PluginName>,
    /// Output format; table by default, json for --probes
    #[arg(short, long, value_enum)]
    pub output: Option<ReachFormat>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Traffic and objects; `--policies` is the candidate set
    #[command(flatten)]
    pub input: InputArgs,
    /// Subjects and trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Answer open questions as the documentation of this network plugin does
    #[arg(long, value_enum)]
    pub plugin: Option<PluginName>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ReplayFormat,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Who opens: NAMESPACE/POD, NAMESPACE/KIND/NAME, node/NAME, apiserver or an address
    pub from: String,
    /// Who is asked, likewise
    pub to: String,
    /// The port of the pod, with its protocol: 8080, 53/UDP or icmp
    #[arg(value_name = "PORT[/PROTO]")]
    pub port: String,
    /// Objects
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Answer open questions as the documentation of this network plugin does
    #[arg(long, value_enum)]
    pub plugin: Option<PluginName>,
    /// What `recommend -o json` wrote: rules are shown with what was seen to need them
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: TextOrJson,
}

/// `snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Write one file a kind into this directory, made when missing; stdout gets everything without it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only objects of these namespaces, beside those that have none; all by default, since whoever
    /// talks to a namespace may be anywhere
    #[arg(short = 'n', long = "namespace", value_name = "NS")]
    pub namespaces: Vec<String>,
    /// All namespaces (the default)
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// The kubeconfig of the kube API
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: SnapshotFormat,
}

/// Reads the command line, runs the verb, and says how it ended.
pub fn main() -> ExitCode {
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout and ends with 0, mistakes to stderr with 2.
            let code = u8::try_from(error.exit_code()).unwrap_or(Ending::Usage as u8);
            return error.print().map_or(ExitCode::from(Ending::Unreadable as u8), |()| ExitCode::from(code));
        }
    };
    cli.verb.name_paths();
    match run(&cli.verb) {
        Ok(ending) => ending.into(),
        Err(failure) if is_closed_pipe(&failure) => Ending::Clean.into(),
        Err(failure) => {
            say!("flowfence: {}", crate::output::safe::line(&format!("{:#}", failure.error)));
            failure.ending.into()
        }
    }
}

/// A reader such as `head` that has had enough is no error.
fn is_closed_pipe(failure: &Failure) -> bool {
    failure
        .error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(verb: &Verb) -> Result<Ending, Failure> {
    if verb.input().is_some_and(|input| input.logs.list_formats) {
        crate::output::formats::write(&mut std::io::stdout().lock())?;
        return Ok(Ending::Clean);
    }
    match verb {
        Verb::Graph(args) => verb::graph::run(args),
        Verb::Audit(args) => verb::audit::run(args),
        Verb::Recommend(args) => verb::recommend::run(args),
        Verb::Reach(args) => verb::reach::run(args),
        Verb::Check(args) => verb::check::run(args),
        Verb::Explain(args) => verb::explain::run(args),
        Verb::Snapshot(args) => verb::snapshot::run(args),
        Verb::Capture(args) => verb::capture::run(args),
        Verb::Completion { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "flowfence", &mut std::io::stdout());
            Ok(Ending::Clean)
        }
        Verb::Man { dir } => {
            std::fs::create_dir_all(dir)?;
            clap_mangen::generate_to(Cli::command(), dir)?;
            Ok(Ending::Clean)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
