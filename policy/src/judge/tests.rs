use flowfence_graph::Tally;
use flowfence_model::{LabelSelector, NetworkPolicy, Protocol};

use super::testing::{World, at, connected, workload};
use super::{Said, Standing};

fn scans(world: &World) -> Vec<String> {
    world.seen().judgement.scans.iter().map(|scan| scan.source.to_string()).collect()
}

fn failed(secs: i64) -> Tally {
    Tally { unanswered: 1, packets: [1, 0], first: at(secs), last: at(secs), ..Tally::empty() }
}

fn deny_all(namespace: &str, selector: LabelSelector) -> NetworkPolicy {
    NetworkPolicy {
        namespace: namespace.to_owned(),
        name: "deny".to_owned(),
        pod_selector: selector,
        ingress: Some(Vec::new()),
        egress: None,
    }
}

/// A client `shop/client-0` and its server `shop/server-0`, who talk before anything else.
fn pair() -> World {
    let mut world = World::new();
    world.deployment("shop/client", "app=client", 1).deployment("shop/server", "app=server", 1);
    world.tcp("shop/client-0", "shop/server-0", 8080);
    world
}

/// Knocks once on `ports` of `addresses` outside, one a second from `secs` on.
fn knock(world: &mut World, ports: &[u16], addresses: u8, secs: i64) {
    for address in 0..addresses {
        for (n, port) in ports.iter().enumerate() {
            let at = secs + i64::from(address) + i64::try_from(n).unwrap();
            world.refused("shop/client-0", &format!("10.244.1.{}", 100 + address), *port, at);
        }
    }
}

#[test]
fn many_ports_of_few_addresses_are_a_scan() {
    let mut world = pair();
    knock(&mut world, &[22, 80, 443, 3306, 5432, 6379], 2, 60);
    let seen = world.seen();
    let [scan] = seen.judgement.scans.as_slice() else { panic!("{:?}", seen.judgement.scans) };
    assert_eq!((scan.targets, scan.addresses, scan.first_knock), (12, 2, at(60)));
    assert_eq!(seen.judgement.suspects(), [workload("shop/Deployment/client")]);
    assert!(seen.judgement.withheld.is_empty(), "the server was known before");
}

#[test]
fn one_port_of_many_addresses_is_a_scan_inside_and_outside() {
    let mut inside = pair();
    knock(&mut inside, &[6379], 30, 60);
    assert_eq!(scans(&inside), ["shop/Deployment/client"]);
    let mut outside = pair();
    for host in 1..30 {
        outside.refused("shop/client-0", &format!("203.0.113.{host}"), 23, 60 + i64::from(host));
    }
    assert_eq!(scans(&outside), ["shop/Deployment/client"]);
}

#[test]
fn edges_since_the_first_knock_are_withheld_until_accepted() {
    let mut world = pair();
    knock(&mut world, &[22, 23, 25, 80], 5, 60);
    world.tcp("shop/client-0", "198.51.100.66", 3333).tally.first = at(100);
    world.sees(
        "shop/client-0",
        "shop/server-0",
        Protocol::Udp,
        9999,
        Tally { one_way: 1, first: at(70), last: at(71), ..Tally::empty() },
    );
    let edge = "shop/Deployment/client -> external/198.51.100.66/32 3333/TCP";
    let judgement = world.seen().judgement;
    let withheld: Vec<String> = judgement.withheld.iter().map(|w| w.edge.to_string()).collect();
    assert_eq!(withheld, [edge], "one-way datagrams of a scan are attempts");
    for accepted in [edge, "port-scan:shop/Deployment/client"] {
        world.accept = [accepted.to_owned()].into();
        let judgement = world.seen().judgement;
        assert!(judgement.withheld.is_empty(), "{accepted}");
    }
    assert!(world.seen().judgement.suspects().is_empty(), "the finding was accepted");
}

#[test]
fn a_lone_failure_long_before_does_not_begin_the_scan() {
    let mut world = pair();
    world.refused("shop/client-0", "10.244.2.200", 81, 1);
    world.tcp("shop/client-0", "203.0.113.10", 443).tally.first = at(60);
    knock(&mut world, &[22, 23, 25], 5, 300);
    let judgement = world.seen().judgement;
    assert_eq!(judgement.scans[0].first_knock, at(300));
    assert!(judgement.withheld.is_empty());
}

#[test]
fn the_open_door_that_a_scan_tries_first_belongs_to_it() {
    let mut world = pair();
    knock(&mut world, &[22, 23, 25, 8080], 4, 60);
    world.deployment("shop/other", "app=other", 1);
    world.refused("shop/client-0", "shop/other-0", 22, 62);
    world.sees(
        "shop/client-0",
        "shop/other-0",
        Protocol::Tcp,
        8080,
        Tally { packets: [4, 3], octets: [216, 164], first: at(58), ..connected(1) },
    );
    let judgement = world.seen().judgement;
    assert_eq!(judgement.scans[0].first_knock, at(58));
    assert_eq!(judgement.withheld.len(), 1, "{:?}", judgement.withheld);
}

