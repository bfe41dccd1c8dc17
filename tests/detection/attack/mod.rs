//! What intruders do, each in a workload that does its ordinary work beside it. One way a row; a new one is a
//! function and its row.

mod elsewhere;
mod exfiltration;
mod guarded;
mod scan;
mod tunnel;

use crate::town::{Injected, Town};

/// One way to do it.
#[derive(Clone, Copy)]
pub struct Attack {
    /// The detector that should tell it.
    pub rule: &'static str,
    /// How it is done, for people.
    pub style: &'static str,
    /// Does it from this workload, and tells whom the finding should name when that is another.
    pub act: fn(&mut Town, usize) -> Option<String>,
    /// Why it is missed, where it is.
    pub missed: Option<&'static str>,
}

type Act = fn(&mut Town, usize) -> Option<String>;

const fn attack(rule: &'static str, style: &'static str, act: Act) -> Attack {
    Attack { rule, style, act, missed: None }
}

const fn missed(rule: &'static str, style: &'static str, act: Act, why: &'static str) -> Attack {
    Attack { rule, style, act, missed: Some(why) }
}

pub const ATTACKS: &[Attack] = &[
    attack("port-scan", "fast, 200 ports of one pod", scan::ports),
    attack("port-scan", "fast, one port of 60 addresses, some of them open", scan::addresses),
    attack("port-scan", "a knock a minute for 40 minutes, at other pods", scan::each_minute),
    attack(
        "port-scan",
        "a knock each three minutes, among hundreds of its own connections",
        scan::among_work,
    ),
    attack("port-scan", "all replicas in turn, three knocks each", scan::in_turn),
    attack("port-scan", "a knock an hour, eight in all", scan::hourly),
    missed(
        "port-scan",
        "four doors in all",
        scan::four,
        "a client with a stale configuration knocks as often; each door is told as a refused attempt",
    ),
    attack("port-scan", "echo requests to 40 addresses, of which some answer", scan::pings),
    attack("port-scan", "in a workload whose policies close six doors to it", guarded::scan),
    attack("port-scan", "a knock a minute at doors of which half are open", scan::half_open),
    attack("exfiltration", "5 MB at once, to a new place", exfiltration::burst),
    attack(
        "exfiltration",
        "5 MB at once, to a new place, in the first third of the day",
        exfiltration::early_burst,
    ),
    attack("exfiltration", "5 MB at once, to a place that it always asks", exfiltration::known_burst),
    attack("exfiltration", "six times 4 MB, to a place that it always asks", exfiltration::known_bursts),
    attack("exfiltration", "60 kB a minute, to a new place", exfiltration::drip),
    attack("exfiltration", "3 MB in datagrams that nobody answers", exfiltration::datagrams),
    attack("exfiltration", "5 MB at once, from a workload that otherwise answers", exfiltration::server),
    attack(
        "exfiltration",
        "60 kB a minute from noon on, to a place that it always asks",
        exfiltration::known_drip,
    ),
    attack(
        "exfiltration",
        "30 kB a minute since before the capture, to an address",
        exfiltration::ordinary_drip,
    ),
    missed(
        "exfiltration",
        "30 kB a minute since before the capture, to a name",
        exfiltration::named_drip,
        "it is the workload's own history: without a baseline nothing tells it from telemetry",
    ),
    attack("exfiltration", "through the one rule that its policy has for outside", guarded::upload),
    attack("dns-tunnel", "like iodine: 600 questions of 200 octets in base 32", tunnel::iodine),
    attack("dns-tunnel", "like dnscat: 300 questions of 60 to 120 hexadecimal digits", tunnel::dnscat),
    attack("dns-tunnel", "a session of dnscat that waits: 18 digits a question", tunnel::waiting),
    attack("dns-tunnel", "low and slow: 25 questions of 40 octets in all", tunnel::slow),
    attack("dns-tunnel", "spread over all replicas and two record types, 12 questions each", tunnel::spread),
    attack("dns-tunnel", "octets that are no letters", tunnel::raw),
    attack("dns-tunnel", "60 questions of 16 octets in base 32", tunnel::short),
    attack("dns-tunnel", "through a resolver that tries its search path first", tunnel::expanded),
    attack("dns-tunnel", "in a workload whose policy admits DNS", guarded::tunnel),
    missed(
        "dns-tunnel",
        "data as words of a dictionary",
        tunnel::words,
        "the letters are those of names, and so are the lengths; crawlers ask the same way",
    ),
    attack("mining", "a pool whose name everybody knows", elsewhere::pool),
    attack("mining", "Stratum on its port, by address", elsewhere::stratum),
    missed(
        "mining",
        "through TLS on port 443, by address",
        elsewhere::hidden_pool,
        "neither name nor port nor payload says so; it is a lasting connection like many",
    ),
    attack("metadata-access", "one question", elsewhere::metadata),
    attack("control-plane-access", "the kubelet of one node", elsewhere::kubelet),
    attack("control-plane-access", "etcd", elsewhere::etcd),
    attack("control-plane-access", "the API server, late", elsewhere::api_server),
    attack("odd-replica", "one of several asks its master, all day", elsewhere::beacon),
    missed(
        "odd-replica",
        "one of several asks its master, twice",
        elsewhere::rare_beacon,
        "two sightings are no deviation by the test: by chance alone one replica in many does something that rarely",
    ),
    attack("undeclared-port", "a shell that listens", elsewhere::shell),
    attack("cross-environment", "from test into production", elsewhere::environment),
    attack("cross-environment", "into a namespace that is labelled as sensitive", elsewhere::sensitive),
    attack("late-egress", "orders from outside, to a workload that stayed inside", elsewhere::orders),
    attack(
        "first-egress",
        "one small question to outside, from a workload that stays inside",
        elsewhere::one_question,
    ),
    attack("new-connection", "a store that it never asked", elsewhere::store),
    attack("clear-text", "FTP to outside", elsewhere::ftp),
    attack("refused-attempt", "one door that a policy closed", elsewhere::denied),
    attack("refused-attempt", "an address inside where nobody is", elsewhere::nobody),
    attack("refused-attempt", "in a workload whose policy does not admit the peer", guarded::peer),
    attack("unexpected-connection", "through a policy that nobody enforces", elsewhere::unenforced),
];

/// Lets an intruder into a workload that nobody has touched yet; false where there is none.
pub fn intrude(town: &mut Town, attack: &Attack) -> bool {
    let wanted = if matches!(attack.rule, "odd-replica") { 2 } else { 1 };
    let first = town.workloads[0].namespace.clone();
    let fit: Vec<usize> = (0..town.workloads.len())
        .filter(|at| {
            let known = &town.workloads[*at];
            known.kind == "Deployment"
                && known.namespace == first
                && known.pods.len() >= wanted
                && (!matches!(attack.rule, "first-egress" | "late-egress") || town.stays_inside(*at))
                && !town.touched.contains(&known.id())
        })
        .collect();
    if fit.is_empty() {
        return false;
    }
    let intruder = town.random.pick(&fit);
    let id = town.workloads[intruder].id();
    let named = (attack.act)(town, intruder);
    let subject = named.unwrap_or_else(|| id.clone());
    town.touched.extend([id, subject.clone()]);
    town.injected.push(Injected { rule: attack.rule, style: attack.style, subject });
    true
}
