use super::super::example::{found, of, world};
use super::*;
use crate::judge::testing::at;

#[test]
fn few_questions_and_servers_that_pass_them_on_are_left_alone() {
    let lines = [
        "shop/api-0 -> kube-system/coredns-0 53/UDP 5 times sends 60000",
        "kube-system/coredns-0 -> 203.0.113.53 53/UDP 60 times sends 90000",
        "shop/web-0 -> shop/db-0 5432/TCP 60 times sends 900000",
    ];
    assert_eq!(found(&DETECTOR, &lines), [""; 0]);
}

#[test]
fn a_tunnel_past_the_cluster_is_told_too() {
    let lines = ["shop/api-0 -> 203.0.113.53 53/UDP 60 times sends 60000"];
    assert_eq!(found(&DETECTOR, &lines), ["dns-tunnel:shop/Deployment/api->external/203.0.113.53/32:53/UDP"]);
}

#[test]
fn long_names_of_words_and_names_of_the_cluster_are_left_alone() {
    for line in [
        "shop/api-0 asks 60 names of 60 octets below cluster.local",
        "shop/api-0 asks 60 names of 60 octets below eu-west-1.compute.internal",
        "shop/api-0 asks 9 names of 60 octets below t.example",
        "kube-system/coredns-0 asks 60 names of 60 octets below t.example",
    ] {
        let lines = [line, "shop/web-0 -> kube-system/coredns-0 53/UDP"];
        assert_eq!(found(&DETECTOR, &lines), [""; 0], "{line}");
    }
}

#[test]
fn a_tunnel_that_names_tell_is_not_told_again_by_its_size() {
    let lines = [
        "shop/api-0 asks 60 names of 60 octets below t.example",
        "shop/api-0 -> kube-system/coredns-0 53/UDP 60 times sends 60000",
    ];
    assert_eq!(found(&DETECTOR, &lines), ["dns-tunnel:shop/Deployment/api:t.example"]);
}

#[test]
fn words_are_no_data_and_encodings_are() {
    // A letter before and one behind, for what all have in common is no data.
    let of = |names: &[&[u8]]| {
        let all = (0..12).zip(names.iter().cycle());
        let all: Vec<Vec<u8>> = all.map(|(n, name)| [&[b'a' + n], *name, &[b'z' - n]].concat()).collect();
        Letters::of(all.iter().map(Vec::as_slice)).are_a_tunnel()
    };
    assert!(!of(&[b"photographs-of-gardens-and-mountains"]));
    assert!(!of(&[b"www", b"berichte-aus-der-geschichte-der-stadt-im-winter-und-im-sommer"]));
    assert!(of(&[b"mzxw6ytboi2gk3tdn5sgkzbamrqxiyjanfxa"]), "base 32");
    assert!(of(&[b"3f9a0c7781be44d2a90133f7c5e26b8d"]), "hexadecimal");
    assert!(of(&[b"\xbd\xc3\xd1\xeeaeiouaeioaeiou\xf1\xf2\xf3\xf4\xf5mnrst\xe1\xe2"]), "base 128");
    assert!(!of(&[&[b'7'; 40]]), "one letter says nothing");
}

#[test]
fn replicas_share_a_tunnel() {
    let asks = |pod| format!("shop/{pod} asks 6 names of 60 octets below t.example");
    let mut world = world(&[&asks("web-0")]);
    assert_eq!(of(&DETECTOR, &world), []);
    let client = world.pods["shop/web-1"].ips[0];
    for n in 0..6_u64 {
        let text = format!("{:x}", (n + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(3);
        world.questions.ask(client, "t.example", text.as_bytes(), n + 7, at(1));
    }
    assert_eq!(of(&DETECTOR, &world).len(), 1);
}

#[test]
fn names_that_come_back_belong_to_something() {
    let mut world = world(&["shop/api-0 asks 40 names of 60 octets below t.example"]);
    let client = world.pods["shop/api-0"].ips[0];
    for name in 0..35 {
        world.questions.ask(client, "t.example", b"", name, at(70));
    }
    assert_eq!(of(&DETECTOR, &world), []);
}

#[test]
fn names_that_are_connected_to_are_those_of_hosts() {
    let asks = "shop/api-0 asks 40 names of 40 octets below t.example";
    let name = "name 203.0.113.9 a.t.example";
    let of = |many: u32| {
        let line = format!("shop/api-0 -> 203.0.113.9 443/TCP {many} times");
        found(&DETECTOR, &[asks, name, &line]).len()
    };
    assert_eq!([of(20), of(19)], [0, 1]);
}

#[test]
fn what_is_asked_below_a_search_path_is_counted_where_it_was_meant() {
    let mut world = world(&["shop/api-0 asks 40 names of 40 octets below t.example"]);
    let client = world.pods["shop/api-0"].ips[0];
    let names: Vec<Vec<u8>> = world
        .questions
        .iter()
        .flat_map(|(_, _, asked)| asked.once().map(|(_, below)| below.to_vec()).collect::<Vec<_>>())
        .collect();
    for (hash, below) in (1_000..).zip(names) {
        let expanded = [&below, b"texamplecorp".as_slice()].concat();
        world.questions.ask(client, "firm.example", &expanded, hash, at(1));
    }
    let told: Vec<String> = of(&DETECTOR, &world).into_iter().map(|finding| finding.id).collect();
    assert_eq!(told, ["dns-tunnel:shop/Deployment/api:t.example"]);
}

#[test]
fn what_all_names_have_in_common_is_no_data() {
    let names = |n: u32, end: &str| format!("{:010}{end}", n.wrapping_mul(2_654_435_761)).into_bytes();
    let of = |end: &str| {
        let all: Vec<Vec<u8>> = (1..200).map(|n| names(n, end)).collect();
        Letters::of(all.iter().map(Vec::as_slice)).are_a_tunnel()
    };
    assert!(!of("zen") && !of("a-long-list-of-senders"));
}

#[test]
fn many_names_of_fewer_octets_are_a_tunnel_too() {
    let line = "shop/api-0 asks 256 names of 16 octets below t.example";
    assert_eq!(found(&DETECTOR, &[line]), ["dns-tunnel:shop/Deployment/api:t.example"]);
}
