//! Network namespaces that a test makes and takes away, and the program running in one.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use super::program::Run;

/// Two namespaces, `client` and `server`, with cables (veth pairs) between them.
#[derive(Debug)]
pub struct Net {
    pub client: String,
    pub server: String,
}

/// Says why a test that needs namespaces does nothing here, if it must.
pub fn cannot() -> Option<&'static str> {
    if !Uid::effective().is_root() {
        return Some("it needs root, to make network namespaces");
    }
    let works =
        Command::new("ip").args(["netns", "list"]).output().is_ok_and(|output| output.status.success());
    let name = format!("fflive-{}-probe", std::process::id());
    let made = works && ip(&["netns", "add", &name]).is_ok();
    let _ = ip(&["netns", "del", &name]);
    (!made).then_some("it needs `ip netns add` (iproute2, and the right to make network namespaces)")
}

/// Ends the test, and says so, where there are no namespaces.
#[macro_export]
macro_rules! net_or_skip {
    () => {
        match $crate::support::netns::cannot() {
            Some(why) => {
                eprintln!("skipped: {why}");
                return;
            }
            None => $crate::support::netns::Net::new(),
        }
    };
}

impl Net {
    /// Two namespaces without a cable.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("fflive-{}-{number}-{end}", std::process::id());
        let net = Net { client: name("c"), server: name("s") };
        for namespace in [&net.client, &net.server] {
            ip(&["netns", "add", namespace]).unwrap();
            ip(&["-n", namespace, "link", "set", "lo", "up"]).unwrap();
            // No neighbour discovery among what is counted.
            in_namespace(namespace, || {
                std::fs::write("/proc/self/net/../../sys/net/ipv6/conf/default/disable_ipv6", "1").ok();
            });
        }
        net
    }

    /// Lays a cable NAME from `cNAME` to `sNAME`, with an address each.
    #[must_use]
    pub fn cable(self, name: &str, client: &str, server: &str) -> Self {
        let (c, s) = (format!("c{name}"), format!("s{name}"));
        ip(&[
            "-n",
            &self.client,
            "link",
            "add",
            &c,
            "type",
            "veth",
            "peer",
            "name",
            &s,
            "netns",
            &self.server,
        ])
        .unwrap();
        for (namespace, link, address) in [(&self.client, &c, client), (&self.server, &s, server)] {
            ip(&["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", link]).unwrap();
            ip(&["-n", namespace, "link", "set", link, "up"]).unwrap();
        }
        self
    }

    /// Starts flowfence in the server's namespace, and waits until it captures.
    pub fn capture<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        let mut command = super::program::command();
        command.args(args);
        let mut running = self.start(command);
        running.wait_until_said("capturing from");
        running
    }

    /// Starts a command in the server's namespace.
    pub fn start(&self, mut command: Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        Running::new(in_namespace(&self.server, move || command.spawn().unwrap()))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for namespace in [&self.client, &self.server] {
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

/// Runs `work` in a thread that is in the namespace: sockets that it opens stay there.
pub fn in_namespace<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    let handle = std::fs::File::open(PathBuf::from("/run/netns").join(name)).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            setns(&handle, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// Runs `ip` with these arguments.
pub fn ip(args: &[&str]) -> Result<String, String> {
    let output = Command::new("ip").args(args).output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A program that runs; it is killed when a test gives up.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<std::thread::JoinHandle<String>>,
    stderr: std::sync::mpsc::Receiver<String>,
    said: String,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let mut stdout = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut buffer) {
                let _ = sender.send(String::from_utf8_lossy(&buffer[..n]).into_owned());
            }
        });
        Running { child, stdout: Some(stdout), stderr: receiver, said: String::new() }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid(), signal);
    }

    /// Waits for words on standard error, at most 20 seconds.
    #[track_caller]
    pub fn wait_until_said(&mut self, words: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.said.contains(words) {
            match self.stderr.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(more) => self.said.push_str(&more),
                Err(error) => panic!("never said {words:?} ({error}), but: {}", self.said),
            }
        }
    }

    /// How it ends, and what it said.
    pub fn finish(mut self) -> Run {
        let status = self.child.wait().unwrap();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        while let Ok(more) = self.stderr.recv_timeout(Duration::from_secs(5)) {
            self.said.push_str(&more);
        }
        Run {
            code: status.code().expect("ended by itself, not by a signal"),
            stdout,
            stderr: self.said.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
