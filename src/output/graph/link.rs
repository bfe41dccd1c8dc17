//! Edges as pictures show them: one link for all ports of a pair that stand alike.

use super::{EdgeRow, GraphReport, NodeRow};

/// How an edge stands: what a picture tells by line, and by colour beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Connected, and today's policies admit it.
    Allowed,
    /// Connected, though today's policies deny it.
    Denied,
    /// Connected; policies do not say.
    Unspecified,
    /// The kubelet's probes.
    Probe,
    /// Tried, never connected.
    Attempted,
}

impl Standing {
    pub(super) fn of(edge: &EdgeRow) -> Self {
        let says = |word| [edge.verdict.egress, edge.verdict.ingress].contains(&Some(word));
        if edge.connections == 0 {
            Standing::Attempted
        } else if says("denied") {
            Standing::Denied
        } else if edge.probe {
            Standing::Probe
        } else if says("unspecified") {
            Standing::Unspecified
        } else {
            Standing::Allowed
        }
    }

    /// The token in our outputs.
    pub(super) fn token(self) -> &'static str {
        match self {
            Standing::Allowed => "allowed",
            Standing::Denied => "denied",
            Standing::Unspecified => "unspecified",
            Standing::Probe => "probe",
            Standing::Attempted => "attempted",
        }
    }

    /// In words, where a line needs one: what an unmarked line means goes without.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Standing::Allowed => None,
            Standing::Denied => Some("denied"),
            Standing::Unspecified => Some("unspecified"),
            Standing::Probe => Some("probe"),
            Standing::Attempted => Some("never connected"),
        }
    }

    /// An RGB colour that colour-blind readers tell apart (Okabe and Ito).
    pub(super) fn colour(self) -> &'static str {
        match self {
            Standing::Allowed => "#444444",
            Standing::Denied => "#d55e00",
            Standing::Unspecified => "#e69f00",
            Standing::Probe => "#999999",
            Standing::Attempted => "#0072b2",
        }
    }
}

/// A line of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Who opened: an index into the report's nodes.
    pub(super) from: usize,
    /// Who was asked.
    pub(super) to: usize,
    pub(super) standing: Standing,
    /// Its ports, the first few by name.
    pub(super) label: String,
}

/// As many ports are named.
const NAMED: usize = 3;

/// The links of a report, by from, to and standing. Edges without a packet of their own are none.
pub(super) fn links(report: &GraphReport) -> Vec<Link> {
    let index = |id| report.nodes.binary_search_by(|node| node.id.cmp(id)).ok();
    let mut edges: Vec<(usize, usize, Standing, &EdgeRow)> = report
        .edges
        .iter()
        .filter(|edge| edge.connections + edge.attempts.total() > 0)
        .filter_map(|edge| Some((index(&edge.from)?, index(&edge.to)?, Standing::of(edge), edge)))
        .collect();
    edges.sort_by_key(|(from, to, standing, _)| (*from, *to, *standing));
    edges
        .chunk_by(|(from, to, standing, _), next| (*from, *to, *standing) == (next.0, next.1, next.2))
        .filter_map(|run| {
            let (from, to, standing, _) = *run.first()?;
            let ports: Vec<String> = run.iter().map(|(.., edge)| port(edge)).collect();
            Some(Link { from, to, standing, label: label(&ports, standing) })
        })
        .collect()
}

fn label(ports: &[String], standing: Standing) -> String {
    let ports = some_of(ports);
    standing.note().map_or_else(|| ports.clone(), |note| format!("{ports} ({note})"))
}

/// The first few, and how many more: a scan has thousands.
pub(super) fn some_of(ports: &[String]) -> String {
    match ports.split_at_checked(NAMED) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => ports.join(", "),
    }
}

/// `8080/TCP`, or the type and code of ICMP.
pub(super) fn port(edge: &EdgeRow) -> String {
    match (edge.port, edge.icmp) {
        (Some(port), _) => format!("{port}/{}", edge.protocol),
        (None, Some(icmp)) => format!("{} type {} code {}", edge.protocol, icmp.kind, icmp.code),
        (None, None) => edge.protocol.to_string(),
    }
}

/// What a box says: the name, and the names that DNS gave to an address.
pub(super) fn title(node: &NodeRow) -> String {
    if node.fqdns.is_empty() {
        node.name.clone()
    } else {
        format!("{} ({})", node.name, node.fqdns.join(", "))
    }
}
