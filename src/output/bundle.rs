//! An evidence bundle: one archive that tells what was read, what was found, and how to check both.
//!
//! The same members give the same octets: they are sorted, belong to nobody, and are as old as the epoch.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use ring::digest::{self, SHA256};
use schemars::JsonSchema;
use serde::Serialize;

use super::completeness::CompletenessReport;
use super::graph::WindowRow;

/// The directory that holds the members.
const ROOT: &str = "evidence";
/// The list that `sha256sum -c` takes.
const SUMS: &str = "SHA256SUMS";

/// `manifest.json` of a bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BundleManifest {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `EvidenceBundle`.
    pub kind: &'static str,
    /// The version of flowfence that made it.
    pub version: &'static str,
    /// The words of the command line, without the program, the file of the bundle, and what may be secret.
    pub command_line: Vec<String>,
    /// Earliest and latest packet; null when there was none.
    pub window: Option<WindowRow>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
    /// Every input: files with their hash, others with the reason why they have none.
    pub inputs: Vec<InputRow>,
    /// The recommendation, or why there is none.
    pub recommendation: RecommendationRow,
    /// Every other member but the list of sums.
    pub members: Vec<MemberRow>,
}

/// Something that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputRow {
    /// What it was read as: `source`, `cluster`, `policies`, `decisions`, `baseline`, `networks` or `mapping`.
    pub role: &'static str,
    /// As the user named it, or the file below what the user named.
    pub name: String,
    /// Its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// Its SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why it has no hash, or why the hash may not be that of what was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A file of the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemberRow {
    /// Its path in the bundle.
    pub name: String,
    /// Its size.
    pub octets: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// What became of the recommendation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecommendationRow {
    /// Whether there are a `recommendation.json` and the policies of `recommended/`.
    pub made: bool,
    /// Whether its proof holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_holds: Option<bool>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The members by their paths.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    members: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// Adds a text.
    pub fn add(&mut self, name: &str, content: Vec<u8>) {
        self.members.insert(name.to_owned(), content);
    }

    /// Adds a report as JSON.
    pub fn add_json(&mut self, name: &str, report: &impl Serialize) -> io::Result<()> {
        let mut content = serde_json::to_vec_pretty(report)?;
        content.push(b'\n');
        self.add(name, content);
        Ok(())
    }

    /// What it holds so far.
    pub fn rows(&self) -> Vec<MemberRow> {
        let row = |(name, content): (&String, &Vec<u8>)| MemberRow {
            name: name.clone(),
            octets: content.len() as u64,
            sha256: sha256(content),
        };
        self.members.iter().map(row).collect()
    }

    /// Adds the sums and writes a `.tar.gz`.
    pub fn write(mut self, out: impl Write) -> io::Result<()> {
        let mut sums = String::new();
        for row in self.rows() {
            // Writing to a String cannot fail.
            let _ = writeln!(sums, "{}  {}", row.sha256, row.name);
        }
        self.add(SUMS, sums.into_bytes());
        // No time, no name, and an operating system that nobody knows: the same octets everywhere (RFC 1952).
        let gzip = GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::new(6));
        let mut archive = tar::Builder::new(gzip);
        for (name, content) in &self.members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            archive.append_data(&mut header, format!("{ROOT}/{name}"), content.as_slice())?;
        }
        archive.into_inner()?.finish()?.flush()
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(content: &[u8]) -> String {
    hex(digest::digest(&SHA256, content).as_ref())
}

/// SHA-256 of what a reader gives, with how much that was.
pub fn sha256_of(mut from: impl io::Read) -> io::Result<(u64, String)> {
    let mut hash = digest::Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut octets = 0u64;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((octets, hex(hash.finish().as_ref()))),
            Ok(read) => {
                hash.update(buffer.get(..read).unwrap_or_default());
                octets += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// `README.txt` of a bundle.
pub const README: &str = "\
This is an evidence bundle of flowfence: what it read, what it found, and the proof.

  manifest.json         window, completeness, version, command line, every input with its size and SHA-256, every member
  findings.json         what `audit -o json` reports: every finding with its evidence, rank and owner
  graph.json            who talked to whom (`graph -o json`)
  verdicts.json         for each edge what the policies in force say, by direction, with the policies and rules behind it
  policies/             the policies in force, one file each, as flowfence understood them
  recommendation.json   the policies that it recommends and the proof that they cut nothing seen: those of the command line
                        of `recommend`, for `audit` those without further options; manifest.json says why where it is missing
  recommended/          the same policies, one file each, as they were written, read back and proved

To check it:

  sha256sum -c SHA256SUMS        every member is the one that was written
  sha256sum INPUT                compare with manifest.json: .inputs[] | select(.name == INPUT) | .sha256

The same inputs, version and command line give the same archive, octet by octet: run the command line of manifest.json with
`--evidence-bundle FILE.tar.gz` and compare. Decisions and baselines that end on a day are judged by today's; the variable
SOURCE_DATE_EPOCH (seconds since 1970) says another day. An input without a hash could not be read twice; manifest.json
says why.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut bundle = Bundle::default();
        for name in names {
            bundle.add(name, name.as_bytes().to_vec());
        }
        let mut out = Vec::new();
        bundle.write(&mut out).unwrap();
        out
    }

    #[test]
    fn the_order_of_adding_changes_nothing() {
        assert_eq!(archive(&["b", "a/c"]), archive(&["a/c", "b"]));
        assert_ne!(archive(&["b"]), archive(&["a"]));
    }

    #[test]
    fn sums_are_those_of_the_standard() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), known);
        assert_eq!(sha256_of(&b"abc"[..]).unwrap(), (3, known.to_owned()));
    }
}
