//! Who held which address, from the account of the kernels and the objects of both moments.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::Connection;

/// Who an address is.
#[derive(Debug)]
pub struct Owners {
    pods: BTreeMap<IpAddr, String>,
    nodes: BTreeMap<IpAddr, String>,
    api_server: BTreeSet<IpAddr>,
    outside: BTreeSet<IpAddr>,
    /// Node of a pod, and the ports that its kubelet probes.
    probed: BTreeMap<IpAddr, (String, BTreeSet<u16>)>,
}

impl Owners {
    pub fn new(truth: &Value, objects: &[Value]) -> Self {
        let find = |kind: &str, namespace: &str, name: &str| {
            objects.iter().find(|o| {
                o["kind"] == kind && o["metadata"]["namespace"] == namespace && o["metadata"]["name"] == name
            })
        };
        let mut pods = BTreeMap::new();
        let mut probed = BTreeMap::new();
        for held in truth["addresses"].as_array().unwrap() {
            let ip: IpAddr = held["ip"].as_str().unwrap().parse().unwrap();
            let (namespace, pod_name) = held["pod"].as_str().unwrap().split_once('/').unwrap();
            let (mut kind, mut name) = held["owner"].as_str().unwrap().split_once('/').unwrap();
            while let Some(owner) = find(kind, namespace, name)
                .and_then(|object| object["metadata"]["ownerReferences"].as_array())
                .and_then(|references| references.iter().find(|reference| reference["controller"] == true))
            {
                (kind, name) = (owner["kind"].as_str().unwrap(), owner["name"].as_str().unwrap());
            }
            pods.insert(ip, format!("{namespace}/{kind}/{name}"));
            if let Some(pod) = find("Pod", namespace, pod_name) {
                let node = pod["spec"]["nodeName"].as_str().unwrap().to_owned();
                probed.insert(ip, (format!("node/{node}"), probe_ports(pod)));
            }
        }
        let mut nodes = BTreeMap::new();
        for node in objects.iter().filter(|o| o["kind"] == "Node") {
            let id = format!("node/{}", node["metadata"]["name"].as_str().unwrap());
            for address in node["status"]["addresses"].as_array().unwrap() {
                if address["type"] == "InternalIP" {
                    nodes.insert(address["address"].as_str().unwrap().parse().unwrap(), id.clone());
                }
            }
            // The gateway of the bridge: the first address of the node's pods.
            let pods: ipnet::IpNet = node["spec"]["podCIDR"].as_str().unwrap().parse().unwrap();
            nodes.insert(pods.hosts().next().unwrap(), id);
        }
        let connections = truth["connections"].as_array().unwrap();
        let named = |prefix: &str| -> BTreeSet<IpAddr> {
            connections
                .iter()
                .flat_map(|c| {
                    let translated = c["dnat"]["dst"].as_str().or(c["dst"].as_str());
                    [(&c["src_name"], c["src"].as_str()), (&c["dst_name"], translated)]
                })
                .filter(|(name, _)| name.as_str().unwrap().starts_with(prefix))
                .map(|(_, ip)| ip.unwrap().parse().unwrap())
                .collect()
        };
        Owners { pods, nodes, api_server: named("apiserver"), outside: named("external/"), probed }
    }

    pub fn is_pod(&self, ip: IpAddr) -> bool {
        self.pods.contains_key(&ip)
    }

    pub fn id(&self, ip: IpAddr) -> String {
        if let Some(id) = self.pods.get(&ip).or_else(|| self.nodes.get(&ip)) {
            id.clone()
        } else if self.api_server.contains(&ip) {
            "apiserver".to_owned()
        } else if self.outside.contains(&ip) {
            format!("external/{ip}/32")
        } else {
            format!("unknown/{ip}")
        }
    }

    /// From the pod's own node, itself and for nobody else, to a port that its kubelet probes.
    pub fn is_probe(&self, c: &Connection) -> bool {
        c.as_server_sees.is_none()
            && self.probed.get(&c.server.0).is_some_and(|(node, ports)| {
                self.nodes.get(&c.client.0) == Some(node) && ports.contains(&c.server.1)
            })
    }
}

fn probe_ports(pod: &Value) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    for container in pod["spec"]["containers"].as_array().unwrap() {
        for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
            for action in ["tcpSocket", "httpGet", "grpc"] {
                let port = &container[probe][action]["port"];
                let named = container["ports"].as_array().into_iter().flatten().find(|p| p["name"] == *port);
                let number = port.as_u64().or_else(|| named?["containerPort"].as_u64());
                ports.extend(number.map(|port| u16::try_from(port).unwrap()));
            }
        }
    }
    ports
}
