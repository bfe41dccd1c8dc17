//! IPFIX: templates, lengths, enterprises.

use super::*;

#[test]
fn both_directions_of_a_connection_meet_and_who_opened_is_left_open() {
    let back = plain(([10, 42, 1, 2], 8080), ([10, 42, 0, 1], 40_001), 6, 0x1b, 4);
    let message = ipfix(0, 0, &[template(256, &PLAIN), data(256, &[web(40_001, 5), back])]);
    let recording = listen(&[message]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [5, 4] answered"]);
    assert_eq!((recording.counts.iter().count(), recording.files[0].packets), (0, 2));
}

#[test]
fn a_syn_without_ack_tells_who_opened_and_its_reset_that_it_was_refused() {
    let syn = plain(([10, 42, 0, 1], 9999), ([10, 42, 1, 2], 50_000), 6, 0x02, 1);
    let accept = plain(([10, 42, 1, 3], 40_000), ([10, 42, 0, 1], 41_000), 6, 0x12, 1);
    let reset = plain(([10, 42, 1, 2], 8080), ([10, 42, 0, 1], 40_001), 6, 0x14, 1);
    let message = ipfix(0, 0, &[template(256, &PLAIN), data(256, &[syn, accept, reset])]);
    let recording = listen(&[message]);
    assert_eq!(
        lines(&recording),
        [
            "10.42.0.1 -> 10.42.1.2:50000 TCP Seen [1, 0]",
            "10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [0, 1]",
            "10.42.0.1 -> 10.42.1.3:40000 TCP Seen [0, 1] answered",
        ]
    );
    let refused: u64 = recording.logged.conversations.iter().map(|c| c.counts.refused).sum();
    assert_eq!(refused, 1);
}

#[test]
fn data_before_its_template_waits_and_is_read_when_it_comes() {
    let early = ipfix(0, 0, &[data(256, &[web(40_001, 5)])]);
    let late = ipfix(0, 1, &[template(256, &PLAIN), data(256, &[web(40_002, 2)])]);
    let recording = listen(&[early.clone(), late]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [7, 0] answered"]);
    assert_eq!((count(&recording, "exports-early"), count(&recording, "exports-lost")), (1, 0));
    let never = listen(&[early]);
    assert_eq!((lines(&never).len(), count(&never, "exports-untemplated")), (0, 1));
}

#[test]
fn a_template_is_of_its_domain_and_of_its_exporter() {
    // The other domain has the ports the other way round.
    let mut turned = PLAIN;
    turned.swap(2, 3);
    let sets = [data(256, &[web(40_001, 1)])];
    let both = [
        ipfix(1, 0, &[template(256, &PLAIN)]),
        ipfix(2, 0, &[template(256, &turned)]),
        ipfix(1, 0, &sets),
        ipfix(2, 0, &sets),
        ipfix(3, 0, &sets),
    ];
    let recording = listen(&both);
    assert_eq!(
        lines(&recording),
        [
            "10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [1, 0] answered",
            "10.42.1.2 -> 10.42.0.1:8080 TCP Unknown [0, 1] answered",
        ]
    );
    assert_eq!(count(&recording, "exports-untemplated"), 1);
    let names: Vec<&str> = recording.logged.observers.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["192.0.2.1 1", "192.0.2.1 2"]);

    let elsewhere = ("192.0.2.2:40000".parse().unwrap(), ipfix(1, 0, &sets));
    let here = ("192.0.2.1:40000".parse().unwrap(), ipfix(1, 0, &[template(256, &PLAIN)]));
    assert_eq!(count(&hear([here, elsewhere]), "exports-untemplated"), 1);
}

#[test]
fn a_template_may_be_withdrawn_and_may_change() {
    let mut turned = PLAIN;
    turned.swap(0, 1);
    let withdrawn = |id: u16| set(2, &[id.to_be_bytes(), [0, 0]].concat());
    let sets = |first: Vec<u8>| ipfix(0, 0, &[template(256, &PLAIN), first, data(256, &[web(40_001, 1)])]);
    for id in [256, 2] {
        let recording = listen(&[sets(withdrawn(id))]);
        assert_eq!((lines(&recording).len(), count(&recording, "exports-untemplated")), (0, 1), "{id}");
    }
    // Of another template, and of all options templates: neither is this one.
    for other in [withdrawn(257), set(3, &[0, 3, 0, 0])] {
        assert_eq!(lines(&listen(&[sets(other)])).len(), 1);
    }
    let changed = listen(&[sets(template(256, &turned))]);
    assert_eq!(lines(&changed), ["10.42.1.2 -> 10.42.0.1:8080 TCP Unknown [1, 0] answered"]);
}

#[test]
fn padding_is_no_damage_and_a_cut_set_keeps_its_whole_records() {
    let padded = set(256, &[web(40_001, 1), vec![0; 3]].concat());
    let recording = listen(&[ipfix(0, 0, &[template(256, &PLAIN), padded])]);
    assert_eq!((lines(&recording).len(), count(&recording, "malformed-export")), (1, 0));

    let mut cut = ipfix(0, 0, &[template(256, &PLAIN), data(256, &[web(40_001, 1), web(40_002, 2)])]);
    cut.truncate(cut.len() - 5);
    let recording = listen(&[cut]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [1, 0] answered"]);
    assert!(count(&recording, "malformed-export") > 0);
}

#[test]
fn lengths_that_lie_cost_what_they_lie_about() {
    let honest = data(256, &[web(40_001, 1)]);
    let lies = [
        vec![1, 0, 0, 0],
        vec![1, 0, 0, 3],
        vec![1, 0, 255, 255],
        set(2, &[1, 0, 255, 255, 0, 8]),
        set(2, &[1, 0, 0, 1, 0, 8, 0, 0]),
        set(3, &[1, 0, 0, 9, 0, 1]),
    ];
    for lie in lies {
        let recording =
            listen(&[ipfix(0, 0, &[template(300, &PLAIN), data(300, &[web(40_001, 1)]), lie.clone()])]);
        assert_eq!(lines(&recording).len(), 1, "{lie:?}");
        assert!(count(&recording, "malformed-export") > 0, "{lie:?}");
    }
    for octets in [&[][..], &[0, 10], &[0, 10, 0, 16], &[0, 7, 0, 0], b"GET / HTTP/1.1\r\n"] {
        assert_eq!(count(&listen(&[octets.to_vec()]), "malformed-export"), 1, "{octets:?}");
    }
    // A message that says it is shorter than it is: what stands behind it is not of it.
    let mut short = ipfix(0, 0, &[template(256, &PLAIN), honest]);
    short[3] = 16;
    assert_eq!(lines(&listen(&[short])).len(), 0);
}

#[test]
fn empty_texts_and_elements_of_others_are_passed_over() {
    let of = [&PLAIN[..], &[(0, 82, 65535), (6871, 40, 65535), (9, 12_235, 3)]].concat();
    let record = |port, name: &str| [web(port, 1), text(name), text(""), vec![1, 2, 3]].concat();
    let sets =
        [template(256, &of), data(256, &[record(40_001, ""), record(40_002, "eth0"), record(40_003, "")])];
    let recording = listen(&[ipfix(0, 0, &sets)]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Inferred [3, 0] answered"]);
    assert_eq!(recording.counts.iter().count(), 0);
}

#[test]
fn a_biflow_is_both_directions_and_says_who_opened() {
    let of = [&PLAIN[..], &[(REVERSE, 2, 8), (REVERSE, 1, 8), (REVERSE, 6, 1), (0, 239, 1)]].concat();
    let record = |port, packets: u8, flags: u8, direction: u8| {
        let back = [&[0; 7][..], &[packets], &[0; 8], &[flags, direction]].concat();
        [plain(([10, 42, 0, 1], 50_000), ([10, 42, 1, 2], port), 6, 0x02, 5), back].concat()
    };
    let records =
        [record(80, 4, 0x1b, 1), record(81, 0, 0, 1), record(82, 1, 0x14, 1), record(83, 4, 0x1b, 2)];
    let recording = listen(&[ipfix(0, 0, &[template(256, &of), data(256, &records)])]);
    assert_eq!(
        lines(&recording),
        [
            "10.42.0.1 -> 10.42.1.2:80 TCP Seen [5, 4] answered",
            "10.42.0.1 -> 10.42.1.2:81 TCP Seen [5, 0]",
            "10.42.0.1 -> 10.42.1.2:82 TCP Seen [5, 1]",
            "10.42.1.2 -> 10.42.0.1:50000 TCP Seen [4, 5] answered",
        ]
    );
    let [refused, unanswered] = recording
        .logged
        .conversations
        .iter()
        .fold([0; 2], |[r, u], c| [r + c.counts.refused, u + c.counts.unanswered]);
    assert_eq!((refused, unanswered), (1, 1));
}

#[test]
fn the_order_of_a_biflow_says_nothing_and_its_first_flags_say_who_opened() {
    let of = [&PLAIN[..], &[(REVERSE, 2, 1), (6871, 14, 1), (6871, 16398, 1)]].concat();
    let server = plain(([10, 42, 1, 2], 80), ([10, 42, 0, 1], 50_000), 6, 0x1b, 5);
    let record = |first: u8, back: u8| [&server[..], &[4, first, back]].concat();
    let told = |first, back| {
        let records = data(256, &[record(first, back)]);
        lines(&listen(&[ipfix(0, 0, &[template(256, &of), records])]))
    };
    assert_eq!(told(0, 0), ["10.42.0.1 -> 10.42.1.2:80 TCP Unknown [4, 5] answered"]);
    assert_eq!(told(0x12, 0x02), ["10.42.0.1 -> 10.42.1.2:80 TCP Seen [4, 5] answered"]);
    assert_eq!(told(0x02, 0x12), ["10.42.1.2 -> 10.42.0.1:50000 TCP Seen [5, 4] answered"]);
}

#[test]
fn translation_on_the_way_tells_the_backend_and_the_service_address() {
    let of = [&PLAIN[..], &[(0, 226, 4), (0, 228, 2)]].concat();
    let syn = plain(([10, 42, 0, 1], 40_001), ([10, 43, 0, 9], 80), 6, 0x02, 1);
    let record = [syn, vec![10, 42, 1, 2], 8080_u16.to_be_bytes().to_vec()].concat();
    let recording = listen(&[ipfix(0, 0, &[template(256, &of), data(256, &[record])])]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Seen [1, 0]"]);
    let service = recording.logged.conversations[0].service_address;
    assert_eq!(service, Some(flowfence_model::Address::v4([10, 43, 0, 9])));
}

#[test]
fn ends_that_are_no_hosts_and_protocols_without_ports_are_counted() {
    let from = ([10, 42, 0, 1], 40_001);
    let records = [
        plain(from, ([224, 0, 0, 251], 5353), 17, 0, 1),
        plain(from, ([127, 0, 0, 1], 80), 6, 0x02, 1),
        plain(from, ([10, 42, 1, 2], 0), 50, 0, 1),
        plain(from, ([10, 42, 1, 2], 0x0800), 1, 0, 3),
        plain(from, ([10, 42, 1, 2], 0x0301), 1, 0, 1),
        plain(([10, 42, 1, 2], 0), ([10, 42, 0, 1], 0), 1, 0, 2),
    ];
    let recording = listen(&[ipfix(0, 0, &[template(256, &PLAIN), data(256, &records)])]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2 ICMP type 8 Seen [3, 2] answered"]);
    for cause in ["non-unicast", "loopback-address", "other-ip-protocol", "icmp-error-unmatched"] {
        assert_eq!(count(&recording, cause), 1, "{cause}");
    }
}

#[test]
fn gaps_of_the_sequence_are_records_that_were_lost() {
    let with = |sequence, n: u16| {
        let records: Vec<Vec<u8>> = (0..n).map(|i| web(40_000 + i, 1)).collect();
        ipfix(0, sequence, &[template(256, &PLAIN), data(256, &records)])
    };
    let recording = listen(&[with(100, 3), with(103, 2), with(112, 1), with(113, 4)]);
    assert_eq!(count(&recording, "exports-lost"), 7);
}
