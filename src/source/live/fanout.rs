//! Several sockets of one interface among which the kernel deals the flows (packet(7),
//! `PACKET_FANOUT`).
//!
//! The hash is the same for both directions of a flow, and fragments of IPv4 are put together
//! before they are dealt, so that a flow's packets meet in one reader.

use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, setsockopt};
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

// `type | flags << 8` in the upper half, the group's number in the lower one.
sockopt_impl!(
    /// The group of a packet socket.
    Group, Both, libc::SOL_PACKET, libc::PACKET_FANOUT, u32
);

/// By the flow, fragments joined first.
const BY_FLOW: u32 = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;

/// Makes one group of the sockets, under a number that nobody else uses (Linux 4.12).
pub fn join<'a, S: AsFd + 'a>(sockets: impl IntoIterator<Item = &'a S>) -> nix::Result<()> {
    let mut group = None;
    for socket in sockets {
        match group {
            None => {
                let any_number = BY_FLOW | libc::PACKET_FANOUT_FLAG_UNIQUEID;
                setsockopt(socket, Group, &(any_number << 16))?;
                group = Some(getsockopt(socket, Group)? & 0xffff);
            }
            Some(number) => setsockopt(socket, Group, &(BY_FLOW << 16 | number))?,
        }
    }
    Ok(())
}
