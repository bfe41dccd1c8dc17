//! Scans: many new targets that mostly fail.
//!
//! What a scan means is breadth without success. So targets are counted, not attempts: a
//! reconnect storm is one target however often it fails. And failures that success explains are
//! no knocks: a replica that is gone while others of its workload answer, dead members of a group
//! that answers on the same port (scrape targets, gossip, health checks, hosts of a crawler), a
//! known listener that is down and is asked again and again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use flowfence_graph::{Contact, EdgeKey, Inventory};
use flowfence_model::{NodeId, Protocol, Timestamp};
use foldhash::fast::RandomState;

use super::knock::{Outcome, Place, Target, Targets, outcomes};
use super::verdict::EdgeVerdict;

/// So many targets must fail.
pub const SCAN_TARGETS: usize = 10;
/// So many times more targets must fail than answer.
pub const SCAN_RATIO: usize = 2;
/// On a port on which a client finds peers, failures count only when they are so many times
/// more: a tenth of a group is not dead by habit, nine tenths are.
pub const SAME_PORT_RATIO: usize = 10;

/// Failing this often at one target is insisting, not searching.
const INSISTING: u64 = 3;
/// A busy client (most of its targets answer) scans when it also knocks once each at a quarter as many.
const BUSY_SHARE: usize = 4;
/// So many ports make a pattern of their own, where nobody ever answered on any of them.
const SEVERAL_PORTS: usize = 3;
/// So many doors inside the cluster on several ports, each tried once or twice and let be, that nobody is known to
/// stand behind or that policies close. A stale configuration knows one address or one port, and tries it again.
pub const SCATTERED_TARGETS: usize = 5;
/// Knocks further apart than this, and ten times as far as is usual among them, are not one search.
const PAUSE: Duration = Duration::from_secs(30);
/// An open door met on the way is part of a scan that goes on within this time, or within that of its own step.
const STEP: Duration = Duration::from_secs(5);

/// One source that scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Who.
    pub source: NodeId,
    /// When the scan began.
    pub first_knock: Timestamp,
    /// The latest new target that failed.
    pub last_knock: Timestamp,
    /// Distinct targets (address and port) that failed.
    pub targets: usize,
    /// How many addresses they are.
    pub addresses: usize,
    /// Their ports.
    pub ports: BTreeSet<(Protocol, u16)>,
    /// Edges of the source that were first seen since it began to scan and answered, sorted.
    pub answered: Vec<EdgeKey>,
    /// Whether a person took responsibility for it.
    pub accepted: bool,
}

impl Scan {
    /// The id of its finding.
    pub fn id(&self) -> String {
        format!("port-scan:{}", self.source)
    }
}

/// The scans among contacts, by source.
pub(super) fn find(contacts: &[Contact], mut verdicts: &[EdgeVerdict], inventory: &Inventory) -> Vec<Scan> {
    let mut by_source: BTreeMap<&NodeId, Vec<(&Contact, EdgeVerdict)>> = BTreeMap::new();
    // Contacts of one end mostly lie side by side: its name is looked up once for all of them.
    for run in contacts.chunk_by(|x, y| Arc::ptr_eq(&x.from, &y.from)) {
        let (now, later) = verdicts.split_at_checked(run.len()).unwrap_or((verdicts, &[]));
        verdicts = later;
        let Some(first) = run.first() else { continue };
        by_source.entry(&first.from.id).or_default().extend(run.iter().zip(now.iter().copied()));
    }
    by_source.into_iter().filter_map(|(source, own)| scan_of(source, &own, inventory)).collect()
}

/// A pod that scans is found among the targets of its own address, replicas that share a scan
/// among those of the workload.
fn scan_of(source: &NodeId, own: &[(&Contact, EdgeVerdict)], inventory: &Inventory) -> Option<Scan> {
    if !may_scan(own) {
        return None;
    }
    let mut by_address: BTreeMap<_, Vec<(&Contact, EdgeVerdict)>> = BTreeMap::new();
    for (contact, verdict) in own {
        by_address.entry(contact.from.address).or_default().push((contact, *verdict));
    }
    let mut views: Vec<Vec<(&Contact, EdgeVerdict)>> = by_address.into_values().collect();
    if views.len() > 1 {
        views.push(own.to_vec());
    }
    let found: Vec<Scan> = views
        .iter()
        .filter(|view| may_scan(view))
        .filter_map(|view| {
            let targets = outcomes(view, inventory);
            let knocks = knocks(&targets);
            is_scan(source, &targets, &knocks).then(|| describe(source, &targets, &knocks))?
        })
        .collect();
    let first_knock = found.iter().map(|scan| scan.first_knock).min()?;
    let mut scan = found.into_iter().max_by_key(|scan| scan.targets)?;
    scan.first_knock = first_knock;
    scan.answered = answered(own, first_knock);
    Some(scan)
}

