//! Writes a capture of made-up pods with a known answer, to measure and to check against.
//!
//! `generate [--packets N] [--flows N] [--snaplen N] [--seed N] [--ipv6] [--vxlan] FILE` writes a pcap and
//! prints one line of JSON: how many packets, flows and octets of (inner) IP packets it holds.

#![allow(clippy::print_stdout)]

#[path = "../benches/generator/mod.rs"]
mod generator;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use generator::Plan;

fn main() -> ExitCode {
    let Some((plan, path)) = arguments() else {
        eprintln!(
            "usage: generate [--packets N] [--flows N] [--snaplen N] [--seed N] [--ipv6] [--vxlan] FILE"
        );
        return ExitCode::from(2);
    };
    match write(&plan, &path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::from(3)
        }
    }
}

fn write(plan: &Plan, path: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let truth = plan.write(&mut out)?;
    out.flush()?;
    println!(
        "{{\"packets\":{},\"flows\":{},\"udp_flows\":{},\"ip_bytes\":{}}}",
        truth.packets, truth.flows, truth.udp_flows, truth.ip_octets
    );
    Ok(())
}

fn arguments() -> Option<(Plan, String)> {
    let mut plan = Plan::default();
    let mut path = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--packets" => plan.packets = arguments.next()?.parse().ok()?,
            "--flows" => plan.flows = arguments.next()?.parse().ok()?,
            "--snaplen" => plan.snaplen = arguments.next()?.parse().ok()?,
            "--seed" => plan.seed = arguments.next()?.parse().ok()?,
            "--ipv6" => plan.ipv6 = true,
            "--vxlan" => plan.vxlan = true,
            _ if path.is_none() && !argument.starts_with('-') => path = Some(argument),
            _ => return None,
        }
    }
    (plan.flows > 0 && plan.packets >= 2 * plan.flows && plan.snaplen >= 64).then_some(())?;
    Some((plan, path?))
}
