//! Data that leaves where a policy lets it.

use std::net::Ipv4Addr;

use crate::ordinary::outward;
use crate::town::Town;

fn own(town: &Town, intruder: usize) -> Ipv4Addr {
    town.workloads[intruder].pods[0].address
}

pub fn burst(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there, at) = (own(town, intruder), town.outside(), town.seconds * 3 / 4);
    town.talk(at, own, (there, 443), [5_000_000, 20_000], 20);
    None
}

pub fn early_burst(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there, at) = (own(town, intruder), town.outside(), town.seconds * 3 / 10);
    town.talk(at, own, (there, 443), [5_000_000, 20_000], 20);
    None
}

/// A place that it asks all day, and nothing else outside.
fn always(town: &mut Town, intruder: usize) -> Ipv4Addr {
    let pace = town.pace;
    outward(town, intruder, "api.vendor.example", 443, [500, 3_000], pace * 2)
}

pub fn known_burst(town: &mut Town, intruder: usize) -> Option<String> {
    let (there, own, at) = (always(town, intruder), own(town, intruder), town.seconds * 2 / 3);
    town.talk(at, own, (there, 443), [5_000_000, 20_000], 20);
    None
}

pub fn known_bursts(town: &mut Town, intruder: usize) -> Option<String> {
    let (there, own, begin) = (always(town, intruder), own(town, intruder), town.seconds / 2);
    for n in 0..6 {
        town.talk(begin + n * 120, own, (there, 443), [4_000_000, 20_000], 20);
    }
    None
}

pub fn drip(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there) = (own(town, intruder), town.outside());
    for at in town.random.moments(town.seconds * 6 / 10, town.seconds - 10, 60) {
        town.talk(at, own, (there, 443), [60_000, 2_000], 0);
    }
    None
}

pub fn datagrams(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there) = (own(town, intruder), town.outside());
    let client = town.client(own);
    town.wire.from(town.seconds * 3 / 4);
    for _ in 0..2_200 {
        town.wire.frame(crate::support::packet::udp(client, (there, 4_443).into(), &[b'x'; 1_380]));
    }
    None
}

pub fn ordinary_drip(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there) = (own(town, intruder), town.outside());
    for at in town.random.moments(0, town.seconds - 10, 60) {
        town.talk(at, own, (there, 443), [30_000, 2_000], 0);
    }
    None
}

/// All day, in its own name: nobody asks DNS for it twice.
pub fn named_drip(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, there) = (own(town, intruder), town.outside());
    let namespace = town.workloads[intruder].namespace.clone();
    for at in town.random.moments(0, town.seconds - 10, 60) {
        if at < 600 {
            town.look_up(at, own, &namespace, "collect.metrics.example", Some(there));
        }
        town.talk(at, own, (there, 443), [30_000, 2_000], 0);
    }
    None
}

pub fn known_drip(town: &mut Town, intruder: usize) -> Option<String> {
    let (there, own) = (always(town, intruder), own(town, intruder));
    for at in town.random.moments(town.seconds / 2, town.seconds - 10, 60) {
        town.talk(at, own, (there, 443), [60_000, 2_000], 0);
    }
    None
}

/// Of those that have the fewest places to ask, the stores among them; people come to it all day.
#[expect(clippy::unnecessary_wraps, reason = "a row of a table of attacks")]
pub fn server(town: &mut Town, intruder: usize) -> Option<String> {
    let asker = town.workloads[intruder].pods[0].address;
    let namespace = town.workloads[intruder].namespace.clone();
    let page = town.workload("Deployment", &namespace, "page", 8080, 1);
    let own = town.workloads[page].pods[0].address;
    for at in town.random.moments(0, town.seconds - 10, town.pace * 2) {
        town.talk(at, asker, (own, 8080), [400, 3_000], 0);
    }
    let there = town.outside();
    town.talk(town.seconds * 3 / 4, own, (there, 443), [5_000_000, 20_000], 20);
    Some(town.workloads[page].id())
}
