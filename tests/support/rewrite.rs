//! The same cluster in other clothes: renamed, renumbered, with other ports, at another time. Each rewriting changes the
//! captures and the objects alike, and tells how to read the results in the old words.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value};

use super::capture::Frame;
use super::packet::{Layers, layers};

/// A consistent change of a recording and its objects.
pub trait Rewrite {
    fn frame(&self, _frame: &mut Frame) {}
    fn object(&self, _object: &mut Value) {}
    /// A node id of the result, in the old words.
    fn id_back(&self, id: &str) -> String {
        id.to_owned()
    }
    /// `NAMESPACE/NAME` of a service in the result, in the old words.
    fn service_back(&self, service: &str) -> String {
        service.to_owned()
    }
    /// A port of the result, in the old words.
    fn port_back(&self, port: u64) -> u64 {
        port
    }
    /// An address of the result, in the old words.
    fn address_back(&self, address: &str) -> String {
        address.to_owned()
    }
}

/// Every string in an object, with the keys that lead to it.
fn walk(value: &mut Value, path: &mut Vec<String>, change: &mut dyn FnMut(&[String], &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                path.push(key.clone());
                walk(inner, path, change);
                path.pop();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, path, change)),
        _ => change(path, value),
    }
}

fn drop_annotations(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("annotations");
    }
}

/// Every namespace, workload, pod, service, policy and label has another name; order of names is turned around too.
#[derive(Debug)]
pub struct Renamed;

impl Renamed {
    /// Names that mean something to Kubernetes.
    const FIXED: [&str; 4] = ["kube-system", "default", "kubernetes", "kube-dns"];

    fn name(name: &str) -> String {
        if Self::FIXED.contains(&name) { name.to_owned() } else { format!("x{}x", reversed(name)) }
    }

