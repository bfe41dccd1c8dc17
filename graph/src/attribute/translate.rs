//! Services that a node's connection tracking resolved: no conclusion is needed, for the node says
//! which backend it chose.
//!
//! A strand to a service's address is joined with the strand to the backend that the node names. Where
//! no tap showed that one, an empty strand stands for it, so that the connection has its pod.

use std::collections::BTreeSet;

use flowfence_model::{Endpoint, FlowRecord, Orientation, Protocol, Translation};
use hashbrown::HashMap;

use super::strand::{CLOCK_SLACK, Strands};
use crate::inventory::Inventory;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Translations by the ends between which their connection may be seen, in its direction.
type Said<'a> = FastMap<(Protocol, Endpoint, Endpoint), Vec<&'a Translation>>;

/// Pairs of strands that are one connection because a node said so. Strands that nobody saw are
/// added, with the orientation of those they belong to.
pub fn translate(
    strands: &mut Strands,
    orientations: &mut Vec<Orientation>,
    translations: &[Translation],
    inventory: &Inventory,
) -> Vec<(u32, u32)> {
    let mut said = Said::default();
    for t in translations.iter().filter(|translation| translation.is_of_service()) {
        let ways: BTreeSet<_> = [(t.client, t.asked), (t.client, t.server), (t.seen_as, t.server)].into();
        for (from, to) in ways {
            said.entry((t.protocol, from, to)).or_default().push(t);
        }
    }
    if said.is_empty() {
        return Vec::new();
    }
    turn(strands, orientations, &said);
    let is_service = |r: &FlowRecord| inventory.backends(r.b.address.ip(), r.protocol, r.b.port).is_some();
    // Of each strand to a service, the translation that was in force nearest to its beginning.
    let resolved: Vec<(u32, &Translation)> = (0u32..)
        .zip(strands.records())
        .filter(|(_, r)| is_service(r))
        .filter_map(|(i, r)| {
            let all =
                said.get(&(r.protocol, r.a, r.b))?.iter().filter(|t| t.asked == r.b && is_in_force(t, r));
            let nearest = all.min_by_key(|t| (t.first.distance(r.first), t.server, t.seen_as))?;
            Some((i, *nearest))
        })
        .collect();
    let mut behind: FastMap<(Protocol, Endpoint, Endpoint), Vec<u32>> = FastMap::default();
    for (i, r) in (0u32..).zip(strands.records()) {
        behind.entry((r.protocol, r.a, r.b)).or_default().push(i);
    }
    let mut pairs = Vec::with_capacity(resolved.len());
    for (i, translation) in resolved {
        let Some(asked) = strands.get(i).cloned() else { continue };
        // A tap may stand before the client is masked, or after it.
        let shown = [translation.seen_as, translation.client].into_iter().find_map(|client| {
            let all = behind.get(&(translation.protocol, client, translation.server))?.iter();
            let alive = all
                .filter_map(|j| Some((*j, strands.get(*j)?)))
                .filter(|(_, r)| super::strand::overlap(&asked, r));
            alive.min_by_key(|(j, r)| (asked.first.distance(r.first), *j)).map(|(j, _)| j)
        });
        let j = shown.unwrap_or_else(|| {
            let known = orientations.get(i as usize).copied().unwrap_or(Orientation::Unknown);
            orientations.push(known);
            strands.add_unseen(unseen(&asked, translation), i)
        });
        pairs.push((i, j));
    }
    pairs
}

/// Whoever sent in the original direction opened, whether or not a tap saw it.
fn turn(strands: &mut Strands, orientations: &mut [Orientation], said: &Said<'_>) {
    let is_said = |r: &FlowRecord, from: Endpoint, to: Endpoint| {
        said.get(&(r.protocol, from, to)).is_some_and(|all| all.iter().any(|t| is_in_force(t, r)))
    };
    let open = strands.records_mut().iter_mut().zip(orientations);
    for (record, orientation) in open.filter(|(_, orientation)| **orientation != Orientation::Seen) {
        if is_said(record, record.b, record.a) {
            *record = record.reversed();
            *orientation = Orientation::Seen;
        } else if is_said(record, record.a, record.b) {
            *orientation = Orientation::Seen;
        }
    }
}

fn is_in_force(translation: &Translation, record: &FlowRecord) -> bool {
    translation.first <= record.last.plus(CLOCK_SLACK) && record.first <= translation.last.plus(CLOCK_SLACK)
}

