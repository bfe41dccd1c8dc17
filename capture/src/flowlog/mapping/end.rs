//! One end of a row by its mapping.

use std::borrow::Cow;

use flowfence_model::logged::{Identity, IdentityId, NameId, PodIdentity};
use flowfence_model::{Address, Labels};
use serde_json::Value;

use super::decode::{holds, name, number};
use super::row::Row;
use super::{EndFields, Translated};
use crate::flowlog::entry::End;
use crate::flowlog::{Sink, pod_group, text};

/// An end, and the service that it was asked through.
pub struct Told {
    /// The end, behind the service.
    pub end: End,
    /// The service's address.
    pub service_address: Option<Address>,
    /// The service's name.
    pub service: Option<NameId>,
    /// Whether the row has the service, which is asked and never opens.
    pub is_service: bool,
}

/// Reads an end.
pub fn end(fields: &EndFields, row: &Row<'_>, to: &mut Sink<'_>) -> Told {
    let here = one(fields, row, to);
    if let Some(translated) = fields.translated.as_deref()
        && holds(row, &translated.when)
    {
        return behind(translated, here, row, to);
    }
    Told { end: here, service_address: None, service: None, is_service: false }
}

fn behind(translated: &Translated, here: End, row: &Row<'_>, to: &mut Sink<'_>) -> Told {
    let service = name(translated.service.as_ref(), row, to);
    let real = one(&translated.end, row, to);
    if real.address.is_none() && real.identity.is_none() {
        return Told { end: here, service_address: None, service, is_service: true };
    }
    let end = End { port: real.port.or(here.port), ..real };
    Told { end, service_address: here.address, service, is_service: true }
}

fn one(fields: &EndFields, row: &Row<'_>, to: &mut Sink<'_>) -> End {
    let texts = fields.address.iter().filter_map(|field| row.text(field));
    let mut hosts = texts
        .filter_map(|text| host_port(&text))
        .filter(|(_, port)| port.is_none_or(|port| !fields.redirects.contains(&port)));
    let first = hosts.next();
    let is_remote = |(address, _): &(Address, Option<u16>)| !address.ip().is_loopback();
    let host = first.filter(is_remote).or_else(|| hosts.find(is_remote)).or(first);
    let (address, behind) = host.map_or((None, None), |(address, port)| (Some(address), port));
    let port = fields.port.iter().find_map(|field| number(row, field));
    let port = port.and_then(|n| u16::try_from(n).ok()).or(behind);
    End { address, port, identity: identity(fields, address.is_some(), row, to) }
}

/// An address, with or without a port behind it.
fn host_port(text: &str) -> Option<(Address, Option<u16>)> {
    if let Some(address) = text::address(text.as_bytes()) {
        return Some((address, None));
    }
    let socket: std::net::SocketAddr = text.parse().ok()?;
    Some((Address::from(socket.ip()), Some(socket.port())))
}

fn identity(fields: &EndFields, has_address: bool, row: &Row<'_>, to: &mut Sink<'_>) -> Option<IdentityId> {
    let text = |field: Option<&String>| field.and_then(|field| row.text(field));
    if fields.only_if.as_ref().is_none_or(|condition| holds(row, condition))
        && let Some(namespace) = fields.namespace.iter().find_map(|field| row.text(field))
    {
        return pod(fields, &namespace, row, to);
    }
    if fields.node_if.as_ref().is_none_or(|condition| holds(row, condition))
        && let Some(node) = text(fields.node.as_ref())
    {
        let read = || Some(Identity::Node(Some(node.clone().into_owned()).filter(|name| name != "*")));
        return to.fold.identity(format!("node\0{node}").as_bytes(), read);
    }
    // An address says more than a class of them.
    if !has_address
        && fields.outside_if.as_ref().is_some_and(|condition| holds(row, condition))
        && let Some(class) = text(fields.outside.as_ref())
    {
        let read = || Some(Identity::Outside(Some(class.clone().into_owned())));
        return to.fold.identity(format!("outside\0{class}").as_bytes(), read);
    }
    None
}

fn pod(fields: &EndFields, namespace: &str, row: &Row<'_>, to: &mut Sink<'_>) -> Option<IdentityId> {
    let text = |field: &String| row.text(field).unwrap_or_default();
    let pod = fields.pod.iter().find_map(|field| row.text(field)).unwrap_or_default();
    let [kind, name] = fields.workload.as_ref().map_or_else(Default::default, |[k, n]| [text(k), text(n)]);
    if pod.is_empty() && name.is_empty() {
        return None;
    }
    let labels = fields.labels.as_ref().map_or_else(Labels::new, |field| labels(row, field));
    let mut key = [namespace, &pod, &kind, &name].join("\0");
    for (name, value) in &labels {
        key.extend(["\0", name, "=", value]);
    }
    to.fold.identity(key.as_bytes(), || {
        let known = workload(&kind, &name);
        if pod.is_empty() {
            let namespace = namespace.to_owned();
            return Some(Identity::Pod(PodIdentity {
                namespace,
                workload: known,
                labels,
                ..PodIdentity::default()
            }));
        }
        let told = pod_group::identity(namespace, &pod, &labels);
        Some(Identity::Pod(PodIdentity { workload: known.or(told.workload), ..told }))
    })
}

/// Kinds as Kubernetes writes them; others write them in capitals, or with underscores.
const KINDS: [&str; 8] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "ReplicationController",
    "Pod",
];

/// A controller; a ReplicaSet of a Deployment is called after it, with a hash behind.
fn workload(kind: &str, name: &str) -> Option<(String, String)> {
    let bare = kind.replace('_', "");
    let kind = KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(&bare)).unwrap_or(kind);
    if name.is_empty() || kind == "Pod" {
        return None;
    }
    if kind == "ReplicaSet"
        && let Some(deployment) = without_hash(name)
    {
        return Some(("Deployment".to_owned(), deployment.to_owned()));
    }
    Some((if kind.is_empty() { "Deployment" } else { kind }.to_owned(), name.to_owned()))
}

/// The name before the hash of a pod template.
fn without_hash(name: &str) -> Option<&str> {
    let is_hash = |tail: &str| {
        (5..=10).contains(&tail.len()) && tail.bytes().all(|c| b"bcdfghjklmnpqrstvwxz2456789".contains(&c))
    };
    name.rsplit_once('-').filter(|(_, tail)| is_hash(tail)).map(|(name, _)| name)
}

fn labels(row: &Row<'_>, field: &str) -> Labels {
    let pair = |text: &str| {
        text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
    };
    match row.value(field) {
        Some(Value::Object(map)) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        Some(Value::Array(list)) => list.iter().filter_map(|value| pair(value.as_str()?)).collect(),
        _ => {
            let text: Cow<'_, str> = row.text(field).unwrap_or_default();
            text.split([',', '|']).filter_map(pair).collect()
        }
    }
}