    fn back(name: &str) -> String {
        let inner = name.strip_prefix('x').and_then(|rest| rest.strip_suffix('x'));
        inner.map_or_else(|| name.to_owned(), reversed)
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

impl Rewrite for Renamed {
    fn object(&self, object: &mut Value) {
        drop_annotations(object);
        let is_node = object["kind"] == "Node";
        walk(object, &mut Vec::new(), &mut |path, value| {
            let Value::String(text) = value else { return };
            let at: Vec<&str> = path.iter().map(String::as_str).collect();
            let renamed = match at.as_slice() {
                [.., "metadata", "name"] => !is_node,
                [.., "metadata", "namespace"]
                | [.., "ownerReferences", "name"]
                | [.., "targetRef", "name" | "namespace"] => true,
                // What a person wrote, and what repeats a name; hashes and ordinals stay.
                [.., "labels" | "matchLabels" | "selector", key] => {
                    !is_node
                        && !key.ends_with("hash")
                        && !key.ends_with("pod-index")
                        && !key.ends_with("uid")
                        && !key.ends_with("managed-by")
                }
                _ => false,
            };
            if renamed {
                *text = Self::name(text);
            }
        });
    }

    fn id_back(&self, id: &str) -> String {
        match id.split('/').collect::<Vec<_>>().as_slice() {
            [namespace, kind, name] if *namespace != "external" => {
                format!("{}/{kind}/{}", Self::back(namespace), Self::back(name))
            }
            _ => id.to_owned(),
        }
    }

    fn service_back(&self, service: &str) -> String {
        let (namespace, name) = service.split_once('/').unwrap();
        format!("{}/{}", Self::back(namespace), Self::back(name))
    }
}

/// From, bits, to.
type Moved = ([u8; 3], u8, [u8; 3]);

/// Pods, services, nodes and the outside have other addresses.
#[derive(Debug)]
pub struct Renumbered;

impl Renumbered {
    /// Old and new prefixes of 16 or 24 bits.
    const PREFIXES: [Moved; 7] = [
        ([10, 244, 1], 24, [192, 168, 77]),
        ([10, 244, 2], 24, [10, 9, 8]),
        ([10, 244, 0], 16, [10, 8, 0]),
        ([10, 96, 0], 16, [172, 20, 0]),
        ([172, 30, 0], 24, [100, 64, 3]),
        ([203, 0, 113], 24, [9, 9, 9]),
        ([198, 51, 100], 24, [8, 8, 4]),
    ];

    fn forth(ip: Ipv4Addr) -> Ipv4Addr {
        Self::moved(ip, |prefix| prefix)
    }

    fn back(ip: Ipv4Addr) -> Ipv4Addr {
        Self::moved(ip, |(old, bits, new)| (new, bits, old))
    }

    fn moved(ip: Ipv4Addr, way: fn(Moved) -> Moved) -> Ipv4Addr {
        let [a, b, c, d] = ip.octets();
        for (old, bits, new) in Self::PREFIXES.map(way) {
            match bits {
                24 if old == [a, b, c] => return Ipv4Addr::new(new[0], new[1], new[2], d),
                16 if old[..2] == [a, b] => return Ipv4Addr::new(new[0], new[1], c, d),
                _ => {}
            }
        }
        ip
    }

    fn replace(bytes: &mut [u8], at: usize) {
        if let Some(address) = bytes.get_mut(at..at + 4) {
            let old = Ipv4Addr::from(<[u8; 4]>::try_from(&*address).unwrap());
            address.copy_from_slice(&Self::forth(old).octets());
        }
    }
}

impl Rewrite for Renumbered {
    fn frame(&self, frame: &mut Frame) {
        let bytes = &mut frame.bytes;
        if bytes.get(12..14) == Some(&[8, 6]) {
            Self::replace(bytes, 28);
            Self::replace(bytes, 38);
        }
        let Some(Layers { ip, transport, protocol }) = layers(bytes) else { return };
        Self::replace(bytes, ip + 12);
        Self::replace(bytes, ip + 16);
        match protocol {
            // An error quotes the packet that caused it, 8 octets on.
            1 if matches!(bytes[transport], 3 | 11) => {
                Self::replace(bytes, transport + 8 + 12);
                Self::replace(bytes, transport + 8 + 16);
            }
            // A DNS answer: type A, class IN, four octets of time to live, four octets of data.
            17 => {
                for at in transport + 8..bytes.len().saturating_sub(13) {
                    if bytes[at..at + 4] == [0, 1, 0, 1] && bytes[at + 8..at + 10] == [0, 4] {
                        Self::replace(bytes, at + 10);
                    }
                }
            }
            _ => {}
        }
    }

    fn object(&self, object: &mut Value) {
        drop_annotations(object);
        walk(object, &mut Vec::new(), &mut |_, value| {
            let Value::String(text) = value else { return };
            if let Ok(ip) = text.parse::<Ipv4Addr>() {
                *text = Self::forth(ip).to_string();
            } else if let Some((Ok(ip), bits)) =
                text.split_once('/').map(|(ip, bits)| (ip.parse::<Ipv4Addr>(), bits))
            {
                *text = format!("{}/{bits}", Self::forth(ip));
            }
        });
    }

    fn id_back(&self, id: &str) -> String {
        let parts: Vec<String> = id.split('/').map(|part| self.address_back(part)).collect();
        parts.join("/")
    }

    fn address_back(&self, address: &str) -> String {
        match address.parse() {
            Ok(IpAddr::V4(ip)) => Self::back(ip).to_string(),
            _ => address.to_owned(),
        }
    }
}

/// Every port but DNS is mirrored: what clients used is low now, and what servers listen on is high.
#[derive(Debug)]
pub struct OtherPorts;

impl OtherPorts {
    /// DNS, whose answers are read, and the ports at which tunnels are looked for.
    const FIXED: [u16; 4] = [53, 4789, 6081, 8472];

    fn port(port: u16) -> u16 {
        let mirrored = port.wrapping_neg();
        if port == 0 || Self::FIXED.contains(&port) || Self::FIXED.contains(&mirrored) {
            port
        } else {
            mirrored
        }
    }

    fn replace(bytes: &mut [u8], at: usize) {
        if let Some(port) = bytes.get_mut(at..at + 2) {
            let old = u16::from_be_bytes([port[0], port[1]]);
            port.copy_from_slice(&Self::port(old).to_be_bytes());
        }
    }
}

impl Rewrite for OtherPorts {
    fn frame(&self, frame: &mut Frame) {
        let Some(Layers { transport, protocol, .. }) = layers(&frame.bytes) else { return };
        let ports = match protocol {
            6 | 17 => transport,
            1 if matches!(frame.bytes[transport], 3 | 11) => transport + 8 + 20,
            _ => return,
        };
        Self::replace(&mut frame.bytes, ports);
        Self::replace(&mut frame.bytes, ports + 2);
    }

    fn object(&self, object: &mut Value) {
        drop_annotations(object);
        walk(object, &mut Vec::new(), &mut |path, value| {
            let is_port = path.last().is_some_and(|key| {
                matches!(
                    key.as_str(),
                    "port" | "targetPort" | "nodePort" | "containerPort" | "hostPort" | "endPort"
                )
            });
            if let (true, Some(port)) = (is_port, value.as_u64()) {
                *value = Self::port(u16::try_from(port).unwrap()).into();
            }
        });
    }

    fn port_back(&self, port: u64) -> u64 {
        Self::port(u16::try_from(port).unwrap()).into()
    }
}

/// Everything happened so many seconds later.
#[derive(Debug)]
pub struct Later(pub i64);

impl Rewrite for Later {
    fn frame(&self, frame: &mut Frame) {
        frame.at += self.0 * 1_000_000_000;
    }

    fn object(&self, object: &mut Value) {
        drop_annotations(object);
        walk(object, &mut Vec::new(), &mut |path, value| {
            let is_time = path.last().is_some_and(|key| {
                key.ends_with("Time") || key.ends_with("Timestamp") || key.ends_with("At")
            });
            if let (true, Value::String(text)) = (is_time, value) {
                let then: jiff::Timestamp = text.parse().unwrap();
                *text = jiff::Timestamp::from_second(then.as_second() + self.0).unwrap().to_string();
            }
        });
    }
}

/// A `List` of objects as `kubectl -o json` prints it.
pub fn list(objects: &[Value]) -> String {
    let mut list = Map::new();
    list.insert("apiVersion".into(), "v1".into());
    list.insert("kind".into(), "List".into());
    list.insert("items".into(), objects.to_vec().into());
    Value::Object(list).to_string()
}
