//! Ends of conversations, by what a log says of them and what the cluster knows.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use flowfence_model::logged::{Identity, IdentityId, LoggedEnd, PodIdentity};
use flowfence_model::object::Pod;
use flowfence_model::{Conversation, Logged, NodeId, Protocol, Timestamp};

use super::Key;
use crate::attribute::{Contacts, FastMap, name};
use crate::contact::{Party, PodName};
use crate::inventory::Inventory;

/// Pods of the inventory by name.
pub(super) struct Book<'a> {
    inventory: &'a Inventory,
    pods: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// Workloads by namespace and name, with the latest pod of each: a log may have the kind wrong, or
    /// not at all.
    workloads: BTreeMap<(&'a str, &'a str), BTreeMap<&'a NodeId, &'a Pod>>,
    /// Numbers of ends that a log names as pods: they are the same at all times.
    known: FastMap<LoggedEnd, u32>,
    /// By the number of an identity: whether it is a pod that the cluster does not know.
    unknown: Vec<bool>,
    /// Nothing is known that an address could have been.
    is_timeless: bool,
}

impl<'a> Book<'a> {
    pub(super) fn new(inventory: &'a Inventory, logged: &Logged) -> Self {
        let mut pods: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut workloads: BTreeMap<(&str, &str), BTreeMap<&NodeId, &Pod>> = BTreeMap::new();
        for (i, known) in inventory.pods().iter().enumerate() {
            let meta = &known.pod.meta;
            pods.entry((&meta.namespace, &meta.name)).or_default().push(i);
            if let NodeId::Workload(named) = &known.workload {
                let of_name = workloads.entry((&named.namespace, &named.name)).or_default();
                of_name.insert(&known.workload, &known.pod);
            }
        }
        let is_timeless = inventory.is_empty() && inventory.api_server().is_empty();
        let is_unknown = |identity: &Identity| match identity {
            Identity::Pod(PodIdentity { namespace, pod: Some(name), .. }) => {
                !pods.contains_key(&(namespace.as_str(), name.as_str()))
            }
            _ => false,
        };
        let unknown = logged.identities.iter().map(is_unknown).collect();
        Book { inventory, pods, workloads, known: FastMap::default(), unknown, is_timeless }
    }

    /// The workload of that kind and name as the cluster knows it, of another kind when it is the only
    /// one of the name, and a pod of it.
    fn workload(&self, namespace: &str, kind: &str, name: &str) -> (NodeId, Option<&'a Pod>) {
        let said = NodeId::workload(namespace, kind, name);
        let Some(known) = self.workloads.get(&(namespace, name)) else { return (said, None) };
        match (known.get(&said), known.first_key_value()) {
            (Some(pod), _) => (said, Some(pod)),
            (None, Some((id, pod))) if known.len() == 1 => ((*id).clone(), Some(pod)),
            _ => (said, None),
        }
    }

    /// The contact that a conversation belongs to, and whether only its service is known.
    pub(super) fn key(
        &mut self,
        c: &Conversation,
        logged: &Logged,
        contacts: &mut Contacts,
    ) -> Option<(Key, bool)> {
        let at = c.counts.first;
        let from = self.number(c.from, None, at, logged, contacts)?;
        let asked = c.port.map(|port| (c.protocol, port));
        // No pod has the address of a service: one that is not known is its name.
        let is_unknown = |identity: IdentityId| self.unknown.get(identity.0 as usize).copied();
        let is_pod = c.to.identity.and_then(is_unknown) == Some(false);
        if let (false, Some(address), Some(asked_port)) = (is_pod, c.to.address, c.port)
            && let Some(backend) = self.inventory.backends(address.ip(), c.protocol, asked_port)
        {
            let service = flowfence_model::Endpoint::new(address, asked_port);
            let (party, real) = name::behind_service(service, backend, c.protocol, at, self.inventory);
            let to = (!party.address.is_loopback()).then(|| contacts.number(party))?;
            return Some(((from, to, c.protocol, Some(real), c.icmp), true));
        }
        let to = self.number(c.to, asked, at, logged, contacts)?;
        Some(((from, to, c.protocol, c.port, c.icmp), false))
    }

