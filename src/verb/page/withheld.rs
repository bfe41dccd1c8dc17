//! Why no rule is recommended for an edge.

use std::collections::BTreeMap;

use flowfence_graph::EdgeKey;
use flowfence_model::NodeId;
use flowfence_policy::judge::Standing;
use flowfence_policy::recommend::Unfenced;

use super::edge::Seen;

/// What is known of edges and ends that get no rule.
pub(super) struct Reasons<'a> {
    withheld: BTreeMap<&'a EdgeKey, &'a str>,
    unfenced: BTreeMap<&'a NodeId, &'a Unfenced>,
    is_advised: bool,
}

impl<'a> Reasons<'a> {
    pub(super) fn of(seen: &'a Seen<'_>) -> Self {
        let withheld = seen.judgement.withheld.iter();
        let unfenced = seen.advised.into_iter().flat_map(|proved| &proved.answer.unfenced);
        Reasons {
            withheld: withheld.map(|row| (&row.edge, row.why.as_str())).collect(),
            unfenced: unfenced.map(|open| (&open.id, open)).collect(),
            is_advised: seen.advised.is_some(),
        }
    }

    /// Of a row without a rule; the gravest reason first. `None` where nothing is recommended at all.
    pub(super) fn why(&self, seen: &Seen<'_>, row: usize) -> Option<String> {
        let mut standings = Vec::new();
        let mut scan = None;
        let (mut is_own, mut has_pod) = (true, false);
        let mut open = None;
        for (contact, judged) in seen.contacts(row) {
            if let Some(why) = self.withheld.get(&EdgeKey::of(contact)) {
                return Some(format!("withheld: {why}"));
            }
            standings.push(judged.standing);
            scan = scan.or(judged.scan);
            is_own &= contact.own_node || contact.is_loopback();
            for id in [&contact.from.id, &contact.to.id] {
                has_pod |= id.is_workload();
                open = open.or_else(|| self.unfenced.get(id).copied());
            }
        }
        let is_any = |wanted: Standing| standings.contains(&wanted);
        if standings.is_empty() {
            return None;
        }
        if standings.iter().all(|standing| *standing == Standing::Attempt) {
            let scan = scan.and_then(|scan| seen.judgement.scan(scan));
            return Some(scan.map_or_else(
                || "an attempt: it never connected, and so is no rule".to_owned(),
                |scan| format!("an attempt of {}: never a rule", scan.id()),
            ));
        }
        if !is_any(Standing::Genuine) {
            return Some(if is_any(Standing::Inexpressible) {
                "ICMP: NetworkPolicy v1 has no rule for it".to_owned()
            } else {
                "nobody knows who opened it".to_owned()
            });
        }
        if is_own {
            return Some("needs no rule: from the pod's own node, or a pod to itself".to_owned());
        }
        if !has_pod {
            return Some("needs no rule: no end of it is a pod that policies select".to_owned());
        }
        if !self.is_advised {
            return None;
        }
        Some(open.map_or_else(
            || "needs no rule of this set: it isolates no end of it".to_owned(),
            |open| format!("needs no rule: {} is left open ({})", open.id, open.why),
        ))
    }
}
