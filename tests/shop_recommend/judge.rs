//! What the kernels saw of the shop, asked of the policies that were written for it.

use std::path::Path;

use flowfence::manifest::{parse_policies, read_objects};
use flowfence_graph::Inventory;
use flowfence_model::NetworkPolicy;
use flowfence_policy::semantics::{self, Connection, PodIndex, PolicySet};
use serde_json::Value;

use super::support::program::Scratch;
use super::support::shop::{self, Truth};

/// The shop with the policies that were written for it.
pub struct Judge {
    pub truth: Truth,
    pub inventory: Inventory,
    pub cluster: semantics::Cluster,
    pub policies: Vec<NetworkPolicy>,
}

impl Judge {
    pub fn new() -> Self {
        let scratch = Scratch::new();
        let out = scratch.path().join("policies");
        shop::inputs().run("recommend", &["--out", out.to_str().unwrap()]).ends(0);
        let moments = shop::MOMENTS.map(|dir| {
            let snapshot = read_objects(&shop::path(dir)).unwrap();
            snapshot.objects.into_iter().map(|located| located.item).collect()
        });
        let inventory = Inventory::new(moments.to_vec());
        Judge {
            truth: Truth::load(),
            cluster: flowfence::reach::cluster(&inventory),
            inventory,
            policies: written(&out),
        }
    }

    pub fn compile(&self, policies: &[NetworkPolicy]) -> PolicySet {
        PolicySet::compile(&self.cluster, policies)
    }

    /// The connection between the pods that held the addresses then.
    pub fn question(&self, connection: &shop::Connection) -> Connection {
        let party = |name: &str, ip: std::net::IpAddr| {
            let pod =
                name.split_once('/').and_then(|(namespace, pod)| self.cluster.pod_named(namespace, pod));
            semantics::Party { pod, address: ip }
        };
        let is_pod = party(&connection.client_name, connection.client.0).pod.is_some();
        let client =
            if is_pod { connection.client } else { connection.as_server_sees.unwrap_or(connection.client) };
        Connection {
            from: party(&connection.client_name, client.0),
            to: party(&connection.server_name, connection.server.0),
            protocol: connection.protocol.to_uppercase().parse().unwrap(),
            port: connection.server.1,
        }
    }

    /// What must stay possible.
    pub fn genuine(&self) -> Vec<(String, Connection)> {
        let expressible = |c: &shop::Connection| c.connected && c.protocol != "icmp";
        let genuine = self.truth.visible().filter(|c| expressible(c) && !self.truth.is_attack(c));
        genuine.map(|c| (self.truth.key(&c).to_string(), self.question(&c))).collect()
    }

    pub fn workload(&self, pod: PodIndex) -> String {
        self.inventory.pods()[pod.0 as usize].workload.to_string()
    }
}

/// Every policy of the directory, by way of its kustomization.
fn written(dir: &Path) -> Vec<NetworkPolicy> {
    files_of(dir)
        .iter()
        .flat_map(|file| {
            let snapshot = parse_policies(&std::fs::read_to_string(dir.join(file)).unwrap(), file);
            assert!(snapshot.problems.is_empty(), "{file}: {:?}", snapshot.problems);
            snapshot.policies()
        })
        .collect()
}

pub fn files_of(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("kustomization.yaml")).unwrap();
    let kustomization: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(kustomization["kind"], "Kustomization");
    kustomization["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap().to_owned())
        .collect()
}
