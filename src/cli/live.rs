//! What may be said of live sources.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use super::Paths;

/// How packets are taken from interfaces, and until when.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Live sources (live:IFACE)")]
pub struct LiveArgs {
    /// Only packets that this filter admits, in the language of pcap-filter(7)
    #[arg(short, long, value_name = "BPF")]
    pub filter: Option<String>,
    /// Stop after this time, such as 30s, 5m or 1h30m; without it on Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// Stop once every workload that can be seen is ready, and what is used once in TIME (1m by default)
    /// would have been seen; see docs/readiness.md
    #[arg(long, value_name = "TIME", value_parser = time, num_args = 0..=1, require_equals = true, default_missing_value = "1m")]
    pub until_ready: Option<Duration>,
    /// Octets that are kept of each packet [default: 256]
    #[arg(long, value_name = "OCTETS", value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: Option<u32>,
    /// Memory that the kernel shares with each reader, in MiB [default: 32]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub ring_size: Option<u32>,
    /// Readers of each interface, among which the kernel deals the flows [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub readers: Option<u32>,
    /// Also take packets that are not addressed to the interface; a bridge always does
    #[arg(long)]
    pub promiscuous: bool,
    /// Keep rights and system calls that capturing does not need
    #[arg(long)]
    pub no_sandbox: bool,
    /// What the verb will write, and read beside the sources: a sandbox leaves it open.
    #[arg(skip)]
    pub paths: Paths,
}

impl LiveArgs {
    /// The default of [`LiveArgs::snaplen`]: all headers of a packet in a tunnel, and most DNS answers.
    pub const SNAPLEN: u32 = 256;
    /// The default of [`LiveArgs::ring_size`]: 100 ms of a million packets a second at that length.
    pub const RING_MIB: u32 = 32;

    /// The first option that says something of live sources, for where there are none.
    pub fn said(&self) -> Option<&'static str> {
        let said = [(self.duration.is_some(), "--duration"), (self.until_ready.is_some(), "--until-ready")];
        self.said_of_packets().or(said.into_iter().find(|(is_said, _)| *is_said).map(|(_, name)| name))
    }

    /// The first option that says something of interfaces.
    pub fn said_of_packets(&self) -> Option<&'static str> {
        let said = [
            (self.filter.is_some(), "--filter"),
            (self.snaplen.is_some(), "--snaplen"),
            (self.ring_size.is_some(), "--ring-size"),
            (self.readers.is_some(), "--readers"),
            (self.promiscuous, "--promiscuous"),
        ];
        said.into_iter().find(|(is_said, _)| *is_said).map(|(_, name)| name)
    }
}

/// A length of time: `30s`, `5m`, `1h30m`; a bare number is seconds.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().map(Duration::from_secs).ok();
    let friendly = || text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    match seconds.or_else(friendly) {
        Some(span) if span > Duration::ZERO => Ok(span),
        _ => Err("expected a time above zero, such as 30s, 5m or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(time("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(time("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("45"), Ok(Duration::from_secs(45)));
        for wrong in ["", "0", "0s", "-5s", "5 parsecs", "1e400"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
