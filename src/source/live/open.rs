//! An interface becomes packets: libpcap with a ring in shared memory (`TPACKET_V3`).

use std::collections::BTreeSet;

use caps::{CapSet, Capability};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use pcap::{Active, Capture, Linktype, Precision};

use super::fanout;
use super::interface::{self, ANY, Interface};
use crate::cli::LiveArgs;
use crate::exit::Failure;

/// After this time the kernel hands over a block of the ring that is not full.
pub const BLOCK_MILLIS: i32 = 50;

/// `LINUX_SLL2`, which tells the interface of each packet.
const COOKED: Linktype = Linktype(276);

/// How interfaces are opened.
#[derive(Clone, Debug)]
pub struct Setting {
    snaplen: i32,
    ring_octets: i32,
    /// Readers of each interface.
    pub readers: u32,
    promiscuous: bool,
    filter: Option<String>,
}

impl Setting {
    /// As the command line says.
    pub fn new(args: &LiveArgs) -> Self {
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        Setting {
            snaplen: number(args.snaplen.unwrap_or(LiveArgs::SNAPLEN)),
            ring_octets: number(args.ring_size.unwrap_or(LiveArgs::RING_MIB) << 20),
            readers: args.readers.unwrap_or(1),
            promiscuous: args.promiscuous,
            filter: args.filter.clone(),
        }
    }

    /// What gets lost when packets are cut so short, if anything.
    pub fn warning(&self) -> Option<String> {
        let lost = match self.snaplen {
            ..128 => "the TCP flags of connections in tunnels, and so who opened them",
            128..160 => "the TCP flags of connections in tunnels over IPv6, and so who opened them",
            _ => return None,
        };
        Some(format!("--snaplen {} cuts off {lost}; 160 or more keeps them", self.snaplen))
    }
}

/// Why an interface was not opened.
#[derive(Debug)]
pub enum Refused {
    /// Nothing can be captured at all.
    All(Failure),
    /// This one cannot; others may.
    One(String),
}

/// An interface, and a ring for each of its readers.
pub type Opened = (Interface, Vec<Capture<Active>>);

/// Opens all readers of one interface.
pub fn open(name: &str, setting: &Setting) -> Result<Opened, Refused> {
    let Some(interface) = Interface::find(name) else {
        let there = interface::names().join(", ");
        return Err(Refused::One(format!("live:{name}: there is no such interface; there are {there}")));
    };
    let readers = (0..setting.readers).map(|_| reader(&interface, setting)).collect::<Result<Vec<_>, _>>()?;
    if readers.len() > 1 {
        fanout::join(&readers).map_err(|error| {
            Refused::One(format!("live:{name}: the kernel does not deal packets to several readers: {error}"))
        })?;
    }
    Ok((interface, readers))
}

/// Opens what can be opened, and says what cannot; an error when nothing can.
pub fn open_all(names: &BTreeSet<&str>, setting: &Setting) -> Result<(Vec<Opened>, Vec<String>), Failure> {
    let (mut opened, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        match open(name, setting) {
            Ok(one) => opened.push(one),
            Err(Refused::One(problem)) => problems.push(problem),
            Err(Refused::All(failure)) => return Err(failure),
        }
    }
    if opened.is_empty() {
        return Err(Failure::unreadable(problems.join("\n")));
    }
    Ok((opened, problems))
}

/// Their names, for people.
pub fn listed(opened: &[Opened]) -> String {
    let names: Vec<&str> = opened.iter().map(|(interface, _)| interface.name.as_str()).collect();
    crate::output::safe::line(&names.join(", "))
}

fn reader(interface: &Interface, setting: &Setting) -> Result<Capture<Active>, Refused> {
    let name = interface.name.as_str();
    let failed = |error: pcap::Error| Refused::One(format!("live:{name}: {}", sentence(&error)));
    let capture = Capture::from_device(name)
        .map_err(failed)?
        .snaplen(setting.snaplen)
        .buffer_size(setting.ring_octets)
        .timeout(BLOCK_MILLIS)
        // All interfaces together cannot be made promiscuous, and libpcap refuses to try.
        .promisc((setting.promiscuous || interface.is_bridge()) && name != ANY)
        .precision(Precision::Nano);
    let mut capture = capture.open().map_err(failed)?.setnonblock().map_err(failed)?;
    if name == ANY {
        capture.set_datalink(COOKED).map_err(failed)?;
    }
    if let Some(filter) = &setting.filter {
        capture.filter(filter, true).map_err(|error| {
            Refused::All(Failure::usage(format!(
                "--filter {filter:?}: {}; see pcap-filter(7)",
                sentence(&error)
            )))
        })?;
    }
    Ok(capture)
}

/// What libpcap said, without the crate's words around it.
pub fn sentence(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(said) => said.clone(),
        other => other.to_string(),
    }
}

/// Makes sure that packet sockets may be opened, or says what right is missing and how to get it.
pub fn demand_right() -> Result<(), Failure> {
    let has = |set| caps::has_cap(None, set, Capability::CAP_NET_RAW).unwrap_or(false);
    if !has(CapSet::Effective) && has(CapSet::Permitted) {
        // A file capability without the effective bit.
        let _ = caps::raise(None, CapSet::Effective, Capability::CAP_NET_RAW);
    }
    let probe = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None);
    match probe {
        Ok(_) => Ok(()),
        Err(nix::Error::EPERM | nix::Error::EACCES) => {
            let program =
                std::env::current_exe().map_or("flowfence".to_owned(), |path| path.display().to_string());
            Err(Failure::unreadable(format!(
                "capturing from an interface needs CAP_NET_RAW, which this process does not have: run \
                 `sudo setcap cap_net_raw+ep {program}` once, or in a pod set \
                 securityContext.capabilities.add: [NET_RAW]"
            )))
        }
        Err(error) => Err(Failure::unreadable(format!("no packet socket can be opened: {error}"))),
    }
}
