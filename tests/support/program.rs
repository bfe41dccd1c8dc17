//! The program under test, run as people run it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stderr: {}\nstdout: {:.2000}", self.stderr, self.stdout);
        self
    }

    /// The JSON on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{:.500}", self.stderr, self.stdout))
    }
}

/// flowfence, for which there is no cluster but those that the test names.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowfence"));
    command.env("KUBECONFIG", "/dev/null").env_remove("KUBERNETES_SERVICE_HOST");
    command
}

/// Runs flowfence with these arguments.
pub fn flowfence<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    flowfence_with(args, &[])
}

/// Runs flowfence with `input` on stdin.
pub fn flowfence_with<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &[u8]) -> Run {
    let mut child = command()
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The program may end before it has read everything, which closes the pipe.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    Run {
        code: output.status.code().expect("ended by itself, not by a signal"),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// A verb with captures and `--cluster` inputs, to which more is added.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub captures: Vec<PathBuf>,
    pub clusters: Vec<PathBuf>,
}

impl Inputs {
    /// `VERB CAPTURE… --cluster CLUSTER… MORE…`
    pub fn run(&self, verb: &str, more: &[&str]) -> Run {
        let mut args: Vec<&OsStr> = vec![verb.as_ref()];
        args.extend(self.captures.iter().map(|path| path.as_os_str()));
        for path in &self.clusters {
            args.extend([OsStr::new("--cluster"), path.as_os_str()]);
        }
        args.extend(more.iter().map(|text| OsStr::new(*text)));
        flowfence(args)
    }

    /// The graph of these inputs.
    #[track_caller]
    pub fn graph(&self) -> Value {
        self.run("graph", &["-o", "json"]).ends(0).json()
    }
}

/// A directory that goes away with the test, and files in it.
#[derive(Debug)]
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, with its directories, and tells where.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}
