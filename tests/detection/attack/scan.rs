//! Doors that somebody tries.

use std::net::Ipv4Addr;

use crate::town::Town;

/// An address of the pods' networks where nobody is.
fn nobody(town: &mut Town) -> Ipv4Addr {
    let node = u8::try_from(town.random.between(1, town.nodes().into())).unwrap();
    Ipv4Addr::new(10, 1, node, u8::try_from(town.random.between(200, 250)).unwrap())
}

/// A pod of another workload, and the port on which that listens.
fn somebody(town: &mut Town, intruder: usize, at: i64) -> (Ipv4Addr, u16) {
    loop {
        let other = town.random.count(0, town.workloads.len() - 1);
        let pods = town.workloads[other].pods_at(at);
        if other != intruder && !pods.is_empty() {
            return (town.random.pick(&pods).address, town.workloads[other].port);
        }
    }
}

fn own(town: &Town, intruder: usize) -> Ipv4Addr {
    town.workloads[intruder].pods[0].address
}

/// Knocks at doors of pods, one each so many seconds; of ports that are closed.
fn knocks(town: &mut Town, intruder: usize, begin: i64, step: i64, many: i64) {
    let own = own(town, intruder);
    for n in 0..many {
        let at = begin + n * step;
        let (to, _) = somebody(town, intruder, at);
        let port = town
            .random
            .pick(&[21, 22, 25, 111, 139, 445, 1433, 2049, 3389, 5900, 6000, 7001, 8009, 9200, 11211]);
        town.knock(at, own, (to, port), true);
    }
}

pub fn ports(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, begin) = (own(town, intruder), town.seconds / 2);
    let (to, listens) = somebody(town, intruder, begin);
    for n in 0..200_u16 {
        if 7_000 + n != listens {
            town.knock(begin + i64::from(n) / 20, own, (to, 7_000 + n), true);
        }
    }
    None
}

pub fn addresses(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, begin) = (own(town, intruder), town.seconds / 3);
    for n in 0..60 {
        let to = nobody(town);
        town.knock(begin + n / 10, own, (to, 6379), false);
    }
    for _ in 0..3 {
        let open = somebody(town, intruder, begin);
        town.talk(begin + 7, own, open, [0, 0], 0);
    }
    None
}

pub fn each_minute(town: &mut Town, intruder: usize) -> Option<String> {
    let begin = town.seconds / 4;
    knocks(town, intruder, begin, 60, 40);
    None
}

pub fn among_work(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    let (there, step) = ((town.outside(), 443), town.pace / 2);
    for at in town.random.moments(0, town.seconds - 10, step) {
        town.talk(at, own, there, [500, 900], 0);
    }
    let many = (town.seconds - 600) / 180;
    knocks(town, intruder, 300, 180, many.min(40));
    None
}

pub fn in_turn(town: &mut Town, intruder: usize) -> Option<String> {
    let pods = town.workloads[intruder].pods.clone();
    let begin = town.seconds / 3;
    for n in 0..12 {
        let from = pods[usize::try_from(n).unwrap() % pods.len()].address;
        let to = nobody(town);
        town.knock(begin + n * 40, from, (to, 22), false);
    }
    None
}

pub fn hourly(town: &mut Town, intruder: usize) -> Option<String> {
    let step = (town.seconds - 400) / 8;
    knocks(town, intruder, 200, step, 8);
    None
}

pub fn half_open(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, begin) = (own(town, intruder), town.seconds / 4);
    for n in 0..16 {
        let open = somebody(town, intruder, begin + n * 60);
        town.talk(begin + n * 60, own, open, [0, 0], 0);
    }
    knocks(town, intruder, begin + 30, 60, 16);
    None
}

pub fn four(town: &mut Town, intruder: usize) -> Option<String> {
    let step = (town.seconds - 400) / 4;
    knocks(town, intruder, 200, step, 4);
    None
}

pub fn pings(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    for n in 0..40 {
        let at = town.seconds / 2 + n / 4;
        let open = somebody(town, intruder, at).0;
        let to = if n % 8 == 0 { open } else { Ipv4Addr::new(10, 1, 1, u8::try_from(200 + n).unwrap()) };
        town.wire.from(at);
        town.wire.ping(own, to, n % 8 == 0);
    }
    None
}
