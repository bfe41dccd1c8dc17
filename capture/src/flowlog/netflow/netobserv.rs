//! What netobserv's writer (flowlogs-pipeline) does in its own way.
//!
//! **Names.** It fills one record again and again, and where a flow has no name, for its end is outside of
//! the cluster, the one of the flow before stays in it. So a name counts only where it was written anew:
//! it is another one than before, or it was, the last time that it was, at the same address. Where a
//! datagram is missing in between nobody knows what was before.
//!
//! **Flags.** SYN and ACK in one packet are a flag of their own, so that SYN is one that opened.

use std::hash::BuildHasher;

use flowfence_model::Address;
use foldhash::fast::FixedState;

use super::element::Item;
use super::flow::{Flow, Side};
use super::record::Record;

const FIN: u64 = 0x01;
const SYN: u64 = 0x02;
const RST: u64 = 0x04;
const ACK: u64 = 0x10;
/// Bits of packets that have two flags, and what they stand for.
const TOGETHER: [(u64, u64); 3] = [(0x100, SYN | ACK), (0x200, FIN | ACK), (0x400, RST | ACK)];

impl<'a> Record<'a> {
    /// Whether netobserv wrote it. Its writer before 2024 had no node of the destination, and names of
    /// controllers where those of pods are now: they are left to their addresses.
    pub(super) fn is_of_netobserv(&self) -> bool {
        self.octets(Item::SeenDestinationNode).is_some()
    }

    /// Reads its elements; of pods, services and nodes, which it names alike, only pods and nodes run on
    /// a node.
    pub(super) fn netobserv(&self, flow: &mut Flow<'a>) {
        let sides = [
            (&mut flow.source, Item::SeenSourceNamespace, Item::SeenSourcePod, Item::SeenSourceNode),
            (
                &mut flow.destination,
                Item::SeenDestinationNamespace,
                Item::SeenDestinationPod,
                Item::SeenDestinationNode,
            ),
        ];
        for (side, namespace, pod, node) in sides {
            side.node = self.name(node);
            if side.node.is_some() {
                side.pod = self.name(pod);
                // A node has no namespace but the one that is left over.
                side.namespace = self.name(namespace).filter(|_| side.pod != side.node);
            }
        }
        let Some(shown) = self.number(Item::Flags) else { return };
        let [(syn_ack, _), ..] = TOGETHER;
        let all =
            TOGETHER.iter().filter(|(bit, _)| shown & bit != 0).fold(shown, |all, (_, both)| all | both);
        let octet = |flags: u64| u8::try_from(flags & 0xff).ok();
        flow.flags = octet(all);
        flow.first_flags[0] = match shown {
            shown if shown & syn_ack != 0 => octet(SYN | ACK),
            shown if shown & SYN != 0 => octet(SYN),
            _ => None,
        };
    }
}

/// Whether datagrams came one after another, as far as their numbers tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unbroken {
    /// The latest number, and the records of its message.
    latest: Option<(u32, u32)>,
    /// Whether the first one was the exporter's first.
    from_beginning: bool,
    /// How many times some were missing, or came in another order.
    gaps: u64,
}

impl Unbroken {
    /// A message of that number has come. Numbers count records before a message, or up to its end.
    pub fn begin(&mut self, number: u32) {
        match self.latest {
            None => self.from_beginning = number <= 1,
            Some((latest, records)) => {
                let step = number.wrapping_sub(latest);
                self.gaps += u64::from(step > 1 && step != records);
            }
        }
        self.latest = Some((number, 0));
    }

    /// So many records were in it.
    pub fn end(&mut self, records: u32) {
        if let Some((_, latest)) = &mut self.latest {
            *latest = records;
        }
    }

    /// How many times it was unknown what the exporter had said before; `None` where everything came
    /// since its beginning.
    pub fn gaps(&self) -> Option<u64> {
        (!self.from_beginning || self.gaps > 0).then_some(self.gaps)
    }
}

/// What the latest record of one template said of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    /// A hash of the name.
    name: u64,
    /// Where it was when it was written; `None` where that is not known.
    at: Option<Address>,
}

/// What the latest record of one template said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of both ends, and the gaps until then.
    said: Option<([Said; 2], u64)>,
}

impl Names {
    /// Takes the names off that are left over. `gaps` are those of [`Unbroken::gaps`].
    pub fn check(&mut self, flow: &mut Flow<'_>, gaps: Option<u64>) {
        let before = self.said.filter(|(_, then)| gaps.is_none_or(|gaps| gaps == *then));
        let (before_source, before_destination) = before.map(|([x, y], _)| (x, y)).unzip();
        let is_first = gaps.is_none();
        let said = [
            check(&mut flow.source, before_source, is_first),
            check(&mut flow.destination, before_destination, is_first),
        ];
        self.said = Some((said, gaps.unwrap_or(0)));
    }
}

/// Takes a name off that is left over.
fn check(side: &mut Side<'_>, before: Option<Said>, is_first: bool) -> Said {
    let name = FixedState::default().hash_one((side.namespace, side.pod));
    let at = match before {
        Some(before) if before.name == name => before.at,
        Some(_) => Some(side.address),
        None => is_first.then_some(side.address),
    };
    if at != Some(side.address) {
        (side.namespace, side.pod, side.node) = (None, None, None);
    }
    Said { name, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_leave_nothing_out_are_unbroken_whatever_they_count() {
        // Records before a message, up to its end, and datagrams; templates have none.
        for numbers in [[(0, 0), (0, 1), (1, 5), (6, 2)], [(0, 0), (1, 1), (2, 1), (3, 1)]] {
            let mut unbroken = Unbroken::default();
            for (number, records) in numbers {
                unbroken.begin(number);
                unbroken.end(records);
            }
            assert_eq!(unbroken.gaps(), None, "{numbers:?}");
            unbroken.begin(100);
            assert_eq!(unbroken.gaps(), Some(1), "{numbers:?}");
        }
        let mut late = Unbroken::default();
        late.begin(70);
        assert_eq!(late.gaps(), Some(0), "what was before it nobody knows");
        late.begin(69);
        assert_eq!(late.gaps(), Some(1), "out of order");
    }
}
