//! Lines that have everything, taken in one go, mean what they do when they are looked at closely.

use proptest::prelude::*;

use super::*;
use crate::cause::Tally;
use crate::flowlog::Fold;

const HEADERS: [&str; 3] = [
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
    "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags pkt-srcaddr pkt-dstaddr",
    "srcaddr dstaddr srcport dstport protocol start end flow-direction",
];

/// What lines come to, and what became of each.
fn told(lines: &[String], is_close: bool) -> String {
    let (mut fold, mut tally) = (Fold::default(), Tally::default());
    let (mut dns, mut records, mut taps) = <(crate::dns::Dns, Vec<_>, crate::tap::Taps)>::default();
    let mut vpc = Vpc::default();
    let mut became = Vec::new();
    for line in lines {
        let mut to = Sink {
            fold: &mut fold,
            tally: &mut tally,
            dns: &mut dns,
            records: &mut records,
            taps: &mut taps,
            input: 0,
            time: Timestamp::default(),
        };
        became.push(if is_close {
            let (found, count) = vpc.used(line.as_bytes());
            vpc.closely(line.as_bytes(), &found, count, &mut to)
        } else {
            vpc.line(line.as_bytes(), &mut to)
        });
    }
    let logged = fold.finish(&mut tally);
    format!("{logged:#?} {:?} {became:?}", tally.counts())
}

/// What few have.
const ODD: [&str; 7] =
    ["-", "x", "65536", "1.5", "18446744073709551616", "010.0.0.1", "a-word-of-more-than-24-octets"];

/// What a field may have: what most have, and what few do.
fn value(field: &str) -> BoxedStrategy<String> {
    let usual: &[&str] = match field {
        "srcaddr" | "dstaddr" | "pkt-srcaddr" | "pkt-dstaddr" => {
            &["10.0.0.1", "10.0.0.2", "10.0.20.51", "2001:db8::7", "127.0.0.1", "224.0.0.1", "0.0.0.0", "::1"]
        }
        "srcport" | "dstport" => &["80", "443", "32768", "40000", "40001", "0"],
        "protocol" => &["6", "17", "132", "1", "47"],
        "start" | "end" => &["1790000000", "1790000060"],
        "packets" | "bytes" => &["1", "60", "5000"],
        "action" => &["ACCEPT", "REJECT", "UNKNOWN"],
        "tcp-flags" => &["0", "2", "3", "4", "18", "19"],
        "log-status" => &["OK", "NODATA"],
        "flow-direction" => &["ingress", "egress"],
        _ => &["2", "eni-0e220a8397b1dcdaf", "eni-1"],
    };
    prop_oneof![20 => prop::sample::select(usual), 1 => prop::sample::select(&ODD[..])]
        .prop_map(str::to_owned)
        .boxed()
}

proptest! {
    #[test]
    fn lines_mean_the_same_however_they_are_taken(
        (header, lines) in prop::sample::select(&HEADERS[..]).prop_flat_map(|header| {
            let values: Vec<_> = header.split(' ').map(value).collect();
            (Just(header), prop::collection::vec((values, 0..30_usize), 1..40))
        }),
    ) {
        let mut all = vec![header.to_owned()];
        // Some are cut.
        all.extend(lines.into_iter().map(|(words, cut)| words.into_iter().skip(usize::from(cut == 0)).collect::<Vec<_>>().join(" ")));
        prop_assert_eq!(told(&all, false), told(&all, true));
    }
}