/// Whether so much failed that it can be a scan. Most of those who connect are told by this alone.
fn may_scan(view: &[(&Contact, EdgeVerdict)]) -> bool {
    let failed = view.iter().filter(|(contact, _)| contact.tally.connections == 0);
    failed.take(SCATTERED_TARGETS).count() == SCATTERED_TARGETS
}

type Knocks<'t, 'a> = Vec<(&'t Target, &'t Outcome<'a>)>;

/// Failed targets that no success explains, in the order of time.
fn knocks<'t, 'a>(targets: &'t Targets<'a>) -> Knocks<'t, 'a> {
    let mut replicas: HashSet<(&NodeId, Protocol, u16), RandomState> = HashSet::default();
    let mut by_port: BTreeMap<(Protocol, u16), [usize; 2]> = BTreeMap::new();
    for ((_, protocol, port), outcome) in targets {
        if outcome.is_answered() {
            replicas.insert((outcome.to, *protocol, *port));
        }
        by_port.entry((*protocol, *port)).or_default()[usize::from(outcome.is_answered())] += 1;
    }
    let is_knock = |(_, protocol, port): &Target, outcome: &Outcome<'_>| {
        if outcome.is_answered() {
            return false;
        }
        let [failed, answered] = by_port.get(&(*protocol, *port)).copied().unwrap_or_default();
        let sibling = outcome.to.is_workload() && replicas.contains(&(outcome.to, *protocol, *port));
        // Who asks machines whether they are there finds no group that serves the same.
        let ratio = if *protocol == Protocol::Icmp { SCAN_RATIO } else { SAME_PORT_RATIO };
        let member = answered > 0 && failed < ratio * answered;
        let insisting = outcome.attempts >= INSISTING && (answered > 0 || outcome.declared);
        !(sibling || member || insisting)
    };
    let mut found: Knocks<'t, 'a> =
        targets.iter().filter(|(target, outcome)| is_knock(target, outcome)).collect();
    found.sort_by(|x, y| (x.1.first, x.0).cmp(&(y.1.first, y.0)));
    found
}

fn is_scan(source: &NodeId, targets: &Targets<'_>, knocks: &Knocks<'_, '_>) -> bool {
    let answered = targets.values().filter(|outcome| outcome.is_answered()).count();
    if knocks.len() >= SCAN_TARGETS && knocks.len() >= SCAN_RATIO * answered {
        return true;
    }
    // Else only a clear pattern among doors that nobody is known to stand behind, or that policies close.
    let mut by_place: BTreeMap<&Place, usize> = BTreeMap::new();
    let mut by_port: BTreeMap<(Protocol, u16), usize> = BTreeMap::new();
    let mut inside: BTreeMap<(Protocol, u16), usize> = BTreeMap::new();
    for ((place, protocol, port), outcome) in knocks {
        if outcome.attempts >= INSISTING {
            continue;
        }
        if !outcome.declared {
            *by_place.entry(place).or_default() += 1;
            *by_port.entry((*protocol, *port)).or_default() += 1;
        }
        if (!outcome.declared || outcome.denied) && outcome.to.external().is_none() {
            *inside.entry((*protocol, *port)).or_default() += 1;
        }
    }
    let widest = by_place.values().chain(by_port.values()).max().copied().unwrap_or(0);
    // Many ports at many addresses, each tried once: inside a cluster peers have names and few ports, while
    // outside this is what programs do that find their peers by themselves.
    let scattered = if inside.len() >= SEVERAL_PORTS { inside.values().sum::<usize>() } else { 0 };
    let once = by_port.values().sum::<usize>().max(scattered);
    let is_wide = widest >= SCAN_TARGETS || scattered >= SCAN_TARGETS;
    (is_wide || scattered >= SCATTERED_TARGETS && source.is_workload()) && BUSY_SHARE * once >= answered
}

