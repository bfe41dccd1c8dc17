//! Hubble for tests: what a server of our own speaks, and Cilium's own.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use super::flow_server::Speech;

/// As Hubble Relay of two nodes, and one that it cannot hear.
pub fn speech() -> Speech {
    Speech {
        scheme: "hubble://",
        text: "hubble.proto",
        who: (
            "/observer.Observer/ServerStatus",
            "hubble.ServerStatusResponse",
            json!({"version": "fake v1", "num_connected_nodes": 2, "num_unavailable_nodes": 1}),
        ),
        flows: ["/observer.Observer/GetFlows", "hubble.GetFlowsRequest", "hubble.GetFlowsResponse"],
        since: |request| {
            assert_eq!(request["follow"], json!(true));
            request["since"].as_str().unwrap().to_owned()
        },
        since_then,
    }
}

/// Lines that are not before a time; those without one come always.
pub fn since_then(lines: &[Value], since: &str) -> Vec<Value> {
    let is_later = |line: &&Value| line["time"].as_str().is_none_or(|time| time >= since);
    lines.iter().filter(is_later).cloned().collect()
}

/// Cilium's own server. It ends with us: its standard input is closed then.
pub struct Real {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    stdin: ChildStdin,
}

impl Real {
    /// Where the program is, or why there is none.
    pub fn program() -> Result<PathBuf, String> {
        let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hubble/build");
        let output =
            Command::new(build).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().into())
        } else {
            Err("tests/hubble/build could not build Cilium's server (see above)".to_owned())
        }
    }

    /// Serves the lines of a file.
    pub fn start(program: &Path, options: &[&str], flows: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(options).arg(flows).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        let stdin = child.stdin.take().unwrap();
        Real { address, child, stdin }
    }

    /// Observes one more line.
    pub fn observe(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").unwrap();
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
