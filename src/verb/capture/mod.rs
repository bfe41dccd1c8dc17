//! `flowfence capture`: packets into compact flow files, for later or for elsewhere.

mod write;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;

use flowfence_capture::flowfile::Header;
use flowfence_model::Timestamp;

use crate::cli::{CaptureArgs, ClusterArgs, FormatArgs, InputArgs, LiveArgs, TlsArgs};
use crate::exit::{Ending, Failure};
use crate::output::completeness;
use crate::output::safe;
use crate::source::{Handing, Sources};
use write::{Rotation, Writer};

/// Captures until the sources end, or somebody ends it.
pub fn run(args: &CaptureArgs) -> Result<Ending, Failure> {
    let handing = Handing { run: run_id(), every: args.flush_every, forgets: true };
    // A sandbox does not let anybody ask for it later.
    let node = args.node.clone().unwrap_or_else(hostname);
    let sources = Sources::open_for(&input(args), handing)?;
    let header = Header {
        run: handing.run,
        part: 0,
        producer: concat!("flowfence ", env!("CARGO_PKG_VERSION")).to_owned(),
        node,
        filter: args.live.filter.clone().unwrap_or_default(),
        snaplen: if sources.is_live() { args.live.snaplen.unwrap_or(LiveArgs::SNAPLEN) } else { 0 },
        start: now(),
    };
    let rotation = Rotation { octets: args.rotate_size, every: args.rotate_every, keep: args.keep };
    let mut writer = Writer::open(&args.out, header, rotation)?;
    let traffic = sources.give(&mut |block| writer.write(block))?;
    let written = writer.close()?;
    for problem in &traffic.unusable {
        say!("flowfence: left out: {}", safe::line(problem));
    }
    let recording = &traffic.recording;
    let loss = completeness::loss(recording.packets, 0, &recording.counts);
    say!(
        "flowfence: {} packets, {:.2} % lost; {} octets in {}",
        recording.packets,
        loss * 100.0,
        written.octets,
        safe::line(&written.last)
    );
    let is_partial = loss > args.bounds.allow_loss || !traffic.unusable.is_empty();
    Ok(if is_partial { Ending::Partial } else { Ending::Clean })
}

/// The sources; no object of a cluster is needed.
fn input(args: &CaptureArgs) -> InputArgs {
    InputArgs {
        jobs: None,
        sources: args.sources.clone(),
        logs: FormatArgs::default(),
        cluster: ClusterArgs { cluster: vec![PathBuf::from("none")], ..ClusterArgs::default() },
        bounds: args.bounds,
        live: args.live.clone(),
        tls: TlsArgs::default(),
    }
}

/// A number that no other run has: two of the standard library's random states.
fn run_id() -> u128 {
    let draw = || u128::from(RandomState::new().build_hasher().finish());
    draw() << 64 | draw()
}

fn hostname() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = told.trim();
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}

fn now() -> Timestamp {
    Timestamp::from_nanos(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
}
