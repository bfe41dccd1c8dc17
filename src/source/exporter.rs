//! Flow exporters that send to us: NetFlow, IPFIX and sFlow over UDP.
//!
//! ```text
//! netflow://HOST:PORT ─▶ socket, bound before rights are given up ─▶ datagrams ─▶ Recorder
//! ```
//!
//! One thread hears all sockets. What the kernel has no room for is dropped there; the sequence
//! numbers of the exporters tell how much that was in records, so it is counted once.

use std::io::IoSliceMut;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use flowfence_capture::Recorder;
use nix::cmsg_space;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, RxqOvfl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};

use super::live::stop::{Stop, now};
use crate::exit::Failure;
use crate::output::safe;

/// How sources of this kind begin, and the port that each has by habit.
const SCHEMES: [(&str, u16); 3] = [("ipfix://", 4739), ("netflow://", 2055), ("sflow://", 6343)];
/// Memory that the kernel is asked for each socket: some 5,000 full datagrams.
const BUFFER: usize = 8 << 20;
/// Datagrams that are taken from one socket before the next is looked at.
const BATCH: usize = 1024;
/// Silent sockets are left after this time to see whether to end.
const PATIENCE: Duration = Duration::from_millis(50);
/// After the end what has arrived is still read, for so long at most.
const LAST: Duration = Duration::from_millis(100);
/// So often a plain line says how it goes.
const LINE: Duration = Duration::from_secs(10);
/// A datagram is never longer.
const LONGEST: usize = 1 << 16;

/// Whether a source is a listener.
pub fn is_listener(source: &str) -> bool {
    SCHEMES.iter().any(|(scheme, _)| source.starts_with(scheme))
}

/// A socket.
#[derive(Debug)]
struct Ear {
    /// As the user named it.
    name: String,
    socket: UdpSocket,
    /// Its input in the recorder.
    input: u32,
    /// Datagrams that the kernel had no room for.
    dropped: u32,
}

/// Sockets that exporters send to.
#[derive(Debug)]
pub struct Listener {
    ears: Vec<Ear>,
    datagrams: u64,
}

impl Listener {
    /// Binds every socket; one that cannot be bound is an error, for its exporters would be missed.
    pub fn open<'a>(sources: impl IntoIterator<Item = &'a String>) -> Result<Self, Failure> {
        let mut ears = Vec::new();
        for source in sources {
            let address = address(source)?;
            let socket = UdpSocket::bind(address).and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            let socket = socket.map_err(|error| Failure::unreadable(format!("{source}: {error}")))?;
            // More than the system allows needs a right; what it allows is given.
            if setsockopt(&socket, RcvBufForce, &BUFFER).is_err() {
                let _ = setsockopt(&socket, RcvBuf, &BUFFER);
            }
            // Old kernels do not count per socket.
            let _ = setsockopt(&socket, RxqOvfl, &1);
            ears.push(Ear { name: source.clone(), socket, input: 0, dropped: 0 });
        }
        Ok(Listener { ears, datagrams: 0 })
    }

    /// Where it listens, for people.
    pub fn places(&self) -> String {
        let place = |ear: &Ear| match ear.socket.local_addr() {
            Ok(address) => format!("{} ({address})", ear.name),
            Err(_) => ear.name.clone(),
        };
        safe::line(&self.ears.iter().map(place).collect::<Vec<_>>().join(", "))
    }

    /// Hears until it is asked to stop, or the time is over; then what had arrived by then.
    pub fn hear(mut self, recorder: &mut Recorder, stop: &Stop, duration: Option<Duration>) {
        for ear in &mut self.ears {
            ear.input = recorder.begin_input(&ear.name);
        }
        let began = Instant::now();
        let (mut line, mut ending) = (began + LINE, None);
        let mut buffer = vec![0; LONGEST];
        loop {
            let mut heard = 0;
            for ear in &mut self.ears {
                heard += ear.batch(&mut buffer, recorder);
            }
            self.datagrams += heard as u64;
            if duration.is_some_and(|duration| began.elapsed() >= duration) {
                stop.ask();
            }
            if stop.is_asked() {
                let ended = *ending.get_or_insert_with(Instant::now);
                if heard == 0 || ended.elapsed() >= LAST {
                    break;
                }
            }
            if Instant::now() >= line {
                line = Instant::now() + LINE;
                say!("flowfence: {}", self.so_far());
            }
            if heard == 0 {
                self.wait();
            }
        }
        say!("flowfence: {}", self.so_far());
    }

    fn so_far(&self) -> String {
        let dropped: u64 = self.ears.iter().map(|ear| u64::from(ear.dropped)).sum();
        let lost =
            if dropped > 0 { format!("; the kernel had no room for {dropped}") } else { String::new() };
        format!("{} datagrams of flow exporters{lost}", self.datagrams)
    }

    fn wait(&self) {
        let mut all: Vec<PollFd<'_>> =
            self.ears.iter().map(|ear| PollFd::new(ear.socket.as_fd(), PollFlags::POLLIN)).collect();
        // Whatever it says, the next look at the sockets tells.
        let _ = poll(&mut all, PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::ZERO));
    }
}

