//! Mappings that come with flowfence, each a file of `maps/`.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::{Mapped, Mapping};
use crate::flowlog::{Decoder, LogFormat, Tells};

/// The text of a mapping that is built in.
fn read(text: &'static str) -> Mapping {
    toml::from_str(text).expect("built-in mappings are read in a test")
}

macro_rules! mapped {
    ($name:ident, $token:literal, $title:literal, $tells:expr, $caveat:literal, $recognise:expr) => {
        /// The format as a row of the table.
        pub const $name: LogFormat = LogFormat {
            token: $token,
            name: $title,
            tells: $tells,
            caveat: $caveat,
            recognise: $recognise,
            open: || -> Box<dyn Decoder> {
                // Read once, however many files there are.
                static MAPPING: LazyLock<Mapping> =
                    LazyLock::new(|| read(include_str!(concat!("../maps/", $token, ".toml"))));
                Box::new(Mapped::new($token, Cow::Borrowed(&*MAPPING)))
            },
        };
    };
}

const NOTHING: Tells =
    Tells { opener: false, answer: false, verdict: false, names: false, counts: false, service: false };

mapped!(
    GKE,
    "gke-policy",
    "GKE Dataplane V2 network policy logs",
    Tells { opener: true, verdict: true, names: true, ..NOTHING },
    "Only connections of pods that a policy selects; denied ones are added up and name no policy; lines are \
     dropped above a rate.",
    |line| has(line, &[b"\"connection\"", b"\"disposition\"", b"\"src_ip\""])
);
mapped!(
    GCP,
    "gcp-vpc",
    "GCP VPC flow logs",
    Tells { names: true, counts: true, ..NOTHING },
    "Sampled. Service addresses never show, and traffic within a node only where intranode visibility is on.",
    |line| has(line, &[b"\"connection\"", b"\"src_ip\"", b"\"reporter\""])
);
mapped!(
    NETOBSERV,
    "netobserv",
    "netobserv flowlogs-pipeline, JSON lines",
    Tells { opener: true, answer: true, verdict: true, names: true, counts: true, service: true },
    "Sampled, one in fifty by default; both nodes report. Who opened is told by the flags of flows that were seen from \
     their beginning.",
    |line| has(line, &[b"\"SrcAddr\"", b"\"DstAddr\"", b"\"Proto\""])
);
mapped!(
    ZEEK,
    "zeek-conn",
    "Zeek conn.log, TSV",
    Tells { opener: true, answer: true, counts: true, ..NOTHING },
    "Written when a connection ends: long ones are missing.",
    |line| line.starts_with(b"#separator ")
        || (!line.starts_with(b"{") && holds(line, &[b"id.orig_h", b"id.resp_h"]))
);
mapped!(
    ZEEK_JSON,
    "zeek-json",
    "Zeek conn.log, JSON lines",
    Tells { opener: true, answer: true, counts: true, ..NOTHING },
    "Written when a connection ends: long ones are missing.",
    |line| has(line, &[b"\"id.orig_h\"", b"\"id.resp_h\""])
        || has(line, &[b"\"id_orig_h\"", b"\"id_resp_h\""])
        || has(line, &[b"\"orig_h\"", b"\"resp_h\"", b"\"id\""])
);
mapped!(
    SURICATA,
    "suricata-eve",
    "Suricata EVE flow events",
    Tells { opener: true, answer: true, counts: true, ..NOTHING },
    "Written when a flow ends. Who opened may be the wrong way round where it was picked up in the middle.",
    |line| has(line, &[b"\"event_type\"", b"\"src_ip\"", b"\"dest_ip\""])
);
mapped!(
    CALICO,
    "calico",
    "Calico Enterprise and Cloud flow logs",
    Tells { opener: true, verdict: true, names: true, counts: true, service: true, ..NOTHING },
    "Addresses are left out where rows were added up; names are those of a group of pods.",
    |line| has(line, &[b"\"source_name_aggr\"", b"\"dest_name_aggr\""])
);
mapped!(
    ENVOY,
    "envoy-access",
    "Envoy and Istio access logs, JSON",
    Tells { opener: true, answer: true, counts: true, ..NOTHING },
    "Both sidecars log a request. Only what passes the proxy shows, and keys are the user's: others need a mapping.",
    |line| has(line, &[b"\"upstream_host\"", b"\"downstream_remote_address\""])
);
mapped!(
    OTEL,
    "otel-network",
    "OpenTelemetry network flows, JSON lines",
    Tells { opener: true, names: true, counts: true, ..NOTHING },
    "Ports are left out by default: rows without the server's become nothing.",
    |line| has(line, &[b"\"k8s.src.", b"\"k8s.dst."]) || has(line, &[b"\"src.address\"", b"\"dst.address\""])
);

/// Whether a line that is a JSON object, or holds one, has all of these.
fn has(line: &[u8], parts: &[&[u8]]) -> bool {
    let is_object = line.first().is_some_and(|first| b"{[".contains(first)) || line.starts_with(b"#");
    is_object && holds(line, parts)
}

fn holds(line: &[u8], parts: &[&[u8]]) -> bool {
    parts.iter().all(|part| memchr::memmem::find(line, part).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_mapping_is_read() {
        for format in [GKE, GCP, NETOBSERV, ZEEK, ZEEK_JSON, SURICATA, CALICO, ENVOY, OTEL] {
            drop((format.open)());
        }
    }
}
