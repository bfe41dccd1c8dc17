//! `capture`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::BoundArgs;
use super::live::{LiveArgs, time};

/// `capture`.
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// live:IFACE for an interface, live:any for all; captures that are there already are made compact
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,
    /// The flow file, or the directory of flow files; nothing is written over
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Begin another file when one has this size, such as 100M; K, M and G are powers of 1024
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub rotate_size: Option<u64>,
    /// Begin another file after this time, such as 10m or 1h
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub rotate_every: Option<Duration>,
    /// Keep so many files of this run, and delete older ones
    #[arg(long, value_name = "N", value_parser = keep)]
    pub keep: Option<usize>,
    /// Write what was seen this often: what a crash costs at most
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5s")]
    pub flush_every: Duration,
    /// The node's name in the files; the host's by default
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    pub node: Option<String>,
    /// Bounds
    #[command(flatten)]
    pub bounds: BoundArgs,
    /// Live sources
    #[command(flatten)]
    pub live: LiveArgs,
}

fn keep(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a number above zero".to_owned())
}

/// Octets: `500K`, `100M`, `2G`, with or without `iB`; a bare number is octets.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size, such as 500K, 100M or 2G".to_owned();
    let plain = text.trim().trim_end_matches("iB").trim_end_matches('B');
    let (digits, shift) = match plain.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (&plain[..at], 10),
        Some((at, 'M' | 'm')) => (&plain[..at], 20),
        Some((at, 'G' | 'g')) => (&plain[..at], 30),
        _ => (plain, 0),
    };
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|octets| *octets > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases =
            [("100", 100), ("500K", 512_000), ("100M", 104_857_600), ("2GiB", 2_147_483_648), ("1kB", 1024)];
        for (text, octets) in cases {
            assert_eq!(size(text), Ok(octets), "{text}");
        }
        for wrong in ["", "0", "M", "-1", "1T", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
