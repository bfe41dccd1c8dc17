//! What the applications do.

use std::net::Ipv4Addr;

use crate::town::Town;

const NAMESPACES: &[&str] = &["shop", "crm", "video", "bank", "ledger", "maps"];
const NAMES: &[&str] =
    &["web", "api", "cart", "orders", "search", "profile", "billing", "notify", "media", "gateway"];
const PORTS: &[u16] = &[80, 3000, 5000, 8000, 8080, 8443, 9000];
const STORES: &[(&str, u16)] =
    &[("postgres", 5432), ("redis", 6379), ("mysql", 3306), ("mongo", 27017), ("cassandra", 9042)];

/// One workload asks another by its name, all day.
pub fn link(town: &mut Town, from: usize, to: usize, mean: i64) {
    let (host, port) = (town.workloads[to].host(), town.workloads[to].port);
    let namespace = town.workloads[from].namespace.clone();
    for pod in town.workloads[from].pods.clone() {
        for at in town.random.moments(pod.from.max(0), pod.to.min(town.seconds - 10), mean) {
            let there = town.workloads[to].pods_at(at);
            if there.is_empty() {
                continue;
            }
            let peer = town.random.pick(&there);
            if town.random.chance(30) {
                town.look_up(at, pod.address, &namespace, &host, Some(Ipv4Addr::new(10, 96, 0, 50)));
            }
            let octets = [town.random.octets(200, 3_000), town.random.octets(300, 60_000)];
            town.talk(at, pod.address, (peer.address, port), octets, 0);
        }
    }
}

/// Every pod asks a service outside, all day.
pub fn outward(town: &mut Town, from: usize, name: &str, port: u16, sends: [u32; 2], mean: i64) -> Ipv4Addr {
    let there = town.outside();
    let namespace = town.workloads[from].namespace.clone();
    for pod in town.workloads[from].pods.clone() {
        for at in town.random.moments(pod.from.max(0), pod.to.min(town.seconds - 10), mean) {
            town.look_up(at, pod.address, &namespace, name, Some(there));
            let octets = [town.random.octets(sends[0], sends[1]), town.random.octets(500, 8_000)];
            town.talk(at, pod.address, (there, port), octets, 0);
        }
    }
    there
}

/// Some applications in one or two namespaces, each of which asks those behind it; some ask a service outside.
pub fn applications(town: &mut Town) {
    let pace = town.pace;
    for _ in 0..town.random.count(1, 2) {
        let namespace = town.random.pick(NAMESPACES);
        if town.workloads.iter().any(|known| known.namespace == namespace) {
            continue;
        }
        let many = town.random.count(3, 6);
        let skip = town.random.count(0, NAMES.len() - many);
        let mut apps = Vec::new();
        for name in NAMES.iter().skip(skip).take(many) {
            let (port, replicas) = (town.random.pick(PORTS), town.random.count(1, 3));
            apps.push(town.workload("Deployment", namespace, name, port, replicas));
        }
        let (store, port) = town.random.pick(STORES);
        let replicas = town.random.count(1, 3);
        let store = town.workload("StatefulSet", namespace, store, port, replicas);
        for (at, app) in apps.iter().enumerate() {
            for behind in apps.iter().skip(at + 1).take(2) {
                link(town, *app, *behind, pace);
            }
            if at > 0 && town.random.chance(60) || at + 1 == apps.len() {
                link(town, *app, store, pace);
            }
            if town.random.chance(40) {
                let host = format!("api.partner{}.example", town.random.between(1, 99));
                outward(town, *app, &host, 443, [800, 6_000], pace * 3);
            }
        }
    }
}

fn first_application(town: &Town) -> usize {
    town.workloads.iter().position(|known| known.kind == "Deployment").unwrap()
}

