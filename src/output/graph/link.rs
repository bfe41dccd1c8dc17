//! Edges as pictures show them: one link for all ports of a pair that stand alike.

use super::{EdgeRow, GraphReport, NodeRow};

/// How an edge stands: what a picture tells by line, and by colour beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
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
    /// Nothing was seen, though today's policies admit it.
    Unused,
}

impl Standing {
    /// In the order of legends.
    pub(super) const ALL: [Standing; 6] = [
        Standing::Allowed,
        Standing::Denied,
        Standing::Unspecified,
        Standing::Probe,
        Standing::Attempted,
        Standing::Unused,
    ];

    /// How an edge stands that was seen.
    pub fn of(edge: &EdgeRow) -> Self {
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
            Standing::Unused => "unused",
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
            Standing::Unused => Some("unused"),
        }
    }

    /// What it means, for legends.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Standing::Allowed => "connected, allowed",
            Standing::Denied => "connected, though policies deny it",
            Standing::Unspecified => "connected, policies do not say",
            Standing::Probe => "kubelet probe",
            Standing::Attempted => "tried, never connected",
            Standing::Unused => "allowed, never used",
        }
    }

    /// Width and dashes of its line, so that no two are alike without colour.
    pub(super) fn line(self) -> (&'static str, &'static str) {
        match self {
            Standing::Allowed => ("1.2", "none"),
            Standing::Denied => ("2.8", "none"),
            Standing::Unspecified => ("1.4", "10 3"),
            Standing::Probe => ("1.2", "1 3"),
            Standing::Attempted => ("1.2", "5 4"),
            Standing::Unused => ("1.2", "8 3 2 3"),
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
            Standing::Unused => "#009e73",
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
    /// Its ports, the first few by name, and how it stands.
    pub(super) label: String,
    /// Its ports as short as a picture needs them, whose lines tell how it stands.
    pub(super) short: String,
    /// How many ports there are.
    pub(super) ports: usize,
    /// Connections, and attempts.
    pub(super) counts: (u64, u64),
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
    let seen = edges
        .chunk_by(|(from, to, standing, _), next| (*from, *to, *standing) == (next.0, next.1, next.2))
        .filter_map(|run| {
            let (from, to, standing, _) = *run.first()?;
            let ports: Vec<String> = run.iter().map(|(.., edge)| port(edge)).collect();
            let sum = |of: fn(&EdgeRow) -> u64| run.iter().map(|(.., edge)| of(edge)).sum::<u64>();
            let counts = (sum(|edge| edge.connections), sum(|edge| edge.attempts.total()));
            Some(Link::new((from, to), standing, &ports, counts))
        });
    let unused = report.unused.iter().filter_map(|row| {
        Some(Link::new((index(&row.from)?, index(&row.to)?), Standing::Unused, &row.ports, (0, 0)))
    });
    let mut links: Vec<Link> = seen.chain(unused).collect();
    links.sort_by_key(|link| (link.from, link.to, link.standing));
    links
}

impl Link {
    fn new((from, to): (usize, usize), standing: Standing, ports: &[String], counts: (u64, u64)) -> Self {
        let (label, short) = (label(ports, standing), short(ports));
        Link { from, to, standing, label, short, ports: ports.len(), counts }
    }
}

/// `22, 80, 443/TCP +7`: a protocol once for ports that have it in common.
fn short(ports: &[String]) -> String {
    let shown = ports.get(..NAMED).unwrap_or(ports);
    let mut text = String::new();
    for (at, port) in shown.iter().enumerate() {
        let protocol = |text: &str| text.split_once('/').map(|(_, protocol)| protocol.to_owned());
        let next = shown.get(at + 1).and_then(|next| protocol(next));
        let is_shared = next.is_some() && next == protocol(port);
        text.push_str(if is_shared { port.split('/').next().unwrap_or(port) } else { port });
        if at + 1 < shown.len() {
            text.push_str(", ");
        }
    }
    let more = ports.len() - shown.len();
    if more == 0 { text } else { format!("{text} +{more}") }
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

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn ports_of_one_protocol_name_it_once() {
        let of = |ports: &[&str]| short(&ports.iter().map(|port| (*port).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["53/UDP"]), "53/UDP");
        assert_eq!(of(&["22/TCP", "80/TCP", "443/TCP", "5/TCP"]), "22, 80, 443/TCP +1");
        assert_eq!(of(&["53/TCP", "53/UDP", "ICMP type 8 code 0"]), "53/TCP, 53/UDP, ICMP type 8 code 0");
    }
}
