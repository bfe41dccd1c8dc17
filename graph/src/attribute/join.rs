//! Strands that are one connection although their addresses differ.
//!
//! Nodes rewrite addresses: a service's to a pod's, an outside client's to the node's, a pod's to
//! the node's on the way out. A tap beside the rewriting shows one direction before it and the
//! other after it. TCP's initial sequence numbers survive the rewriting and prove which strands
//! belong together; where they were not seen, the service's known backends, the client's port
//! and the time do.

use std::net::IpAddr;
use std::time::Duration;

use flowfence_model::{Endpoint, FlowRecord, Protocol, Timestamp};
use hashbrown::{HashMap, HashSet};

use super::strand::{CLOCK_SLACK, Strands, overlap};
use crate::inventory::Inventory;

/// Openings with one initial sequence number further apart than this are two connections.
const SAME_OPENING: Duration = Duration::from_secs(10);

/// Of what was asked before and after a moment, so many are looked at.
const MASKED_TRIED: usize = 8;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type FastSet<T> = HashSet<T, foldhash::fast::RandomState>;

/// Sets of strands, each one connection.
#[derive(Debug)]
pub struct Groups {
    /// Strand indices, those of one group side by side.
    order: Vec<u32>,
    /// Union-find: the lowest strand of the group.
    parent: Vec<u32>,
    /// Strands that are in a group with another.
    joined: Vec<bool>,
}

impl Groups {
    /// All groups in pieces of so many strands, the last group of each being whole.
    pub fn pieces(&self, strands: usize) -> Vec<&[u32]> {
        let mut pieces = Vec::new();
        let mut rest = self.order.as_slice();
        while let Some(last) = rest.get(..strands).and_then(<[u32]>::last) {
            let root = self.root(*last);
            let more = rest.iter().skip(strands).take_while(|next| self.root(**next) == root).count();
            let (piece, next) = rest.split_at(strands + more);
            pieces.push(piece);
            rest = next;
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        pieces
    }

    /// Each group's strands in a piece, ascending.
    pub fn within<'a>(&self, piece: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
        piece.chunk_by(|x, y| self.root(*x) == self.root(*y))
    }

    fn singles(count: usize) -> Self {
        let parent: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        Groups { order: Vec::new(), parent, joined: vec![false; count] }
    }

    fn root(&self, mut i: u32) -> u32 {
        while let Some(up) = self.parent.get(i as usize).copied().filter(|up| *up != i) {
            i = up;
        }
        i
    }

    fn is_joined(&self, i: u32) -> bool {
        self.joined.get(i as usize).copied().unwrap_or(false)
    }

    fn unite(&mut self, x: u32, y: u32) {
        for i in [x, y] {
            if let Some(joined) = self.joined.get_mut(i as usize) {
                *joined = true;
            }
        }
        let (x, y) = (self.root(x), self.root(y));
        if let Some(slot) = self.parent.get_mut(x.max(y) as usize) {
            *slot = x.min(y);
        }
    }

