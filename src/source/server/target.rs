//! Which server a source names, and how it is spoken to.

use std::fs;
use std::path::{Path, PathBuf};

use http::uri::Authority;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::kind::{Dialect, Kind};
use crate::cli::TlsArgs;
use crate::exit::Failure;

/// A server of flows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// As the user named it.
    pub name: String,
    /// What kind of server it is.
    pub kind: Kind,
    /// Where it listens.
    pub place: Place,
    /// Whether it speaks TLS.
    pub is_tls: bool,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `HOST:PORT`.
    Net {
        /// The host; IPv6 in brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket of this machine.
    Unix(PathBuf),
}

/// Whether a source is such a server.
pub fn is_target(source: &str) -> bool {
    taken_apart(source).is_some()
}

/// The kind of server that a source names, what stands behind the scheme, and whether that means TLS.
fn taken_apart(source: &str) -> Option<(Kind, &str, bool)> {
    let schemes = Kind::ALL.into_iter().flat_map(|kind| {
        let [plain, tls] = kind.dialect().schemes;
        [(kind, plain, false), (kind, tls, true)]
    });
    schemes.into_iter().find_map(|(kind, scheme, is_tls)| Some((kind, source.strip_prefix(scheme)?, is_tls)))
}

impl Target {
    /// Reads `hubble://HOST[:PORT]`, `hubbles://…`, `hubble:///SOCKET`, and likewise of other kinds.
    pub fn parse(source: &str, tls: &TlsArgs) -> Result<Self, Failure> {
        let (kind, rest, is_tls) = taken_apart(source).unwrap_or((Kind::Hubble, source, false));
        let Dialect { schemes: [plain, _], has_sockets, .. } = kind.dialect();
        let socket = if *has_sockets { format!(" or {plain}/PATH/TO/SOCKET") } else { String::new() };
        let wrong =
            |why: &str| Err(Failure::usage(format!("{source}: {why}; expected {plain}HOST:PORT{socket}")));
        if rest.starts_with('/') && *has_sockets {
            if is_tls {
                return wrong("a socket of this machine has no TLS");
            }
            return Ok(Target { name: source.to_owned(), kind, place: Place::Unix(rest.into()), is_tls });
        }
        let Ok(authority) = rest.strip_suffix('/').unwrap_or(rest).parse::<Authority>() else {
            return wrong("not a host and port");
        };
        if rest.contains('@') || authority.host().is_empty() {
            return wrong("not a host and port");
        }
        let has_port = !authority.as_str()[authority.host().len()..].is_empty();
        let port = match authority.port_u16() {
            Some(0) => return wrong("0 is no port"),
            None if has_port => return wrong("not a port"),
            given => given.unwrap_or(kind.dialect().port),
        };
        let place = Place::Net { host: authority.host().to_owned(), port };
        Ok(Target { name: source.to_owned(), kind, place, is_tls: is_tls || tls.said().is_some() })
    }

    /// The server's address as gRPC wants it.
    pub fn uri(&self) -> String {
        match &self.place {
            Place::Net { host, port } => {
                format!("{}://{host}:{port}", if self.is_tls { "https" } else { "http" })
            }
            Place::Unix(path) => format!("unix://{}", path.display()),
        }
    }
}

/// What the TLS of the next connection is set up with, read anew each time: certificates are renewed.
pub fn tls(args: &TlsArgs) -> Result<ClientTlsConfig, Failure> {
    let mut config = ClientTlsConfig::new().assume_http2(true);
    config = match &args.tls_ca {
        Some(path) => config.ca_certificate(Certificate::from_pem(pem(path, "CERTIFICATE", "--tls-ca")?)),
        None => config.with_native_roots(),
    };
    if let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) {
        let cert = pem(cert, "CERTIFICATE", "--tls-cert")?;
        config = config.identity(Identity::from_pem(cert, pem(key, "PRIVATE KEY", "--tls-key")?));
    }
    if let Some(name) = &args.tls_server_name {
        config = config.domain_name(name);
    }
    Ok(config)
}

fn pem(path: &Path, what: &str, option: &str) -> Result<Vec<u8>, Failure> {
    let octets = fs::read(path)
        .map_err(|error| Failure::unreadable(format!("{option} {}: {error}", path.display())))?;
    let is_there = String::from_utf8_lossy(&octets)
        .lines()
        .any(|line| line.starts_with("-----BEGIN ") && line.contains(what));
    if is_there {
        Ok(octets)
    } else {
        let path = path.display();
        Err(Failure::unreadable(format!("{option} {path}: no `-----BEGIN {what}-----` in it; expected PEM")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(source: &str) -> Result<(String, bool), String> {
        Target::parse(source, &TlsArgs::default())
            .map(|target| (target.uri(), target.is_tls))
            .map_err(|failure| failure.error.to_string())
    }

    #[test]
    fn a_source_names_a_host_or_a_socket() {
        let ok = |uri: &str, is_tls| Ok((uri.to_owned(), is_tls));
        assert_eq!(parsed("hubble://localhost:4245"), ok("http://localhost:4245", false));
        assert_eq!(parsed("hubble://relay.kube-system/"), ok("http://relay.kube-system:4245", false));
        assert_eq!(parsed("hubbles://[2001:db8::1]:443"), ok("https://[2001:db8::1]:443", true));
        assert_eq!(
            parsed("hubble:///var/run/cilium/hubble.sock"),
            ok("unix:///var/run/cilium/hubble.sock", false)
        );
        assert_eq!(parsed("goldmane://localhost"), ok("http://localhost:7443", false));
        assert_eq!(
            parsed("goldmanes://goldmane.calico-system:443"),
            ok("https://goldmane.calico-system:443", true)
        );
        for wrong in [
            "hubble://",
            "hubble://host:0",
            "hubble://host:66000",
            "hubble://host:",
            "hubble://a b:1",
            "hubble://host:1/path",
            "hubble://me@host:1",
            "hubbles:///run/x.sock",
        ] {
            assert!(parsed(wrong).is_err_and(|why| why.contains("expected hubble://HOST:PORT")), "{wrong}");
        }
        for wrong in ["goldmane://", "goldmane:///run/x.sock", "goldmanes://host:0"] {
            assert!(
                parsed(wrong).is_err_and(|why| why.ends_with("expected goldmane://HOST:PORT")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_certificate_asks_for_tls() {
        let tls = TlsArgs { tls_ca: Some("ca.pem".into()), ..TlsArgs::default() };
        assert!(Target::parse("hubble://localhost:4245", &tls).unwrap().is_tls);
    }
}
