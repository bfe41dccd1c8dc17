//! What an API server of a test needs of the machine.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything here may take to come up.
const PATIENCE: Duration = Duration::from_secs(90);

/// The directory of the laboratory's programs, or why there are none.
pub fn programs() -> Result<PathBuf, String> {
    if !Command::new("etcd").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Err("it needs etcd (package etcd-server)".to_owned());
    }
    if let Some(given) = std::env::var_os("FFLAB_BIN") {
        return Ok(given.into());
    }
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/build");
    let output = Command::new(build).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("tests/lab/build could not build it (see above)".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

/// A port of loopback that nobody had a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program that ends with us, however we end.
pub fn spawn(program: &Path, args: &[String], log: &Path) -> Result<Child, String> {
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(|error| error.to_string())?;
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(args);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    // The signal comes when the thread ends that spawned it, and threads of tests do.
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        told.send(command.spawn().map_err(|error| format!("setpriv: {error}"))).unwrap();
        loop {
            std::thread::park();
        }
    });
    hear.recv().unwrap()
}

/// Waits until something is so.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The path of all objects like this one.
pub fn collection(object: &Value) -> String {
    let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let plural = match kind.to_lowercase() {
        name if name.ends_with('y') => format!("{}ies", name.trim_end_matches('y')),
        name => format!("{name}s"),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}