    fn finish(mut self) -> Self {
        let mut order: Vec<u32> = (0..u32::try_from(self.parent.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by_cached_key(|i| (self.root(*i), *i));
        self.order = order;
        self
    }
}

/// Finds the groups; `known` are pairs that a node told.
pub fn join(strands: &Strands, inventory: &Inventory, known: &[(u32, u32)]) -> Groups {
    let mut groups = Groups::singles(strands.records().len());
    for (x, y) in known {
        groups.unite(*x, *y);
    }
    join_by_sequence_number(strands, inventory, &mut groups);
    if inventory.is_empty() {
        join_complements(strands, &mut groups);
    } else {
        let half_known = join_services(strands, inventory, &mut groups);
        join_masked(strands, inventory, half_known, &mut groups);
        join_masquerade(strands, inventory, &mut groups);
    }
    groups.finish()
}

/// TCP and SCTP: the originator's initial sequence number, together with an end in common or a
/// service between the two.
fn join_by_sequence_number(strands: &Strands, inventory: &Inventory, groups: &mut Groups) {
    let mut by_isn: Vec<(u32, u32)> =
        (0u32..).zip(strands.records()).filter_map(|(i, r)| Some((r.forward.isn()?, i))).collect();
    by_isn.sort_unstable();
    for run in by_isn.chunk_by(|x, y| x.0 == y.0).filter(|run| run.len() > 1) {
        for (n, (_, i)) in run.iter().enumerate() {
            for (_, j) in run.iter().skip(n + 1) {
                let (Some(x), Some(y)) = (strands.get(*i), strands.get(*j)) else { continue };
                if is_one_opening(x, y) && is_related(x, y, inventory) {
                    groups.unite(*i, *j);
                }
            }
        }
    }
}

fn is_one_opening(x: &FlowRecord, y: &FlowRecord) -> bool {
    let servers_agree = match (x.reverse.isn(), y.reverse.isn()) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    x.protocol == y.protocol
        && (x.a, x.b) != (y.a, y.b)
        && servers_agree
        && x.first.distance(y.first) <= SAME_OPENING
}

fn is_related(x: &FlowRecord, y: &FlowRecord, inventory: &Inventory) -> bool {
    x.a == y.a
        || x.b == y.b
        || (x.reverse.isn().is_some() && x.reverse.isn() == y.reverse.isn())
        || leads_to(x.protocol, x.b, y.b, inventory)
        || leads_to(x.protocol, y.b, x.b, inventory)
}

fn leads_to(protocol: Protocol, service: Endpoint, pod: Endpoint, inventory: &Inventory) -> bool {
    inventory
        .backends(service.address.ip(), protocol, service.port)
        .is_some_and(|backend| backend.endpoints.contains(&(pod.address.ip(), pod.port)))
}

fn contradicts(x: &FlowRecord, y: &FlowRecord) -> bool {
    matches!((x.forward.isn(), y.forward.isn()), (Some(a), Some(b)) if a != b)
}

/// What sequence numbers left alone.
fn left_alone<'a>(strands: &'a Strands, groups: &'a Groups) -> impl Iterator<Item = (u32, &'a FlowRecord)> {
    (0u32..).zip(strands.records()).filter(|(i, _)| !groups.is_joined(*i))
}

/// A service's strand and its backend's: one client end, backends as known, one time. Returns the
/// services' strands of which the backend's shows only the answers.
fn join_services(strands: &Strands, inventory: &Inventory, groups: &mut Groups) -> FastSet<u32> {
    let mut half_known = FastSet::default();
    let is_service = |r: &FlowRecord| inventory.backends(r.b.address.ip(), r.protocol, r.b.port).is_some();
    let mut by_client: FastMap<(Protocol, Endpoint), (Vec<u32>, Vec<u32>)> = FastMap::default();
    for (i, r) in left_alone(strands, groups).filter(|(_, r)| is_service(r)) {
        by_client.entry((r.protocol, r.a)).or_default().0.push(i);
    }
    for (i, r) in left_alone(strands, groups).filter(|(_, r)| !is_service(r)) {
        if let Some((_, pods)) = by_client.get_mut(&(r.protocol, r.a)) {
            pods.push(i);
        }
    }
    for (services, pods) in by_client.values() {
        for i in services {
            let Some(service) = strands.get(*i) else { continue };
            let behind = |r: &FlowRecord| leads_to(r.protocol, service.b, r.b, inventory);
            if let Some(j) = nearest(service, pods, strands, behind) {
                groups.unite(*i, j);
                if strands.get(j).is_some_and(is_reverse_only) {
                    half_known.insert(*i);
                }
            }
        }
    }
    half_known
}

/// Of the strands that `fits` and that overlap in time, the one that began nearest.
fn nearest(
    strand: &FlowRecord,
    candidates: &[u32],
    strands: &Strands,
    fits: impl Fn(&FlowRecord) -> bool,
) -> Option<u32> {
    candidates
        .iter()
        .filter_map(|j| Some((*j, strands.get(*j)?)))
        .filter(|(_, r)| overlap(strand, r) && !contradicts(strand, r) && fits(r))
        .min_by_key(|(j, r)| (strand.first.distance(r.first), *j))
        .map(|(j, _)| j)
}

/// What was asked of a service and reached a pod from its node's address: a pod's own service that
/// led back to it, or a node port. The node often gives it another port as well, so that only the
/// service's backends and the moment are left to tell by. On a bridge the answers go to the client
/// itself: these are known already (`half_known`).
fn join_masked(strands: &Strands, inventory: &Inventory, mut half_known: FastSet<u32>, groups: &mut Groups) {
    let mut by_pod: FastMap<(Protocol, IpAddr), Vec<(Timestamp, u32)>> = FastMap::default();
    let mut by_node: FastMap<(Protocol, &str), Vec<(Timestamp, u32)>> = FastMap::default();
    let mut masked: Vec<(u32, &str)> = Vec::new();
    for (i, r) in (0u32..).zip(strands.records()) {
        if groups.is_joined(i) && !half_known.contains(&i) {
            continue;
        }
        if inventory.backends(r.b.address.ip(), r.protocol, r.b.port).is_some() {
            match inventory.node_of(r.b.address.ip()) {
                Some(node) => by_node.entry((r.protocol, node)).or_default().push((r.first, i)),
                None => by_pod.entry((r.protocol, r.a.address.ip())).or_default().push((r.first, i)),
            }
        } else if let Some(node) = inventory.node_of(r.a.address.ip()) {
            masked.push((i, node));
        }
    }
    by_pod.values_mut().chain(by_node.values_mut()).for_each(|asked| asked.sort_unstable());
    for (i, node) in masked {
        let Some(r) = strands.get(i) else { continue };
        let of_pod = by_pod.get(&(r.protocol, r.b.address.ip())).map_or(&[][..], |asked| around(asked, r));
        let of_node = by_node.get(&(r.protocol, node)).map_or(&[][..], |asked| around(asked, r));
        let asked = of_pod
            .iter()
            .chain(of_node)
            .map(|(_, j)| *j)
            .filter(|j| !groups.is_joined(*j) || half_known.contains(j));
        let asked: Vec<u32> = asked.collect();
        let leads_here = |s: &FlowRecord| {
            s.first.distance(r.first) <= CLOCK_SLACK && leads_to(s.protocol, s.b, r.b, inventory)
        };
        if let Some(j) = nearest(r, &asked, strands, leads_here) {
            groups.unite(i, j);
            half_known.remove(&j);
        }
    }
}

/// The few of a sorted list that began about when `r` did.
fn around<'a>(asked: &'a [(Timestamp, u32)], r: &FlowRecord) -> &'a [(Timestamp, u32)] {
    let near = asked.partition_point(|(first, _)| *first < r.first);
    let end = asked.len().min(near + MASKED_TRIED);
    asked.get(near.saturating_sub(MASKED_TRIED)..end).unwrap_or_default()
}

