//! What leaves the cluster rightfully.

use std::net::Ipv4Addr;

use super::work::{link, outward};
use crate::town::{BASE32, HEX, Town};

/// Some runs a day: the database is read, and what it holds goes to a store outside.
pub fn backup(town: &mut Town) {
    let Some(store) = town.workloads.iter().position(|known| known.kind == "StatefulSet") else { return };
    let (peer, port) = (town.workloads[store].pods[0].address, town.workloads[store].port);
    let job = town.workload("CronJob", "backup", "nightly", 8080, 0);
    let bucket = town.outside();
    let runs = town.random.between(1, 4);
    for begin in town.random.moments(0, town.seconds - 120, town.seconds / runs) {
        let pod = town.pod(job, begin, Some(begin + 100));
        let octets = town.random.octets(1_500_000, 20_000_000);
        if port != 5672 {
            town.talk(begin + 3, pod.address, (peer, port), [2_000, octets], 30);
        }
        town.look_up(begin + 40, pod.address, "backup", "backups.s3.store.example", Some(bucket));
        town.talk(begin + 41, pod.address, (bucket, 443), [octets, 9_000], 40);
    }
}

/// Pictures of every size go to a store, all day.
pub fn uploads(town: &mut Town) {
    let app = town.workload("Deployment", "pictures", "uploader", 8080, 2);
    let pace = town.pace;
    outward(town, app, "pictures.blob.store.example", 443, [20_000, 3_000_000], pace * 6);
}

/// It asks its partner all day, and now and then sends a document.
pub fn documents(town: &mut Town) {
    let app = town.workload("Deployment", "contracts", "signer", 8080, 2);
    let pace = town.pace;
    let there = outward(town, app, "sign.partner.example", 443, [800, 5_000], pace * 2);
    for pod in town.workloads[app].pods.clone() {
        for at in town.random.moments(0, town.seconds - 10, pace * 16) {
            let octets = town.random.octets(300_000, 2_000_000);
            town.talk(at, pod.address, (there, 443), [octets, 3_000], 0);
        }
    }
}

/// Members of a swarm are asked at every port; many are gone.
pub fn swarm(town: &mut Town) {
    let seeder = town.workload("Deployment", "mirror", "seeder", 6_881, 1);
    let own = town.workloads[seeder].pods[0].address;
    for at in town.random.moments(0, town.seconds - 10, town.pace * 4) {
        let peer = Ipv4Addr::new(198, 19, 7, u8::try_from(town.random.between(1, 250)).unwrap());
        let port = u16::try_from(town.random.between(10_000, 60_000)).unwrap();
        if town.random.chance(25) {
            town.knock(at, own, (peer, port), false);
        } else {
            town.talk(at, own, (peer, port), [20_000, 20_000], 0);
        }
    }
    town.fails(seeder);
}

/// Hundreds of hosts, below zones that have many; one in ten is dead.
pub fn crawler(town: &mut Town) {
    let crawler = town.workload("Deployment", "search-engine", "crawler", 8080, 1);
    let own = town.workloads[crawler].pods[0].address;
    let words =
        ["garden", "history", "recipes", "mountain", "photography", "travel", "music", "science", "cinema"];
    let hosts = town.random.between(300, 500);
    for n in 0..hosts {
        let (first, second) = (town.random.pick(&words), town.random.pick(&words));
        let name = match n % 4 {
            0 => format!("{first}-and-{second}-{n}.pages.example"),
            1 => format!("{}.cdn.example", town.random.word(HEX, 14)),
            _ => format!("www.{first}-{second}{n}.example"),
        };
        let address =
            Ipv4Addr::new(198, 18, u8::try_from(n / 200).unwrap(), u8::try_from(n % 200 + 1).unwrap());
        let at = n * (town.seconds - 60) / hosts;
        town.look_up(at, own, "search-engine", &name, Some(address));
        if n % 10 == 3 {
            let refused = town.random.chance(50);
            town.knock(at + 1, own, (address, 443), refused);
        } else {
            let received = town.random.octets(2_000, 80_000);
            town.talk(at + 1, own, (address, 443), [600, received], 0);
        }
    }
    town.fails(crawler);
}

/// Addresses of senders, backwards, and hashes of what they sent.
pub fn mail(town: &mut Town) {
    let filter = town.workload("Deployment", "mail", "filter", 11_332, 1);
    let own = town.workloads[filter].pods[0].address;
    for at in town.random.moments(0, town.seconds - 10, town.pace * 2) {
        let digits: Vec<i64> = (0..4).map(|_| town.random.between(1, 254)).collect();
        let name = format!("{}.{}.{}.{}.zen.dnsbl.example", digits[0], digits[1], digits[2], digits[3]);
        let listed = town.random.chance(20).then_some(Ipv4Addr::new(127, 0, 0, 2));
        town.question(at, own, name.as_bytes(), 1, listed);
    }
}

/// Each cluster has a long name that chance made, and is asked all day.
pub fn fleet(town: &mut Town) {
    let manager = town.workload("Deployment", "fleet", "controller", 8080, 1);
    let pace = town.pace;
    for _ in 0..town.random.between(8, 40) {
        let name = format!("{}.gr7.eu-west-1.eks.cloud.example", town.random.word(HEX, 32));
        outward(town, manager, &name, 443, [500, 3_000], pace * 12);
    }
}

/// Somebody switched on a feature in the afternoon.
pub fn late(town: &mut Town) {
    let app = town.workload("Deployment", "labs", "feature", 8080, 2);
    let store = town.workload("StatefulSet", "labs", "kv", 6379, 1);
    let (pace, there) = (town.pace, town.outside());
    link(town, app, store, pace);
    for pod in town.workloads[app].pods.clone() {
        for at in town.random.moments(town.seconds * 7 / 10, town.seconds - 10, pace) {
            let octets = [town.random.octets(500, 4_000), town.random.octets(500, 30_000)];
            town.talk(at, pod.address, (there, 443), octets, 0);
        }
    }
}

/// Once a day it sends a report of some size to a place where it also asks small things.
pub fn report(town: &mut Town) {
    let app = town.workload("Deployment", "finance", "reporter", 8080, 1);
    let pace = town.pace;
    let name = format!("{}.bank.example", town.random.word(BASE32, 6));
    let there = outward(town, app, &name, 443, [800, 5_000], pace * 4);
    let (own, at) = (town.workloads[app].pods[0].address, town.random.between(0, town.seconds - 100));
    let octets = town.random.octets(300_000, 3_000_000);
    town.talk(at, own, (there, 443), [octets, 5_000], 10);
}