/// People's requests, from many addresses.
pub fn clients(town: &mut Town) {
    let web = first_application(town);
    let port = town.workloads[web].port;
    for at in town.random.moments(0, town.seconds - 10, town.pace / 2) {
        let client = Ipv4Addr::new(198, 51, 100, u8::try_from(town.random.between(1, 250)).unwrap());
        let pods = town.workloads[web].pods_at(at);
        if pods.is_empty() {
            continue;
        }
        let pod = town.random.pick(&pods).address;
        let octets = [town.random.octets(300, 2_000), town.random.octets(2_000, 200_000)];
        town.talk(at, client, (pod, port), octets, 0);
    }
}

/// New pods take the places of old ones, and a client that has not heard of it fails for some seconds.
pub fn rollout(town: &mut Town) {
    let app = town.workload("Deployment", "rolling", "catalog", 8080, 0);
    let turn = town.seconds / 2;
    let old = [town.pod(app, -60, Some(turn)), town.pod(app, -60, Some(turn + 20))];
    for late in [0, 15] {
        town.pod(app, turn - 10 + late, None);
    }
    let caller = town.workload("Deployment", "rolling", "front", 8080, 2);
    let pace = town.pace;
    link(town, caller, app, pace);
    outward(town, app, "images.cdn.example", 443, [400, 2_000], pace * 2);
    for pod in town.workloads[caller].pods.clone() {
        for late in 1..4 {
            town.knock(turn + late * 2, pod.address, (old[0].address, 8080), false);
        }
    }
    town.fails(caller);
}

/// Its peer was taken away, and the address refuses.
pub fn retries(town: &mut Town) {
    let app = town.workload("Deployment", "tools", "importer", 8080, 2);
    let gone = town.workload("StatefulSet", "tools", "queue", 5672, 1);
    let (peer, pace) = (town.workloads[gone].pods[0].address, town.pace);
    for pod in town.workloads[app].pods.clone() {
        for at in town.random.moments(0, town.seconds - 10, pace / 2) {
            town.knock(at, pod.address, (peer, 5672), true);
        }
    }
    town.fails(app);
}

/// All replicas ask for work; the leader alone tells a service what is done.
pub fn leader(town: &mut Town) {
    let workers = town.workload("Deployment", "jobs", "worker", 8080, 3);
    let queue = town.workload("StatefulSet", "jobs", "rabbit", 5672, 1);
    let sink = town.workload("Deployment", "jobs", "journal", 8080, 1);
    let pace = town.pace;
    link(town, workers, queue, pace);
    let leader = town.workloads[workers].pods[0].address;
    let journal = town.workloads[sink].pods[0].address;
    for at in town.random.moments(0, town.seconds - 10, pace) {
        town.talk(at, leader, (journal, 8080), [900, 500], 0);
    }
}

/// A job now and then asks every service, and says so when one does not answer.
pub fn smoke_test(town: &mut Town) {
    let targets: Vec<(Ipv4Addr, u16)> = town
        .workloads
        .iter()
        .filter_map(|known| known.pods.first().map(|pod| (pod.address, known.port)))
        .collect();
    let job = town.workload("CronJob", "ops", "smoke-test", 8080, 0);
    for begin in town.random.moments(0, town.seconds - 300, town.seconds / 6) {
        let pod = town.pod(job, begin, Some(begin + 200));
        for (n, target) in (0..).zip(&targets) {
            if target.1 != 5672 {
                town.talk(begin + 5 + n, pod.address, *target, [120, 200], 0);
            }
        }
    }
}

/// Three members, each with a connection to each other, made again now and then.
pub fn members(town: &mut Town) {
    let group = town.workload("StatefulSet", "ledger", "etcd", 2380, 3);
    let pods = town.workloads[group].pods.clone();
    for from in &pods {
        for to in pods.iter().filter(|to| to.address != from.address) {
            for at in town.random.moments(0, town.seconds - 400, town.pace * 5) {
                town.talk(at, from.address, (to.address, 2380), [30_000, 20_000], 300);
            }
        }
    }
}