/// Strands from a node's address whose true client shows in another strand to the same server:
/// a pod whose address was masqueraded on the way out (one client port), or an outside client of
/// a node port (one half each).
fn join_masquerade(strands: &Strands, inventory: &Inventory, groups: &mut Groups) {
    let from_node = |r: &FlowRecord| inventory.node_of(r.a.address.ip()).is_some();
    let mut by_server: FastMap<(Protocol, Endpoint), (Vec<u32>, Vec<u32>)> = FastMap::default();
    for (i, r) in left_alone(strands, groups).filter(|(_, r)| from_node(r)) {
        by_server.entry((r.protocol, r.b)).or_default().0.push(i);
    }
    for (i, r) in left_alone(strands, groups).filter(|(_, r)| !from_node(r)) {
        if let Some((_, clients)) = by_server.get_mut(&(r.protocol, r.b)) {
            clients.push(i);
        }
    }
    for (nodes, mut clients) in by_server.into_values() {
        for i in nodes {
            let Some(node) = strands.get(i) else { continue };
            let half = |r: &FlowRecord| is_forward_only(node) && is_reverse_only(r);
            let masqueraded = |r: &FlowRecord| r.a.port == node.a.port && !is_reverse_only(r);
            if let Some(j) = nearest(node, &clients, strands, |r| half(r) || masqueraded(r)) {
                groups.unite(i, j);
                clients.retain(|c| *c != j);
            }
        }
    }
}

/// Without an inventory: two halves of one client end, one only asking and the other only
/// answering, are one connection when neither has another that fits.
fn join_complements(strands: &Strands, groups: &mut Groups) {
    let mut by_client: FastMap<(Protocol, Endpoint), (Vec<u32>, Vec<u32>)> = FastMap::default();
    for (i, r) in left_alone(strands, groups).filter(|(_, r)| is_reverse_only(r)) {
        by_client.entry((r.protocol, r.a)).or_default().1.push(i);
    }
    for (i, r) in left_alone(strands, groups).filter(|(_, r)| is_forward_only(r)) {
        if let Some((asked, _)) = by_client.get_mut(&(r.protocol, r.a)) {
            asked.push(i);
        }
    }
    for (asked, answered) in by_client.values() {
        if let ([i], [j]) = (asked.as_slice(), answered.as_slice())
            && let (Some(x), Some(y)) = (strands.get(*i), strands.get(*j))
            && overlap(x, y)
        {
            groups.unite(*i, *j);
        }
    }
}

fn is_forward_only(r: &FlowRecord) -> bool {
    r.forward.is_seen() && !r.reverse.is_seen()
}

fn is_reverse_only(r: &FlowRecord) -> bool {
    r.reverse.is_seen() && !r.forward.is_seen()
}