#[test]
fn replicas_that_share_a_scan_are_found_together() {
    let mut world = World::new();
    world.deployment("shop/bot", "app=bot", 3);
    for n in 0..15_u8 {
        world.refused(&format!("shop/bot-{}", n % 3), &format!("10.244.1.{}", 100 + n), 22, i64::from(n));
    }
    assert_eq!(scans(&world), ["shop/Deployment/bot"]);
}

#[test]
fn a_busy_client_that_also_scans_is_found() {
    let mut world = World::new();
    world.deployment("ops/scraper", "app=scraper", 1).deployment("shop/app", "app=app", 100);
    for n in 0..100 {
        world.tcp("ops/scraper-0", &format!("shop/app-{n}"), 9090);
    }
    for port in 1..60 {
        world.refused("ops/scraper-0", "shop/app-3", port, 100 + i64::from(port));
    }
    assert_eq!(scans(&world), ["ops/Deployment/scraper"]);
}

#[test]
fn a_busy_client_that_knocks_once_each_at_many_doors_inside_scans_and_outside_does_not() {
    let busy = |inside: bool| {
        let mut world = World::new();
        world.deployment("shop/peer", "app=peer", 1).deployment("shop/app", "app=app", 30);
        for n in 0..30 {
            world.tcp("shop/peer-0", &format!("shop/app-{n}"), 9090);
        }
        for n in 0..12_u16 {
            let to = format!("{}.{}", if inside { "10.244.1" } else { "198.51.100" }, 100 + n);
            world.refused("shop/peer-0", &to, 20_000 + n, i64::from(n) * 45);
        }
        scans(&world)
    };
    assert_eq!(busy(true), ["shop/Deployment/peer"]);
    assert_eq!(busy(false), [""; 0], "programs that find their peers by themselves");
}

#[test]
fn a_node_that_scans_withholds_no_edge() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1);
    for port in 1..30 {
        world.refused("172.30.0.12", "shop/web-0", port, i64::from(port));
    }
    world.tcp("172.30.0.12", "shop/web-0", 8080).tally.first = at(100);
    let judgement = world.seen().judgement;
    assert_eq!((judgement.scans.len(), judgement.withheld.len()), (1, 0));
    assert!(judgement.suspects().is_empty());
}

#[test]
fn an_outside_scanner_loses_what_it_found() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1);
    for port in 1..30 {
        world.refused("203.0.113.7", "shop/web-0", port, i64::from(port));
    }
    world.tcp("203.0.113.7", "shop/web-0", 8080).tally.first = at(100);
    assert_eq!(world.seen().judgement.withheld.len(), 1);
}

type Traffic = fn(&mut World);