impl Ear {
    /// Takes what has arrived; how many datagrams.
    fn batch(&mut self, buffer: &mut [u8], recorder: &mut Recorder) -> usize {
        for heard in 0..BATCH {
            let Some((exporter, length)) = self.receive(buffer) else { return heard };
            let datagram = buffer.get(..length).unwrap_or_default();
            if let Some(exporter) = exporter {
                recorder.export(self.input, exporter, now(), datagram);
            }
        }
        BATCH
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<(Option<SocketAddr>, usize)> {
        let mut parts = [IoSliceMut::new(buffer)];
        let mut control = cmsg_space!(u32);
        let flags = MsgFlags::MSG_DONTWAIT;
        let socket = self.socket.as_raw_fd();
        // An error that is not of being empty is one that an earlier answer brought; there are none.
        let message = recvmsg::<SockaddrStorage>(socket, &mut parts, Some(&mut control), flags).ok()?;
        for said in message.cmsgs().into_iter().flatten() {
            if let ControlMessageOwned::RxqOvfl(dropped) = said {
                self.dropped = dropped;
            }
        }
        Some((message.address.and_then(|address| socket_address(&address)), message.bytes))
    }
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || Some(SocketAddr::from(std::net::SocketAddrV4::from(*address.as_sockaddr_in()?)));
    let v6 = || Some(SocketAddr::from(std::net::SocketAddrV6::from(*address.as_sockaddr_in6()?)));
    v4().or_else(v6)
}

/// The address to bind. It has to be said: listening on every one is a decision.
fn address(source: &str) -> Result<SocketAddr, Failure> {
    let (scheme, habit) =
        SCHEMES.iter().find(|(scheme, _)| source.starts_with(scheme)).unwrap_or(&SCHEMES[0]);
    let wanted = source.strip_prefix(scheme).unwrap_or(source).trim_end_matches('/');
    let usage = |why: &str| {
        Failure::usage(format!(
            "{source}: {why}; say {scheme}ADDRESS:PORT, such as {scheme}127.0.0.1:{habit}, and 0.0.0.0 or [::] \
             for every address of this machine"
        ))
    };
    if wanted.is_empty() || wanted.starts_with(':') {
        return Err(usage("the address to listen at is missing"));
    }
    let bare = wanted.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse() {
        return Ok(SocketAddr::new(ip, *habit));
    }
    let with_port = if wanted.contains(':') { wanted.to_owned() } else { format!("{wanted}:{habit}") };
    let found = with_port.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| usage("this is no address and port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_may_be_left_to_habit_and_the_address_may_not() {
        for (source, expected) in [
            ("ipfix://127.0.0.1:4000", "127.0.0.1:4000"),
            ("ipfix://127.0.0.1", "127.0.0.1:4739"),
            ("netflow://[::1]", "[::1]:2055"),
            ("netflow://[::1]:99", "[::1]:99"),
            ("sflow://0.0.0.0/", "0.0.0.0:6343"),
        ] {
            assert_eq!(address(source).ok().map(|address| address.to_string()).as_deref(), Some(expected));
        }
        for wrong in ["ipfix://", "netflow://:2055", "sflow://127.0.0.1:port", "ipfix://127.0.0.1:70000"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