/// Once it is a scan, everything that failed since it began belongs to it.
fn describe(source: &NodeId, targets: &Targets<'_>, knocks: &Knocks<'_, '_>) -> Option<Scan> {
    let times: Vec<Timestamp> = knocks.iter().map(|(_, outcome)| outcome.first).collect();
    let start = start_of(&times)?;
    let failed = || targets.iter().filter(|(_, o)| !o.is_answered() && o.first >= start);
    let places: BTreeSet<&Place> = failed().map(|((place, ..), _)| place).collect();
    Some(Scan {
        source: source.clone(),
        first_knock: with_open_doors(start, STEP.max(usual_gap(&times)), targets),
        last_knock: failed().map(|(_, outcome)| outcome.first).max()?,
        targets: failed().count(),
        addresses: places.len(),
        ports: failed().map(|((_, protocol, port), _)| (*protocol, *port)).collect(),
        answered: Vec::new(),
        accepted: false,
    })
}

/// The first of the earliest run of enough knocks: a lone failure long before is not its begin.
fn start_of(times: &[Timestamp]) -> Option<Timestamp> {
    let enough = if times.len() < SCAN_TARGETS { SCATTERED_TARGETS } else { SCAN_TARGETS };
    let limit = PAUSE.max(usual_gap(times).saturating_mul(10));
    let mut start = 0;
    for at in 0..times.len() {
        let gap = |at: usize| Some(times.get(at)?.since(*times.get(at.checked_sub(1)?)?));
        if gap(at).is_some_and(|gap| gap > limit) {
            start = at;
        }
        if at - start + 1 >= enough {
            return times.get(start).copied();
        }
    }
    times.first().copied()
}

/// The median time between knocks.
fn usual_gap(times: &[Timestamp]) -> Duration {
    let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or_default()
}

/// The first door that a scan tries may be open. A connection without payload, on a port or
/// at an address that the scan also tries, no longer before its first failure than it takes for a step,
/// belongs to it.
fn with_open_doors(start: Timestamp, step: Duration, targets: &Targets<'_>) -> Timestamp {
    let closed = || targets.iter().filter(|(_, outcome)| !outcome.is_answered()).map(|(target, _)| target);
    let places: BTreeSet<&Place> = closed().map(|(place, ..)| place).collect();
    let ports: BTreeSet<(Protocol, u16)> = closed().map(|(_, protocol, port)| (*protocol, *port)).collect();
    let mut doors: Vec<Timestamp> = targets
        .iter()
        .filter(|((place, protocol, port), outcome)| {
            outcome.is_answered()
                && *protocol == Protocol::Tcp
                && (places.contains(place) || ports.contains(&(*protocol, *port)))
                && is_bare(place, outcome)
        })
        .map(|(_, outcome)| outcome.first)
        .filter(|first| *first < start)
        .collect();
    doors.sort_unstable();
    doors.into_iter().rev().fold(start, |start, door| if start.since(door) <= step { door } else { start })
}

/// With the usual options a SYN takes 60 octets on IPv4, an empty segment 52, and 20 more on IPv6.
fn is_bare(place: &Place, outcome: &Outcome<'_>) -> bool {
    let [octets, packets] = outcome.sent;
    let segment = if matches!(place, Place::Address(ip) if ip.is_ipv6()) { 72 } else { 52 };
    octets <= packets * segment + 8
}

/// Edges that carried a connection and were first seen at `since` or after.
fn answered(own: &[(&Contact, EdgeVerdict)], since: Timestamp) -> Vec<EdgeKey> {
    let mut first: BTreeMap<EdgeKey, Timestamp> = BTreeMap::new();
    for (contact, _) in own.iter().filter(|(contact, _)| contact.tally.connections > 0) {
        let known = first.entry(EdgeKey::of(contact)).or_insert(contact.tally.first);
        *known = (*known).min(contact.tally.first);
    }
    first.into_iter().filter(|(_, first)| *first >= since).map(|(edge, _)| edge).collect()
}
