//! The truth tables of `tests/data/netpol`, read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;

use flate2::read::GzDecoder;
use flowfence_model::Protocol;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Case {
    pub id: String,
    pub namespaces: Vec<Namespace>,
    pub pods: Vec<Pod>,
    pub policies: Vec<serde_json::Value>,
    pub endpoints: Vec<Endpoint>,
    pub probes: Vec<Probe>,
}

#[derive(Debug, Deserialize)]
pub struct Namespace {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub ips: Vec<IpAddr>,
    #[serde(default)]
    pub ports: Vec<ContainerPort>,
}

#[derive(Debug, Deserialize)]
pub struct ContainerPort {
    pub name: Option<String>,
    pub port: u16,
    pub protocol: Protocol,
}

#[derive(Debug, Deserialize)]
pub struct Endpoint {
    pub pod: Option<String>,
    pub ip: IpAddr,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "(usize, usize, Protocol, u16, u8, u8)")]
pub struct Probe {
    pub from: usize,
    pub to: usize,
    pub protocol: Protocol,
    pub port: u16,
    pub egress: bool,
    pub ingress: bool,
}

impl From<(usize, usize, Protocol, u16, u8, u8)> for Probe {
    fn from((from, to, protocol, port, egress, ingress): (usize, usize, Protocol, u16, u8, u8)) -> Self {
        Probe { from, to, protocol, port, egress: egress == 1, ingress: ingress == 1 }
    }
}

/// Every case of a table.
pub fn cases(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/netpol").join(file);
    let reader = BufReader::new(GzDecoder::new(File::open(path).unwrap()));
    reader.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}
