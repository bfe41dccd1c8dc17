//! The log of the network policy agent of AWS's VPC CNI: flows that a policy decided on.
//!
//! Versions write the same words in different ways: as members of a JSON line, in the message of one, as
//! plain text, and with semicolons in `CloudWatch`. So the words are looked for wherever they are.

use flowfence_model::Timestamp;
use flowfence_model::logged::LoggedVerdict;

use super::entry::{End, Entry, Opener, Skip};
use super::{Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "aws-netpol",
    name: "AWS VPC CNI network policy agent",
    tells: Tells { opener: true, answer: false, verdict: true, names: false, counts: false, service: false },
    caveat: "Accepted flows are there only where they are logged, and no line names the policy. Only pods that a \
             policy selects show; lines are lost under load.",
    recognise,
    open: || Box::new(Agent),
};

struct Agent;

fn recognise(line: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    // A flow within the text of another object is for what opens that.
    let is_object = line.first() == Some(&b'{');
    (has(b"Flow Info") && has(b"Src IP") && (!is_object || has(b"\"msg\"")))
        || (!is_object && has(b"SIP:") && has(b"DIP:") && has(b"Verdict"))
}

impl Decoder for Agent {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        if !recognise(line) {
            // What else the agent has to say.
            return Err(Skip::Other(Cause::LogOther));
        }
        let word = |names: &[&[u8]]| names.iter().find_map(|name| value(line, name));
        let verdict = match word(&[b"Verdict"]).ok_or(Skip::Other(Cause::LogIncomplete))? {
            b"ACCEPT" | b"ALLOW" | b"1" => LoggedVerdict::Allowed,
            b"DENY" | b"DROP" | b"REJECT" | b"0" => LoggedVerdict::Denied,
            // An entry of connection tracking that ran out is no decision.
            _ => return Err(Skip::Other(Cause::LogOther)),
        };
        let protocol = word(&[b"PROTOCOL", b"Proto"]).and_then(|word| std::str::from_utf8(word).ok());
        let Some(protocol) = protocol else { return Err(Skip::Other(Cause::LogIncomplete)) };
        let protocol = text::protocol_named(protocol).ok_or(Skip::Other(Cause::OtherIpProtocol))?;
        let end = |address: &[&[u8]], port: &[&[u8]]| {
            let address = text::address(word(address)?)?;
            Some(End { address: Some(address), port: word(port).and_then(text::port), identity: None })
        };
        let (Some(source), Some(destination)) = (
            end(&[b"Src IP", b"SIP"], &[b"Src Port", b"SPORT"]),
            end(&[b"Dest IP", b"DIP"], &[b"Dest Port", b"DPORT"]),
        ) else {
            return Err(Skip::Bad("an address cannot be read"));
        };
        if protocol.has_ports() && (source.port.is_none() || destination.port.is_none()) {
            return Err(Skip::Bad("a port is missing"));
        }
        let time = moment(line).unwrap_or(to.time);
        let text =
            |name: &[u8]| value(line, name).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or("");
        // The same flow is in the log at its client's node on the way out and at its server's on the way in.
        let observer =
            to.fold.observer("aws-netpol", format!("{} {}", text(b"Node"), text(b"Direction")).trim());
        let mut entry = Entry::new((time, time), source, destination, protocol, observer);
        // Only what opens is decided on; what follows goes by connection tracking.
        entry.opener = Opener::Source;
        entry.verdict = verdict;
        to.fold.add(&entry);
        Ok(())
    }
}

/// What stands behind a word, whatever is between them.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let begin = memchr::memmem::find(line, name)? + name.len();
    let mut rest = line.get(begin..)?;
    // One colon only: an address may begin with two.
    let mut colons = 0;
    while let [first @ (b' ' | b'\t' | b'"' | b'\\' | b'=' | b':'), more @ ..] = rest {
        colons += u8::from(*first == b':');
        if colons > 1 {
            break;
        }
        rest = more;
    }
    let end = rest.iter().position(|c| b" \t\",;\\})]".contains(c)).unwrap_or(rest.len());
    rest.get(..end).filter(|word| !word.is_empty())
}

/// The time that the line begins with, or has as a member.
fn moment(line: &[u8]) -> Option<Timestamp> {
    let read = |word: &[u8]| text::epoch(word).or_else(|| text::rfc3339(std::str::from_utf8(word).ok()?));
    let first = line.split(u8::is_ascii_whitespace).next();
    first.and_then(read).or_else(|| {
        ["\"ts\"", "\"timestamp\"", "\"time\""].iter().find_map(|name| read(value(line, name.as_bytes())?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_behind_its_word_in_every_writing() {
        for line in [
            r#""Src IP":"10.42.1.10","x":1"#,
            "Src IP: 10.42.1.10 Src Port: 1",
            "Src IP 10.42.1.10, x",
            "Src IP=10.42.1.10;x",
            r#"\"Src IP\":\"10.42.1.10\""#,
            "Src IP: 10.42.1.10",
        ] {
            assert_eq!(value(line.as_bytes(), b"Src IP"), Some(&b"10.42.1.10"[..]), "{line}");
        }
        assert_eq!(value(b"Src IP: ::1 x", b"Src IP"), Some(&b"::1"[..]));
        assert_eq!(value(br#""Src IP":"::ffff:1""#, b"Src IP"), Some(&b"::ffff:1"[..]));
        assert_eq!((value(b"Src IP", b"Src IP"), value(b"x", b"Src IP")), (None, None));
    }
}
