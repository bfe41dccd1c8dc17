//! Data in questions for names, as the tools for it ask.

use std::net::Ipv4Addr;

use crate::town::{BASE32, HEX, Town};

const NULL: u16 = 10;
const TXT: u16 = 16;
const MX: u16 = 15;
const ADDRESS: u16 = 1;

fn own(town: &Town, intruder: usize) -> Ipv4Addr {
    town.workloads[intruder].pods[0].address
}

/// Labels of at most 57 octets, as the tools cut them.
fn labels(text: &[u8]) -> Vec<u8> {
    text.chunks(57).collect::<Vec<_>>().join(&b'.')
}

fn ask(town: &mut Town, at: i64, from: Ipv4Addr, text: &[u8], zone: &str, kind: u16) {
    let name = [&labels(text), b".".as_slice(), zone.as_bytes()].concat();
    town.question(at, from, &name, kind, None);
}

pub fn iodine(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    for n in 0..600 {
        let text = town.random.letters(BASE32.as_bytes(), 200);
        ask(town, town.seconds / 2 + n / 4, own, &text, "t.pirate.example", NULL);
    }
    None
}

pub fn dnscat(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    for n in 0..300 {
        let many = town.random.count(60, 120);
        let text = town.random.letters(HEX.as_bytes(), many);
        let kind = town.random.pick(&[TXT, MX, ADDRESS]);
        ask(town, town.seconds / 3 + n, own, &text, "cat.example", kind);
    }
    None
}

pub fn waiting(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    let session = town.random.word(HEX, 4);
    for n in 0..400 {
        let packet = town.random.word(HEX, 4);
        let text = format!("{packet}01{session}{:04x}{:04x}", 0x1f00 + n, 0x2e10);
        ask(town, town.seconds / 3 + n * 3, own, text.as_bytes(), "waits.example", TXT);
    }
    None
}

pub fn slow(town: &mut Town, intruder: usize) -> Option<String> {
    let (own, step) = (own(town, intruder), town.seconds * 2 / 3 / 25);
    for n in 0..25 {
        let text = town.random.letters(BASE32.as_bytes(), 40);
        ask(town, 300 + n * step, own, &text, "slow.example", ADDRESS);
    }
    None
}

pub fn spread(town: &mut Town, intruder: usize) -> Option<String> {
    for pod in town.workloads[intruder].pods.clone() {
        for n in 0..12 {
            let text = town.random.letters(HEX.as_bytes(), 60);
            ask(
                town,
                town.seconds / 2 + n * 30,
                pod.address,
                &text,
                "spread.example",
                if n % 2 == 0 { 28 } else { TXT },
            );
        }
    }
    None
}

pub fn raw(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    let alphabet: Vec<u8> = (0xbc..=0xfd).chain(*b"abcdefghijklmnopqrstuvwxyz0123456789").collect();
    for n in 0..200 {
        let text = town.random.letters(&alphabet, 120);
        ask(town, town.seconds / 2 + n, own, &text, "t128.example", NULL);
    }
    None
}

pub fn words(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    let words = [
        "garden", "history", "recipes", "mountain", "harbour", "travel", "music", "science", "cinema",
        "winter",
    ];
    for n in 0..200 {
        let text: Vec<&str> = (0..4).map(|_| town.random.pick(&words)).collect();
        ask(town, town.seconds / 2 + n * 5, own, text.join("-").as_bytes(), "dictionary.example", ADDRESS);
    }
    None
}

pub fn short(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    for n in 0..60 {
        let text = town.random.letters(BASE32.as_bytes(), 16);
        ask(town, town.seconds / 2 + n * 20, own, &text, "short.example", TXT);
    }
    None
}

/// As `nslookup` and every library ask: the search path first.
pub fn expanded(town: &mut Town, intruder: usize) -> Option<String> {
    let own = own(town, intruder);
    let namespace = town.workloads[intruder].namespace.clone();
    for n in 0..40 {
        let name = format!("{}.library.example", town.random.word(HEX, 40));
        town.look_up(
            town.seconds / 2 + n * 10,
            own,
            &namespace,
            &name,
            Some(Ipv4Addr::new(203, 0, 113, 250)),
        );
    }
    None
}
