//! Every probe of the truth tables, through the manifest reader and the engine.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it measured and panics")]

mod netpol;

use flowfence::manifest::{PolicyManifest, objects_from_values, parse_policies, write_policy};
use flowfence_model::object::{ContainerPort, Meta, Namespace, Pod};
use flowfence_policy::semantics::{Cluster, Connection, Party, PolicySet};

use netpol::{Case, Endpoint, cases};

#[test]
fn every_probe_of_the_random_table_is_answered_as_recorded() {
    check("np.jsonl.gz", 600, 131_997);
}

#[test]
fn every_probe_of_the_cyclonus_table_is_answered_as_recorded() {
    check("cyclonus.jsonl.gz", 131, 56_700);
}

#[test]
fn every_probe_of_the_admin_policies_of_v1alpha1_is_answered_as_recorded() {
    check("anp.jsonl.gz", 200, 43_665);
}

#[test]
fn every_probe_of_the_cluster_policies_of_v1alpha2_is_answered_as_recorded() {
    check("cnp.jsonl.gz", 200, 43_946);
}

fn check(file: &str, expected_cases: usize, expected_probes: usize) {
    let mut probes = 0;
    let mut wrong = Vec::new();
    let cases = cases(file);
    for case in &cases {
        let cluster = cluster(case);
        let snapshot = objects_from_values(&case.policies, &case.id);
        assert!(snapshot.problems.is_empty(), "{}: {:?}", case.id, snapshot.problems);
        let policies = snapshot.policies();
        let tiers = snapshot.cluster_policies();
        assert_eq!(policies.len() + tiers.len(), case.policies.len(), "{}", case.id);
        for policy in &policies {
            let mut text = String::new();
            write_policy(&mut text, &PolicyManifest::from(policy.clone())).unwrap();
            assert_eq!(
                parse_policies(&text, "written").policies(),
                std::slice::from_ref(policy),
                "{}\n{text}",
                case.id
            );
        }
        let set = PolicySet::compile_all(&cluster, &policies, &tiers);
        for probe in &case.probes {
            probes += 1;
            let connection = Connection {
                from: party(&cluster, &case.endpoints[probe.from]),
                to: party(&cluster, &case.endpoints[probe.to]),
                protocol: probe.protocol,
                port: probe.port,
            };
            let decision = set.decide(&connection);
            let answer = (decision.egress.allowed, decision.ingress.allowed);
            if answer != (probe.egress, probe.ingress) || set.allows(&connection) != decision.allowed() {
                wrong.push(format!("{}: {probe:?} answered {answer:?}", case.id));
            }
            let ports = set.ports(connection.from, connection.to, connection.protocol);
            if ports.contains(connection.port) != decision.allowed() {
                wrong.push(format!("{}: {probe:?} is not what the port set {ports} says", case.id));
            }
        }
    }
    println!("{file}: {} cases, {probes} probes, {} differences", cases.len(), wrong.len());
    assert!(wrong.is_empty(), "{} differences, such as {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert_eq!((cases.len(), probes), (expected_cases, expected_probes));
}

fn cluster(case: &Case) -> Cluster {
    let namespaces = case.namespaces.iter().map(|namespace| Namespace {
        meta: Meta { name: namespace.name.clone(), labels: namespace.labels.clone(), ..Meta::default() },
    });
    let pods = case.pods.iter().map(|pod| Pod {
        meta: Meta {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            labels: pod.labels.clone(),
            ..Meta::default()
        },
        ips: pod.ips.clone(),
        ports: pod
            .ports
            .iter()
            .map(|port| ContainerPort { name: port.name.clone(), port: port.port, protocol: port.protocol })
            .collect(),
        ..Pod::default()
    });
    Cluster::new(pods.collect(), namespaces, [])
}

fn party(cluster: &Cluster, endpoint: &Endpoint) -> Party {
    let party = cluster.party(endpoint.ip);
    let named = endpoint.pod.as_deref().and_then(|name| {
        let (namespace, pod) = name.split_once('/')?;
        cluster.pod_named(namespace, pod)
    });
    assert_eq!(party.pod, named, "an address that a pod holds is that pod");
    party
}
