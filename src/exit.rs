//! How the program ends.

use std::process::ExitCode;

/// Why the program ended, as its exit code tells scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Ending {
    /// Nothing to complain about.
    Clean = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    /// The command line was not understood.
    Usage = 2,
    /// Input that cannot be read or is damaged beyond use.
    Unreadable = 3,
    /// The cluster could not be reached.
    Unreachable = 4,
    /// More was lost than `--allow-loss`.
    Partial = 5,
    /// The proof failed; nothing was written.
    ProofFailed = 6,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ExitCode::from(ending as u8)
    }
}

/// An error that ends the program, with the code that it ends with.
#[derive(Debug)]
pub struct Failure {
    /// How it ends.
    pub ending: Ending,
    /// What happened, where, and what to try.
    pub error: anyhow::Error,
}

impl Failure {
    /// A mistake on the command line.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Failure { ending: Ending::Usage, error: anyhow::anyhow!("{message}") }
    }

    /// Input that cannot be used.
    pub fn unreadable(message: impl std::fmt::Display) -> Self {
        Failure { ending: Ending::Unreadable, error: anyhow::anyhow!("{message}") }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure { ending: Ending::Unreadable, error }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure { ending: Ending::Unreadable, error: error.into() }
    }
}