#[test]
fn ordinary_failures_are_no_scan() {
    let cases: Vec<(&str, Traffic)> = vec![
        ("a scraper with 20 of 200 targets down", |world| {
            for n in 0..180_u8 {
                world.tcp("shop/client-0", &format!("10.244.1.{}", n + 20), 9100);
            }
            for n in 0..20_u8 {
                world.refused("shop/client-0", &format!("10.244.2.{}", n + 20), 9100, 5);
            }
        }),
        ("a scraper with a whole job of 20 down", |world| {
            for n in 0..180_u8 {
                world.tcp("shop/client-0", &format!("10.244.1.{}", n + 20), 9100);
            }
            for n in 0..20_u8 {
                world.refused("shop/client-0", &format!("10.244.2.{}", n + 20), 9256, 5);
            }
        }),
        ("a scraper whose targets have a port each", |world| {
            for n in 0..180_u16 {
                world.tcp("shop/client-0", &format!("10.244.1.{}", n + 20), 9000 + n);
            }
            for n in 0..20_u16 {
                world.refused("shop/client-0", &format!("10.244.2.{}", n + 20), 9300 + n, 5);
            }
        }),
        ("gossip with dead members", |world| {
            for n in 0..10_u8 {
                world.udp("shop/client-0", &format!("10.244.1.{}", n + 20), 7946);
            }
            for n in 0..20_u8 {
                world.sees("shop/client-0", &format!("10.244.2.{}", n + 20), Protocol::Udp, 7946, failed(9));
            }
        }),
        ("health checks of an endpoint that is down for good", |world| {
            world.refused("shop/client-0", "10.244.2.99", 8080, 3).tally.refused = 500;
        }),
        ("a reconnect storm", |world| {
            world.refused("shop/client-0", "shop/server-0", 5432, 3).tally.refused = 100_000;
        }),
        ("retries of a few dead targets", |world| {
            for n in 0..6_u8 {
                world.refused("shop/client-0", &format!("10.244.2.{}", n + 20), 80, 5).tally.refused = 30;
            }
        }),
        ("a crawler", |world| {
            for n in 0..60_u8 {
                world.tcp("shop/client-0", &format!("203.0.113.{n}"), 443);
            }
            for n in 0..25_u8 {
                world.sees("shop/client-0", &format!("198.51.100.{n}"), Protocol::Tcp, 443, failed(9));
            }
        }),
        ("backends that a rollout replaced", |world| {
            for n in 0..4_u8 {
                world.tcp("shop/client-0", &format!("10.244.1.{}", n + 20), 8443);
            }
            for n in 0..14_u8 {
                world.sees("shop/client-0", &format!("10.244.2.{}", n + 20), Protocol::Tcp, 8443, failed(1));
            }
        }),
        ("dead replicas of a workload that answers", |world| {
            world.deployment("shop/wide", "app=wide", 40);
            world.tcp("shop/client-0", "shop/wide-0", 8080);
            for n in 1..40 {
                world.refused("shop/client-0", &format!("shop/wide-{n}"), 8080, 5);
            }
        }),
        ("syslog to two servers", |world| {
            for port in [514, 8125] {
                let tally = Tally { one_way: 50, ..failed(3) };
                world.sees("shop/client-0", "shop/server-0", Protocol::Udp, port, tally);
            }
        }),
        ("a kubelet whose probes fail", |world| {
            for port in 0..30 {
                world.refused("10.244.1.1", "shop/client-0", 8000 + port, 5).own_node = true;
            }
        }),
    ];
    for (what, traffic) in cases {
        let mut world = pair();
        traffic(&mut world);
        assert!(scans(&world).is_empty(), "{what}");
    }
}

#[test]
fn silent_datagrams_to_many_ports_are_a_scan_and_to_one_a_connection() {
    let mut world = pair();
    let silent = |secs: i64| Tally { one_way: 3, first: at(secs), last: at(secs), ..Tally::empty() };
    world.sees("shop/server-0", "shop/client-0", Protocol::Udp, 514, silent(1));
    assert_eq!(world.seen().judgement.genuine(&world.seen().facts).count(), 2);
    for port in 100..130 {
        world.sees("shop/client-0", "shop/server-0", Protocol::Udp, port, silent(i64::from(port)));
    }
    let seen = world.seen();
    assert_eq!(seen.judgement.scans.len(), 1);
    assert_eq!(seen.judgement.genuine(&seen.facts).count(), 2);
}

#[test]
fn todays_policies_turn_silent_datagrams_into_attempts() {
    let mut world = World::new();
    world.deployment("shop/app", "app=app", 1).deployment("ops/statsd", "app=statsd", 1);
    let silent = Tally { one_way: 3, first: at(1), last: at(1), ..Tally::empty() };
    world.sees("shop/app-0", "ops/statsd-0", Protocol::Udp, 8125, silent);
    assert_eq!(world.seen().judgement.contacts[0].standing, Standing::Genuine);
    world.today.push(deny_all("ops", LabelSelector::everything()));
    let seen = world.seen();
    let (contact, judged) = (&seen.facts.contacts[0], &seen.judgement.contacts[0]);
    let tally = judged.tally(contact);
    assert_eq!((judged.standing, tally.unanswered, tally.one_way), (Standing::Attempt, 3, 0));
    assert_eq!((judged.is_connected(), judged.connections(contact)), (false, 0));
    assert_eq!((judged.verdict.egress, judged.verdict.ingress), (Some(Said::Allowed), Some(Said::Denied)));
}

#[test]
fn verdicts_speak_of_pods_only_and_leave_icmp_open() {
    let mut world = World::new();
    world.deployment("shop/app", "app=app", 1);
    world.tcp("shop/app-0", "203.0.113.10", 443);
    world.sees("shop/app-0", "203.0.113.10", Protocol::Icmp, 0, connected(1));
    let judgement = world.seen().judgement;
    let verdicts: Vec<_> = judgement.contacts.iter().map(|c| (c.verdict.egress, c.verdict.ingress)).collect();
    assert_eq!(verdicts, [(Some(Said::Allowed), None), (Some(Said::Unspecified), None)]);
    assert_eq!(judgement.contacts[1].standing, Standing::Inexpressible);
}

#[test]
fn who_opened_nobody_knows_is_never_genuine() {
    let mut world = pair();
    world.contacts[0].contact.orientation = flowfence_model::Orientation::Unknown;
    assert_eq!(world.seen().judgement.contacts[0].standing, Standing::Undirected);
}