    /// The number of an end; `None` when it is nobody, or itself.
    fn number(
        &mut self,
        end: LoggedEnd,
        asked: Option<(Protocol, u16)>,
        at: Timestamp,
        logged: &Logged,
        contacts: &mut Contacts,
    ) -> Option<u32> {
        if let Some(known) = self.known.get(&end) {
            return Some(*known);
        }
        let party = self.party(end, asked, at, logged).filter(|party| !party.address.is_loopback())?;
        let number = contacts.number(party);
        // Where no objects are known, an address is the same at all times and ports, too.
        if self.is_timeless || matches!(logged.identity(end.identity), Some(Identity::Pod(_))) {
            self.known.insert(end, number);
        }
        Some(number)
    }

    fn party(
        &self,
        end: LoggedEnd,
        asked: Option<(Protocol, u16)>,
        at: Timestamp,
        logged: &Logged,
    ) -> Option<Party> {
        let address = end.address.map(flowfence_model::Address::ip);
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let by_address = || Some(name::party(address?, asked, at, self.inventory));
        match logged.identity(end.identity) {
            // Of a pod whose namespace alone is told, its address may say more.
            Some(Identity::Pod(pod)) if pod.pod.is_none() && pod.workload.is_none() => {
                by_address().filter(|party| party.pod.is_some()).or_else(|| Some(self.pod(pod, address)))
            }
            Some(Identity::Pod(pod)) => Some(self.pod(pod, address)),
            Some(Identity::ApiServer) => {
                Some(Party { id: NodeId::ApiServer, pod: None, address: address.unwrap_or(nowhere) })
            }
            Some(Identity::Node(name)) => {
                let known = address.and_then(|ip| self.inventory.node_of(ip));
                match name.as_deref().or(known) {
                    Some(name) => {
                        let own = || self.inventory.nodes().get(name)?.internal_ips.first().copied();
                        let address = address.or_else(own)?;
                        Some(Party { id: NodeId::Node(name.into()), pod: None, address })
                    }
                    None => by_address(),
                }
            }
            Some(Identity::Outside(_)) | None => by_address(),
        }
    }

    /// The latest pod of that name.
    pub(super) fn find(&self, party: &Party) -> Option<&'a Pod> {
        Some(&self.inventory.pods().get(self.latest(party)?)?.pod)
    }

    /// Whether a port of it is published outside.
    pub(super) fn is_published(&self, party: &Party, protocol: Protocol, port: u16) -> bool {
        let Some(pod) = self.latest(party) else { return false };
        self.inventory.services_behind(pod, protocol, port).iter().any(|service| service.published)
    }

    fn latest(&self, party: &Party) -> Option<usize> {
        let name = party.pod.as_ref()?;
        self.pods.get(&(name.namespace.as_str(), name.name.as_str()))?.last().copied()
    }

    /// A pod by the word of the log: the inventory's when it knows the name, else the log's
    /// controller.
    fn pod(&self, pod: &PodIdentity, address: Option<IpAddr>) -> Party {
        let known = pod.pod.as_deref().and_then(|name| self.pods.get(&(pod.namespace.as_str(), name)));
        let known = known.and_then(|all| {
            let all = all.iter().filter_map(|i| self.inventory.pods().get(*i));
            let holds = |k: &&crate::inventory::KnownPod| address.is_some_and(|ip| k.pod.ips.contains(&ip));
            all.clone().rev().find(holds).or_else(|| all.clone().next_back())
        });
        let pod_name = |name: &str| PodName { namespace: pod.namespace.clone(), name: name.to_owned() };
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        if let Some(known) = known {
            let address = address.or_else(|| known.pod.ips.first().copied()).unwrap_or(nowhere);
            return Party { id: known.workload.clone(), pod: pod.pod.as_deref().map(pod_name), address };
        }
        let (id, one) = match (&pod.workload, &pod.pod) {
            (Some((kind, name)), _) => self.workload(&pod.namespace, kind, name),
            (None, name) => {
                (NodeId::workload(&pod.namespace, "Pod", name.as_deref().unwrap_or("unnamed")), None)
            }
        };
        // Of a group any of its pods stands for those that the log does not name.
        let one = one.filter(|_| pod.pod.is_none()).and_then(|one| one.ips.first().copied());
        Party { id, pod: pod.pod.as_deref().map(pod_name), address: address.or(one).unwrap_or(nowhere) }
    }
}
