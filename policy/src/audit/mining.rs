//! Workloads that mine for somebody.

use std::time::Duration;

use flowfence_graph::{EdgeKey, Tally};
use flowfence_model::Protocol;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "mining",
    level: Level::Error,
    title: "a workload that mines cryptocurrency",
    meaning: "It talks to a mining pool: by a name that DNS gave to the address, or by a port of the Stratum protocol \
              with its shape, a connection of ten seconds and more that carries small messages both ways (a warning, \
              when no name says it too). The most common thing that is done with a broken container.",
    doubt: "Stratum has no port of its own: a game, a debugger or a service of one's own may use it with small \
            messages too. Names are what somebody's DNS answered. What was said in the connection is not kept by \
            captures of flows, and not looked at.",
    fix: "Cut the workload off from outside, and look for how the miner came in.",
    unasked: Unasked::Suspect,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["name 203.0.113.9 pool.supportxmr.com", "shop/api-0 -> 203.0.113.9 443/TCP"],
    not_found: &["name 203.0.113.9 pool.ntp.org", "shop/api-0 -> 203.0.113.9 123/UDP"],
    find,
};

/// Ports that pools publish for Stratum. Those that are more often something else (80, 443, 8080,
/// 9999) tell nothing and are not among them.
const PORTS: &[u16] = &[
    1314, 2222, 3256, 3333, 3334, 3335, 3336, 3357, 4444, 4445, 5555, 5556, 5730, 6666, 7777, 7778, 8888,
    9980, 10_128, 10_343, 13_333, 14_433, 14_444, 17_777, 18_081, 20_128, 33_333, 45_560, 45_700,
];

/// Zones of pools that everybody may mine at.
const POOLS: &[&str] = &[
    "2miners.com",
    "antpool.com",
    "braiins.com",
    "c3pool.com",
    "c3pool.org",
    "cruxpool.com",
    "crypto-pool.fr",
    "dwarfpool.com",
    "ethermine.org",
    "f2pool.com",
    "flexpool.io",
    "flypool.org",
    "gntl.co.uk",
    "hashcity.org",
    "hashvault.pro",
    "herominers.com",
    "hiveon.net",
    "k1pool.com",
    "kryptex.network",
    "miner.rocks",
    "minergate.com",
    "minexmr.com",
    "miningocean.org",
    "miningpoolhub.com",
    "miningrigrentals.com",
    "monerohash.com",
    "moneroocean.stream",
    "monerop.com",
    "nanopool.org",
    "nicehash.com",
    "p2pool.io",
    "poolin.com",
    "poolmine.xyz",
    "prohashing.com",
    "rplant.xyz",
    "skypool.org",
    "slushpool.com",
    "suprnova.cc",
    "supportxmr.com",
    "unmineable.com",
    "viabtc.com",
    "viabtc.io",
    "woolypooly.com",
    "xmr.pt",
    "xmrpool.eu",
    "xmrpool.net",
    "zergpool.com",
    "zpool.ca",
];

/// A pool keeps its connection open and sends work now and then.
const LASTING: Duration = Duration::from_secs(10);
/// Octets a packet: messages of Stratum are lines of some hundred.
const SMALL: u64 = 500;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (edge, seen) in scene.edges() {
        if !edge.from.is_workload() || edge.to.external().is_none() || edge.protocol != Protocol::Tcp {
            continue;
        }
        let name = scene.names(&edge.to).into_iter().find(|name| is_pool(name));
        let stratum = is_stratum(edge, &seen.tally);
        let (level, evidence) = match (name, stratum) {
            (Some(name), _) => (Level::Error, format!("the name {name}")),
            (None, true) => {
                let port = edge.port.unwrap_or(0);
                (Level::Warning, format!("port {port} and a lasting connection of small messages"))
            }
            (None, false) => continue,
        };
        let title = format!("{} mines at {}: {evidence}", edge.from, edge.to);
        let fix = format!("cut {} off from outside, and look for how the miner came in", edge.from);
        findings.push(
            Finding::of_edge(DETECTOR.id, level, edge, &seen.tally, title)
                .fixed_by(fix)
                .with("evidence", evidence)
                .with("names", scene.names(&edge.to).as_slice())
                .with(
                    "stratumPort",
                    if edge.port.is_some_and(|port| PORTS.contains(&port)) { "yes" } else { "no" },
                )
                .with("attempts", seen.tally.attempts())
                .with("octetsOut", seen.tally.octets[0])
                .with("octetsIn", seen.tally.octets[1]),
        );
    }
    findings
}

/// A pool of the list, or a name two of whose words say so: `pool` or `stratum`, and a word of
/// mining or of a coin that is mined on ordinary processors.
fn is_pool(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let listed =
        |zone: &&str| name == **zone || name.strip_suffix(*zone).is_some_and(|rest| rest.ends_with('.'));
    if POOLS.iter().any(listed) {
        return true;
    }
    let words: Vec<&str> = name.split(['.', '-', '_']).collect();
    let meets = words.iter().any(|word| matches!(*word, "pool" | "pools" | "stratum"));
    let mines = words.iter().any(|word| {
        matches!(
            *word,
            "miner" | "miners" | "mining" | "xmr" | "xmrig" | "monero" | "randomx" | "cryptonight"
        )
    });
    meets && mines || words.contains(&"xmrig") || words.contains(&"xmrpool")
}

fn is_stratum(edge: &EdgeKey, tally: &Tally) -> bool {
    let [out, back] = tally.packets;
    let small = |octets: u64, packets: u64| packets > 0 && octets <= packets * SMALL;
    edge.port.is_some_and(|port| PORTS.contains(&port))
        && tally.connections > 0
        && tally.last.since(tally.first) / u32::try_from(tally.connections).unwrap_or(u32::MAX) >= LASTING
        && small(tally.octets[0], out)
        && small(tally.octets[1], back)
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, levels};
    use super::*;

    #[test]
    fn a_pool_is_known_by_its_zone_or_by_two_words() {
        for name in
            ["pool.supportxmr.com", "xmr-eu1.nanopool.org", "POOL.MINER.EXAMPLE.", "stratum.monero.example"]
        {
            assert!(is_pool(name), "{name}");
        }
        for name in
            ["pool.ntp.org", "2.pool.example.org", "notnanopool.org", "data-mining.example", "miner.example"]
        {
            assert!(!is_pool(name), "{name}");
        }
    }

    #[test]
    fn a_port_alone_needs_the_shape_of_stratum() {
        let lasting = ["shop/api-0 -> 203.0.113.9 3333/TCP from 10 to 90"];
        assert_eq!(levels(&DETECTOR, &lasting), [Level::Warning]);
        for lines in [
            ["shop/api-0 -> 203.0.113.9 3333/TCP"],
            ["shop/api-0 -> 203.0.113.9 3333/TCP from 10 to 90 receives 900000"],
            ["shop/api-0 -> shop/db-0 3333/TCP from 10 to 90"],
            ["shop/api-0 -> 203.0.113.9 3333/TCP 100 times from 10 to 90"],
        ] {
            assert_eq!(found(&DETECTOR, &lines), [""; 0], "{lines:?}");
        }
    }

    #[test]
    fn a_miner_that_does_not_get_through_is_a_miner() {
        let lines = ["name 203.0.113.9 pool.supportxmr.com", "shop/api-0 -> 203.0.113.9 443/TCP unanswered"];
        assert_eq!(levels(&DETECTOR, &lines), [Level::Error]);
    }
}
