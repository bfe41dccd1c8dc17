//! netobserv's elements, and what its writer leaves over.

use super::*;

/// A pod, service or node: namespace, name and node.
type Name = (&'static str, &'static str, &'static str);

const WEB: Name = ("shop", "web-1", "node1");
const CART: Name = ("shop", "cart-1", "node2");
const NODE: Name = ("", "node1", "node1");

fn layout() -> Vec<Field> {
    PLAIN.into_iter().filter(|(_, id, _)| *id != 6).chain([(0, 6, 2)]).chain(names(7738)).collect()
}

fn names(last: u16) -> impl Iterator<Item = Field> {
    (7733..=last).map(|id| (2, id, 65535))
}

/// A TCP record of `layout`.
fn record(from: [u8; 4], to: [u8; 4], flags: u16, [source, destination]: [Name; 2]) -> Vec<u8> {
    let mut record = plain((from, 40_001), (to, 8080), 6, 0, 3);
    // Flags have two octets, and stand at the end.
    record.remove(13);
    record.extend(flags.to_be_bytes());
    let names = [source.0, source.1, destination.0, destination.1, source.2, destination.2];
    record.extend(names.map(text).concat());
    record
}

/// A message a record, as its writer sends them, the template first.
fn messages(first: u32, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let templates = ipfix(1, first, &[template(256, &layout())]);
    let sent = records.iter().zip(first + 1..);
    let sent = sent.map(|(record, number)| ipfix(1, number, &[data(256, std::slice::from_ref(record))]));
    [templates].into_iter().chain(sent).collect()
}

fn told(messages: &[Vec<u8>]) -> Vec<String> {
    let name = |text: &str| text.split('"').nth(3).map(str::to_owned);
    let short =
        |end: &str| if end.starts_with("Pod") { name(end).unwrap_or_default() } else { end.to_owned() };
    lines(&listen(messages))
        .iter()
        .map(|line| {
            let (from, rest) = line.split_once(" -> ").unwrap();
            let (to, rest) = rest.split_once(":8080").unwrap();
            format!("{} -> {}{}", short(from), short(to), rest.split(" [").next().unwrap())
        })
        .collect()
}

const A: [u8; 4] = [10, 42, 0, 1];
const B: [u8; 4] = [10, 42, 1, 2];
const OUTSIDE: [u8; 4] = [192, 0, 2, 7];

#[test]
fn pods_and_nodes_are_named_and_services_are_left_to_their_address() {
    let service = ("shop", "cart", "none");
    let records =
        [record(A, B, 0x10, [WEB, CART]), record([10, 42, 0, 254], [10, 43, 0, 9], 0x10, [NODE, service])];
    assert_eq!(
        told(&messages(0, &records)),
        [r#"Node(Some("node1")) -> 10.43.0.9 TCP Unknown"#, "web-1 -> cart-1 TCP Unknown"]
    );
    let recording = listen(&messages(0, &records));
    assert!(recording.logged.observers.iter().all(|observer| !observer.is_whole));
}

#[test]
fn a_name_that_stayed_from_the_record_before_is_nobodys() {
    let records = [
        record(A, B, 0x02, [WEB, CART]),
        // From outside: the name of the source is still there.
        record(OUTSIDE, B, 0x02, [WEB, CART]),
        record(A, B, 0x02, [WEB, CART]),
        // A node has no namespace but that of the pod before.
        record([10, 42, 0, 254], B, 0x02, [("shop", "node1", "node1"), CART]),
    ];
    assert_eq!(
        told(&messages(0, &records)),
        [
            "192.0.2.7 -> cart-1 TCP Seen",
            r#"Node(Some("node1")) -> cart-1 TCP Seen"#,
            "web-1 -> cart-1 TCP Seen"
        ]
    );
}

#[test]
fn where_nobody_knows_what_was_before_a_name_counts_once_it_changes() {
    let other: Name = ("shop", "api-1", "node1");
    let records = [
        record(OUTSIDE, B, 0x02, [WEB, CART]),
        record([10, 42, 0, 3], B, 0x02, [other, CART]),
        record(OUTSIDE, B, 0x02, [other, CART]),
    ];
    // Heard from the middle on, it may be that the first two names are left over.
    assert_eq!(
        told(&messages(70, &records)),
        ["192.0.2.7 -> 10.42.1.2 TCP Seen", "api-1 -> 10.42.1.2 TCP Seen"]
    );
    // A datagram is missing in which the source may have got its name.
    let mut gap = messages(0, &[record(A, B, 0x02, [WEB, CART]), records[1].clone(), records[2].clone()]);
    gap.remove(2);
    assert_eq!(told(&gap), ["192.0.2.7 -> 10.42.1.2 TCP Seen", "web-1 -> cart-1 TCP Seen"]);
}

#[test]
fn its_flags_tell_who_opened_and_who_accepted() {
    for (flags, expected) in [(0x0212, "web-1 -> cart-1 TCP Seen"), (0x0010, "web-1 -> cart-1 TCP Unknown")] {
        assert_eq!(told(&messages(0, &[record(A, B, flags, [WEB, CART])])), [expected], "{flags:#x}");
    }
    let accepted = listen(&messages(0, &[record(A, B, 0x0310, [CART, WEB])]));
    let [c] = &accepted.logged.conversations[..] else { panic!("{:?}", accepted.logged.conversations) };
    assert_eq!((c.port, c.counts.answered), (Some(40_001), true), "the source accepted");
    // Of others the ninth bit is a flag of TCP (RFC 3540), and says nothing.
    let of: Vec<Field> = layout().into_iter().filter(|(enterprise, ..)| *enterprise == 0).collect();
    let bare = record(A, B, 0x0110, [NODE, NODE]);
    let bare = &bare[..bare.len() - names(7738).count() - "node1node1node1node1".len()];
    let recording = listen(&[ipfix(0, 0, &[template(256, &of), data(256, &[bare.to_vec()])])]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [3, 0]"]);
}

#[test]
fn names_of_the_old_writer_are_those_of_controllers_and_left_to_addresses() {
    let of: Vec<Field> = PLAIN.into_iter().chain(names(7737)).collect();
    let record = [web(40_001, 1), ["shop", "web", "shop", "cart", "node1"].map(text).concat()].concat();
    let recording = listen(&[ipfix(1, 0, &[template(256, &of), data(256, &[record])])]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [1, 0] answered"]);
}
