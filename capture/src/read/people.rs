//! What is no log that is read, but has another way to tell the same, which is said: above all what programs print for people.

/// Parts that a text has, and what to do about it.
type Sign = (&'static [&'static str], &'static str);

/// Of texts of many lines, anywhere.
const ANYWHERE: [Sign; 2] = [
    (&["<conntrack>"], "conntrack's output with -o xml; leave that away"),
    // With -o dict.
    (&["TIMESTAMP: ", "DESTINATION: ", "VERDICT: "], HUBBLE),
];

/// In the first line that is not empty.
const FIRST: [Sign; 13] = [
    (&[" -> ", " FORWARDED "], HUBBLE),
    (&[" -> ", " DROPPED "], HUBBLE),
    (&[" -> ", " AUDIT "], HUBBLE),
    // With -o table.
    (&["TIMESTAMP ", " SOURCE ", " DESTINATION ", " VERDICT "], HUBBLE),
    (&[" flow 0x", " identity ", " -> "], MONITOR),
    (&["IP", " > ", ": Flags ["], TCPDUMP),
    (&["IP", " > ", ": UDP, length"], TCPDUMP),
    (&["-A ", " -s ", " -r ", " -p "], "conntrack's output with -o save; leave that away"),
    (&["ACCEPT", " OK"], VPC),
    (&["REJECT", " OK"], VPC),
    (&[",", "srcaddr", "dstaddr"], VPC_TABLE),
    (&[",", "srcAddr", "dstAddr"], VPC_TABLE),
    (&["\"", " HTTP/", "\" "], ACCESS),
];

const HUBBLE: &str = "flows that hubble observe prints for people; add -o jsonpb";
const MONITOR: &str = "events that cilium monitor prints for people; take them with hubble observe -o jsonpb";
const ACCESS: &str =
    "an access log in words; have it written in JSON, and name its fields in a mapping, --format map:FILE";
const OBJECTS: &str = "Kubernetes objects; give them with --cluster, and what was observed as source";
const JSON: &str = "JSON of a kind that is not known; name its fields in a mapping, --format map:FILE";
const TABLE: &str = "a table of a kind that is not known; name its columns in a mapping, --format map:FILE";
const TCPDUMP: &str = "packets that tcpdump prints for people; write them with -w FILE";
const VPC: &str = "AWS VPC flow logs without a header; name their fields, --format \"aws-vpc:FIELDS\"";

// With that column it is read.
const VPC_TABLE: &str = "a table of AWS VPC flow logs in CSV without the column protocol; ask for it, too";

/// Who asked whom for what at which time are four columns.
const MIN_COMMAS: usize = 3;

/// What a text is that is no log.
pub(super) fn looks_like(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches('\u{feff}');
    let has = |text: &str, parts: &[&str]| parts.iter().all(|part| text.contains(part));
    let anywhere = || ANYWHERE.iter().find(|(parts, _)| has(text, parts));
    let first = || {
        let line = text.lines().find(|line| !line.trim().is_empty())?;
        FIRST.iter().find(|(parts, _)| has(line, parts))
    };
    // What stands in the values of JSON tells nothing.
    notation(text).or_else(|| anywhere().or_else(first).map(|(_, said)| *said)).or_else(|| table(text))
}

/// What a text in JSON or YAML is.
fn notation(text: &str) -> Option<&'static str> {
    let is_told = |line: &&str| !line.is_empty() && !line.starts_with('#') && *line != "---";
    let first = text.lines().map(str::trim).find(is_told)?;
    if first.starts_with("apiVersion:") {
        return Some(OBJECTS);
    }
    let is_json = first == "[" || ["{", "[{"].iter().any(|begin| first.starts_with(begin));
    let is_object = || text.contains("\"apiVersion\"") && text.contains("\"kind\"");
    is_json.then(|| if is_object() { OBJECTS } else { JSON })
}

/// Whether a text has as many commas in its second line as in its first.
fn table(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.matches(',').count());
    let (columns, row) = (lines.next()?, lines.next()?);
    (columns >= MIN_COMMAS && row == columns).then_some(TABLE)
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
            ("TIMESTAMP: 2026-11-24 the service started", None),
            ("TIMESTAMP             SOURCE      DESTINATION    TYPE   VERDICT   SUMMARY", Some(HUBBLE)),
            (
                "  TIMESTAMP: Nov 24 10:00:00.123\n     SOURCE: shop/web-1:40000\nDESTINATION: shop/api-1:8080\n    VERDICT: FORWARDED",
                Some(HUBBLE),
            ),
            (
                "xx drop (Policy denied) flow 0x0 to endpoint 12, ifindex 3, , identity 1->2: 10.0.0.1:4 -> 10.0.0.2:80 tcp SYN",
                Some(MONITOR),
            ),
            (
                r#"[2026-11-24T10:00:00.000Z] "GET /status HTTP/1.1" 200 - "-" 0 135 1 "10.0.0.2:8080""#,
                Some(ACCESS),
            ),
            (r#"10.42.1.10 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.0" 200 12"#, Some(ACCESS)),
            (r#"{ "request": "GET / HTTP/1.1" , "srcaddr": 1, "dstaddr": 2 }"#, Some(JSON)),
            ("\u{feff}[\n  {\"ts\": 1}\n]", Some(JSON)),
            ("apiVersion: v1\nkind: Pod", Some(OBJECTS)),
            ("# of the shop\n---\napiVersion: v1", Some(OBJECTS)),
            ("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\"\n}", Some(OBJECTS)),
            ("[2026-11-24 10:00:00] started", None),
            ("{\"ts\":1}", Some(JSON)),
            ("ts,src,dst,port\n1,a,b,80", Some(TABLE)),
            ("One, two, three, four\nand five", None),
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