/// What a tap beside the backend would have shown, without a packet.
fn unseen(asked: &FlowRecord, translation: &Translation) -> FlowRecord {
    let (client, server) = (translation.seen_as, translation.server);
    FlowRecord { last: asked.last, ..FlowRecord::new(asked.protocol, client, server, asked.tap, asked.first) }
}

#[cfg(test)]
mod tests {
    use flowfence_model::object::Object;
    use flowfence_model::{Recording, Timestamp};

    use super::*;
    use crate::attribute::attribute;
    use crate::contact::Contact;
    use crate::testing::*;

    const CLIENT: &str = "10.244.1.2:40000";

    /// A service with backends of two workloads, so that it tells nobody's name by itself.
    fn cluster() -> Inventory {
        let labelled = |name: &str, node: &str, ip: &str, text: &str| {
            let mut pod = pod(name, node, ip);
            pod.meta.labels = labels(text);
            Object::Pod(pod)
        };
        Inventory::new(vec![vec![
            labelled("shop/client", "node1", "10.244.1.2", "app=client"),
            labelled("shop/old", "node1", "10.244.1.3", "app=api"),
            labelled("shop/new", "node2", "10.244.2.4", "app=api"),
            node("node1", "172.30.0.11", "10.244.1.0/24"),
            node("node2", "172.30.0.12", "10.244.2.0/24"),
            service("shop/api", "10.96.0.5", 80, 9090, "app=api", Some(30080)),
        ]])
    }

    fn said(asked: &str, server: &str, seen_as: &str, seconds: (i64, i64)) -> Translation {
        Translation {
            protocol: Protocol::Tcp,
            client: end(CLIENT),
            asked: end(asked),
            server: end(server),
            seen_as: end(seen_as),
            first: at(seconds.0),
            last: at(seconds.1),
        }
    }

    fn contacts(records: Vec<FlowRecord>, translations: Vec<Translation>) -> Vec<Contact> {
        attribute(Recording { translations, ..recording(records) }, &cluster()).contacts
    }

    fn line(contact: &Contact) -> String {
        let services: Vec<&String> = contact.services.iter().collect();
        format!(
            "{} -> {} {:?} {services:?} {}",
            contact.from.id, contact.to.id, contact.port, contact.tally.connections
        )
    }

    #[test]
    fn the_node_says_which_backend_a_service_chose() {
        let seen = || vec![tcp(CLIENT, "10.96.0.5:80", 77)];
        assert_eq!(
            contacts(seen(), vec![])[0].to.id.to_string(),
            "unknown/10.96.0.5",
            "either may have answered"
        );
        for (server, pod) in [("10.244.1.3:9090", "old"), ("10.244.2.4:9090", "new")] {
            let found = contacts(seen(), vec![said("10.96.0.5:80", server, CLIENT, (100, 101))]);
            let expected = format!("shop/Pod/client -> shop/Pod/{pod} Some(9090) [\"shop/api\"] 1");
            assert_eq!(found.iter().map(line).collect::<Vec<_>>(), [expected]);
            assert_eq!(found[0].tally.packets, [4, 3], "nothing counts that was not seen");
        }
    }

    #[test]
    fn what_the_node_says_counts_before_what_is_likely() {
        // Both backends were asked directly at the same time; without sequence numbers the nearest is taken.
        let mut records = vec![
            midstream(CLIENT, "10.96.0.5:80"),
            midstream(CLIENT, "10.244.1.3:9090"),
            midstream(CLIENT, "10.244.2.4:9090"),
        ];
        records[2].first = at(101);
        let found = contacts(records, vec![said("10.96.0.5:80", "10.244.2.4:9090", CLIENT, (99, 102))]);
        let found: Vec<String> = found.iter().map(line).collect();
        assert!(
            found.contains(&"shop/Pod/client -> shop/Pod/new Some(9090) [\"shop/api\"] 1".to_owned()),
            "{found:?}"
        );
        assert_eq!(found.len(), 2, "the other one is nobody's service: {found:?}");
    }

    #[test]
    fn a_translation_of_another_time_says_nothing() {
        let late = said("10.96.0.5:80", "10.244.1.3:9090", CLIENT, (500, 501));
        let found = contacts(vec![tcp(CLIENT, "10.96.0.5:80", 77)], vec![late]);
        assert_eq!(found[0].to.id.to_string(), "unknown/10.96.0.5");
        let open =
            Translation { last: Timestamp::MAX, ..said("10.96.0.5:80", "10.244.1.3:9090", CLIENT, (50, 51)) };
        let found = contacts(vec![tcp(CLIENT, "10.96.0.5:80", 77)], vec![open]);
        assert_eq!(found[0].to.id.to_string(), "shop/Pod/old");
    }
}
