//! How servers of flows are trusted, and how they trust us.

use std::path::PathBuf;

use clap::Args;

/// TLS of sources that are servers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Servers of flows (hubble://HOST:PORT, goldmane://HOST:PORT)")]
pub struct TlsArgs {
    /// Speak TLS, as hubbles:// and goldmanes:// do; the certificates of the system are trusted unless --tls-ca is given
    #[arg(long)]
    pub tls: bool,
    /// Trust servers whose certificate this one signed (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Show this certificate to servers that want one (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The name that stands in the server's certificate, where it is reached under another one
    #[arg(long, value_name = "NAME")]
    pub tls_server_name: Option<String>,
}

impl TlsArgs {
    /// The first option that was given.
    pub fn said(&self) -> Option<&'static str> {
        let said = [
            (self.tls, "--tls"),
            (self.tls_ca.is_some(), "--tls-ca"),
            (self.tls_cert.is_some(), "--tls-cert"),
            (self.tls_key.is_some(), "--tls-key"),
            (self.tls_server_name.is_some(), "--tls-server-name"),
        ];
        said.into_iter().find(|(is_said, _)| *is_said).map(|(_, name)| name)
    }

    /// The files that are named.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.tls_ca.iter().chain(&self.tls_cert).chain(&self.tls_key)
    }
}
