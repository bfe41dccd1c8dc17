//! What programs print for people: no log that is read, but each has another way to tell the same, which is said.

/// What a text of this kind has, each of these in its first line that is not empty, and what to do about it.
const PRINTED: [(&[&str], &str); 10] = [
    (&[" -> ", " FORWARDED "], HUBBLE),
    (&[" -> ", " DROPPED "], HUBBLE),
    (&[" -> ", " AUDIT "], HUBBLE),
    (&["IP", " > ", ": Flags ["], TCPDUMP),
    (&["IP", " > ", ": UDP, length"], TCPDUMP),
    (&["-A ", " -s ", " -r ", " -p "], "conntrack's output with -o save; leave that away"),
    (&["ACCEPT", " OK"], VPC),
    (&["REJECT", " OK"], VPC),
    (&[",", "srcaddr", "dstaddr"], VPC_TABLE),
    (&[",", "srcAddr", "dstAddr"], VPC_TABLE),
];

const HUBBLE: &str = "flows that hubble observe prints for people; add -o jsonpb";
const TCPDUMP: &str = "packets that tcpdump prints for people; write them with -w FILE";
const VPC: &str = "AWS VPC flow logs without a header; name their fields, --format \"aws-vpc:FIELDS\"";

// With that column it is read.
const VPC_TABLE: &str = "a table of AWS VPC flow logs in CSV without the column protocol; ask for it, too";

/// What a text is that was printed for people.
pub(super) fn looks_like(text: &str) -> Option<&'static str> {
    if text.contains("<conntrack>") {
        return Some("conntrack's output with -o xml; leave that away");
    }
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let is = |parts: &&(&[&str], &str)| parts.0.iter().all(|part| first.contains(part));
    PRINTED.iter().find(is).map(|(_, said)| *said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_for_people_is_told_with_what_to_do() {
        let cases = [
            (
                "Nov 24 10:00:00.123: shop/web-1:40000 (ID:20001) -> shop/api-1:8080 (ID:20002) to-endpoint FORWARDED (TCP Flags: SYN)",
                Some(HUBBLE),
            ),
            ("\n10:00:00.1 IP 10.42.1.10.40000 > 10.42.2.20.8080: Flags [S], seq 1, length 0", Some(TCPDUMP)),
            ("5 vpc-1 10.42.1.10 10.42.2.20 40000 8080 6 1 60 1795514400 1795514460 ACCEPT OK", Some(VPC)),
            ("The quick brown fox", None),
            ("", None),
        ];
        for (text, said) in cases {
            assert_eq!(looks_like(text), said, "{text}");
        }
        for (text, part) in [
            ("\"srcaddr\",\"dstaddr\",\"bytes\"", "column protocol"),
            ("srcAddr,dstAddr,bytes", "column protocol"),
            ("<?xml version=\"1.0\"?>\n<conntrack>\n<flow>", "-o xml"),
            (
                "-A -t 100 -u ASSURED -s 10.42.1.10 -d 10.42.2.20 -r 10.42.2.20 -q 10.42.1.10 -p tcp --sport 1",
                "-o save",
            ),
        ] {
            assert!(looks_like(text).is_some_and(|said| said.contains(part)), "{text}");
        }
    }
}
