//! Flow exporters: the program while it hears them, and real ones that are given what the shop's taps had captured.
//!
//! softflowd, and nfdump with what belongs to it, are Debian packages of these names. Where one is not there, `find` says
//! so on standard error, and the test has nothing to do.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::unistd::Pid;

use super::program::{Run, Scratch, command};
use super::shop;

/// flowfence while it hears exporters.
pub struct Hearing {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// Where.
    pub at: SocketAddr,
}

impl Hearing {
    /// Begins at a free port of `scheme`; ends by itself after a minute, whatever happens.
    pub fn begin(scheme: &str, more: &[&str]) -> Self {
        let mut command = command();
        command.arg("graph").arg(format!("{scheme}127.0.0.1:0")).args(more);
        command.args(["--duration", "60s", "-o", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let at = line.split(['(', ')']).nth(1).unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Hearing { child, stderr, at }
    }

    /// Likewise, with the objects of the shop.
    pub fn of_shop(scheme: &str) -> Self {
        let clusters = shop::inputs().clusters;
        let words = clusters.iter().flat_map(|path| ["--cluster", path.to_str().unwrap()]);
        Self::begin(scheme, &words.collect::<Vec<_>>())
    }

    /// Ends it as Ctrl-C does.
    pub fn end(mut self) -> Run {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
        let mut run = Run { code: 0, stdout: String::new(), stderr: String::new() };
        self.child.stdout.take().unwrap().read_to_string(&mut run.stdout).unwrap();
        self.stderr.read_to_string(&mut run.stderr).unwrap();
        run.code = self.child.wait().unwrap().code().unwrap();
        run
    }
}

/// What an exporter sends to a collector, as it is, with who sent it. Datagrams of one sender are in their order.
pub fn collect(export: impl FnOnce(SocketAddr)) -> Vec<(SocketAddr, Vec<u8>)> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Exporters that read a file send as fast as they can.
    let _ = setsockopt(&socket, RcvBufForce, &(8 << 20)).or_else(|_| setsockopt(&socket, RcvBuf, &(8 << 20)));
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let at = socket.local_addr().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut buffer = vec![0; 1 << 16];
            let mut all = Vec::new();
            loop {
                let was_over = is_over.load(Ordering::SeqCst);
                match socket.recv_from(&mut buffer) {
                    Ok((length, from)) => all.push((from, buffer[..length].to_vec())),
                    // Silence counts when it came after the end.
                    Err(_) if was_over => return all,
                    Err(_) => {}
                }
            }
        });
        export(at);
        is_over.store(true, Ordering::SeqCst);
        collector.join().unwrap()
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = dirs.map(|dir| dir.join(program)).find(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no {program}");
    }
    found
}

fn succeed(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// softflowd.
pub struct Softflowd(PathBuf);

impl Softflowd {
    /// Where it is.
    pub fn find() -> Option<Self> {
        find("softflowd").map(Softflowd)
    }

    /// One exporter a node, which reads what the node's tap had captured.
    pub fn export(&self, to: SocketAddr, more: &[&str]) {
        let scratch = Scratch::new();
        for capture in shop::inputs().captures {
            let mut command = Command::new(&self.0);
            command.args(["-d", "-c", "none", "-p"]).arg(scratch.file("pid", b"")).arg("-r").arg(capture);
            succeed(command.args(["-n", &to.to_string()]).args(more));
        }
    }
}

/// nfdump's programs: one makes files of flows from packets, another replays these as an exporter.
pub struct Nfdump {
    from_packets: PathBuf,
    replay: PathBuf,
}

impl Nfdump {
    /// Where they are.
    pub fn find() -> Option<Self> {
        Some(Nfdump { from_packets: find("nfpcapd")?, replay: find("nfreplay")? })
    }

    /// One exporter a node, of this version of NetFlow.
    pub fn export(&self, to: SocketAddr, version: &str) {
        for capture in shop::inputs().captures {
            let scratch = Scratch::new();
            let flows = scratch.path();
            succeed(Command::new(&self.from_packets).arg("-r").arg(capture).arg("-w").arg(flows));
            for file in files(flows) {
                let mut command = Command::new(&self.replay);
                command.arg("-r").arg(file).args(["-H", &to.ip().to_string(), "-p", &to.port().to_string()]);
                succeed(command.args(["-v", version]));
            }
        }
    }
}

/// nfdump's collector, which reads exports in its own way.
pub struct Nfcapd {
    collector: PathBuf,
    reader: PathBuf,
}

impl Nfcapd {
    /// Where it is.
    pub fn find() -> Option<Self> {
        Some(Nfcapd { collector: find("nfcapd")?, reader: find("nfdump")? })
    }

    /// Protocol, packets and octets of every record in datagrams that match a filter.
    pub fn read(&self, datagrams: &[Vec<u8>], filter: &str) -> Vec<(u8, u64, u64)> {
        let scratch = Scratch::new();
        let flows = scratch.path().join("flows");
        std::fs::create_dir(&flows).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(&self.collector);
        command.args(["-b", "127.0.0.1", "-p", &at.port().to_string(), "-t", "3600", "-w"]).arg(&flows);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A connected socket is told when nobody hears it.
        socket.connect(at).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let is_heard = || {
            let sent = socket.send(&[0, 0]).is_ok();
            let answer = socket.recv(&mut [0]).map_err(|error| error.kind());
            sent && answer != Err(std::io::ErrorKind::ConnectionRefused)
        };
        assert!((0..250).any(|_| is_heard() || {
            std::thread::sleep(Duration::from_millis(20));
            false
        }));
        for datagram in datagrams {
            socket.send(datagram).unwrap();
            // It has no large buffer.
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(300));
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
        child.wait().unwrap();
        let mut command = Command::new(&self.reader);
        command.arg("-R").arg(&flows).args(["-q", "-N", "-o", "fmt:%pr %pkt %byt", filter]);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().map(|word| word.parse::<u64>().ok());
                Some((u8::try_from(words.next()??).ok()?, words.next()??, words.next()??))
            })
            .collect()
    }
}

/// Files of flows, in the order of time, which their names tell.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_file()).collect();
    files.sort();
    files
}
