//! Names that DNS answers (RFC 1035) gave to addresses, and the shape of the names that were asked
//! for.
//!
//! A name is what somebody on the wire said, no more: it is shown beside an address, and no rule
//! rests on it. So answers count whether or not their question passed the same tap, and the order
//! of inputs does not matter.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, ParsedName, Question, Record};
use domain::rdata::{A, Aaaa, Cname};
use flowfence_model::{Names, Protocol, Questions, Timestamp};

use crate::decode::Seen;

const PORT: u16 = 53;
/// Records of one message that are looked at.
const MAX_RECORDS: usize = 128;
/// Links of a chain of aliases that are followed.
const MAX_ALIASES: usize = 16;

type Name<'a> = ParsedName<&'a [u8]>;

/// The names that answers gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dns {
    names: Names,
    dropped: u64,
    questions: Questions,
    questions_dropped: u64,
    /// The names that were told.
    told: Names,
    /// There was an answer since the names were last asked for.
    is_news: bool,
}

impl Dns {
    /// A packet with payload from or to port 53.
    pub(crate) fn seen(&mut self, at: Timestamp, seen: &Seen<'_>) {
        let is_answer = seen.from.port == PORT;
        match seen.protocol {
            Protocol::Udp => {
                let client = if is_answer { seen.to } else { seen.from };
                self.asks(client.address.ip(), at, seen.payload);
                if is_answer {
                    self.message(seen.payload);
                }
            }
            Protocol::Tcp if is_answer => self.segment(seen.payload),
            Protocol::Tcp | Protocol::Sctp | Protocol::Icmp => {}
        }
    }

    /// A datagram from or to port 53: `client` is who asks.
    fn asks(&mut self, client: IpAddr, at: Timestamp, message: &[u8]) {
        let Ok(message) = Message::from_octets(message) else { return };
        let Some(Ok(question)) = message.question().next() else { return };
        let question: Question<Name<'_>> = question;
        let labels: Vec<Vec<u8>> = question
            .qname()
            .iter()
            .map(|label| label.as_slice().to_ascii_lowercase())
            .filter(|label| !label.is_empty())
            .collect();
        let (below, zone) = labels.split_at(labels.len() - zone_length(&labels).min(labels.len()));
        let Ok(zone) = String::from_utf8(zone.join(&b'.')) else { return };
        if below.is_empty() || !is_plain(&zone) {
            return;
        }
        let below = below.concat();
        // Names of one zone are told apart; an unkeyed hash is the same in every run.
        let mut hasher = DefaultHasher::new();
        labels.hash(&mut hasher);
        self.questions_dropped += u64::from(!self.questions.ask(client, &zone, &below, hasher.finish(), at));
    }

    /// A message from port 53.
    pub(crate) fn message(&mut self, message: &[u8]) {
        let Some([_, _, flags, code, ..]) = message.first_chunk::<12>() else { return };
        if flags & 0x80 != 0 && code & 0x0f == Rcode::NOERROR.to_int() {
            self.answer(message);
        }
    }

    /// A TCP segment that holds whole messages, each after its length (RFC 7766 §8).
    pub(crate) fn segment(&mut self, mut segment: &[u8]) {
        while let Some((length, rest)) = segment.split_first_chunk::<2>() {
            let Some((message, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
            else {
                return;
            };
            self.message(message);
            segment = rest;
        }
    }

    /// Names that were not told before, and how many a bound kept out so far.
    pub(crate) fn news(&mut self) -> (Vec<(IpAddr, String)>, u64) {
        if !std::mem::take(&mut self.is_news) {
            return (Vec::new(), self.dropped);
        }
        let mut fresh = Vec::new();
        for (address, names) in self.names.iter() {
            let known: Vec<&str> = self.told.of(*address).collect();
            let missing = names.iter().filter(|name| !known.contains(&name.as_str()));
            fresh.extend(missing.map(|name| (*address, name.clone())));
        }
        self.told.clone_from(&self.names);
        (fresh, self.dropped)
    }

    /// From now on all names are news again.
    pub(crate) fn tell_again(&mut self) {
        self.told = Names::default();
        self.is_news = !self.names.is_empty();
    }

    /// A name that a flow log gives to an address.
    pub(crate) fn name(&mut self, address: IpAddr, name: &str) {
        self.dropped += u64::from(!self.names.insert(address, name.trim_end_matches('.')));
    }

    /// Whether no bound on questions was reached, here or there, or would be.
    pub(crate) fn have_room_for(&self, other: &Dns) -> bool {
        self.questions_dropped == 0
            && other.questions_dropped == 0
            && self.questions.have_room_for(&other.questions)
    }

    /// Takes what others heard.
    pub(crate) fn absorb(&mut self, other: Dns) {
        self.questions.absorb(other.questions);
        self.dropped += other.dropped;
        self.is_news |= !other.names.is_empty();
        for (address, names) in other.names.iter() {
            self.dropped += names.iter().filter(|name| !self.names.insert(*address, name)).count() as u64;
        }
    }

    /// Names, and how many a bound kept out.
    pub(crate) fn finish(self) -> (Names, u64) {
        (self.names, self.dropped)
    }

    /// Takes the shape of what was asked for, and how many questions a bound kept out.
    pub(crate) fn take_questions(&mut self) -> (Questions, u64) {
        (std::mem::take(&mut self.questions), std::mem::take(&mut self.questions_dropped))
    }

    fn answer(&mut self, message: &[u8]) {
        let Ok(message) = Message::from_octets(message) else { return };
        let Some(Ok(question)) = message.question().next() else { return };
        let question: Question<Name<'_>> = question;
        let Some(name) = hostname(question.qname()) else { return };
        let aliases = aliases(*question.qname(), &message);
        self.is_news = true;
        for (owner, address) in addresses(&message) {
            if aliases.contains(&owner) && !self.names.insert(address, &name) {
                self.dropped += 1;
            }
        }
    }
}

/// The question's name and what it is an alias of.
fn aliases<'a>(name: Name<'a>, message: &Message<&'a [u8]>) -> Vec<Name<'a>> {
    let mut aliases = vec![name];
    let Ok(answers) = message.answer() else { return aliases };
    for record in answers.limit_to::<Cname<_>>().take(MAX_RECORDS) {
        let Ok(record) = record else { break };
        let record: Record<Name<'a>, Cname<Name<'a>>> = record;
        if record.class() == Class::IN && aliases.contains(record.owner()) && aliases.len() < MAX_ALIASES {
            aliases.push(*record.data().cname());
        }
    }
    aliases
}

/// Address records until the first damaged one: what is readable of a cut message.
fn addresses<'a>(message: &Message<&'a [u8]>) -> Vec<(Name<'a>, IpAddr)> {
    let mut found = Vec::new();
    let Ok(answers) = message.answer() else { return found };
    for record in answers.take(MAX_RECORDS) {
        let Ok(record) = record else { break };
        if record.class() != Class::IN {
            continue;
        }
        match (record.to_record::<A>(), record.to_record::<Aaaa>()) {
            (Ok(Some(a)), _) => found.push((*a.owner(), IpAddr::V4(a.data().addr()))),
            (_, Ok(Some(aaaa))) => found.push((*aaaa.owner(), IpAddr::V6(aaaa.data().addr()))),
            (Ok(None), Ok(None)) => {}
            _ => break,
        }
    }
    found
}

/// The name in lower case without the final dot, when it has only the characters of host names
/// and service names (RFC 1123 §2.1, RFC 8552): a hostile one must not reach a terminal or a file.
fn hostname(name: &Name<'_>) -> Option<String> {
    let text = name.to_string().to_ascii_lowercase();
    let text = text.strip_suffix('.').unwrap_or(&text);
    is_plain(text).then(|| text.to_owned())
}

fn is_plain(text: &str) -> bool {
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(is_plain)
}

/// Labels of the zone that somebody registered, as far as that shows without a list: two, and
/// three below such as `co.uk`.
fn zone_length(labels: &[Vec<u8>]) -> usize {
    match labels {
        [.., second, top] if top.len() == 2 && second.len() <= 3 => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use flowfence_model::Asked;

    use super::*;

    const CLIENT: &str = "10.244.1.2";

    fn question(labels: &[&[u8]]) -> Vec<u8> {
        let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            message.push(u8::try_from(label.len()).unwrap());
            message.extend(*label);
        }
        message.extend([0, 0, 16, 0, 1]);
        message
    }

    fn asked(messages: &[Vec<u8>]) -> Vec<(String, usize, u64)> {
        let mut dns = Dns::default();
        for message in messages {
            dns.asks(CLIENT.parse().unwrap(), Timestamp::default(), message);
        }
        let (questions, _) = dns.take_questions();
        let octets = |asked: &Asked| asked.once().map(|(_, below)| below.len() as u64).sum();
        questions.iter().map(|(_, zone, asked)| (zone.to_owned(), asked.names(), octets(asked))).collect()
    }

    #[test]
    fn names_are_counted_below_the_zone_that_somebody_registered() {
        let messages = [
            question(&[b"abc", b"def", b"example", b"org"]),
            question(&[b"ABC", b"def", b"example", b"org"]),
            question(&[b"www", b"shop", b"co", b"uk"]),
            question(&[b"example", b"org"]),
        ];
        let expected = [("example.org".to_owned(), 1, 6), ("shop.co.uk".to_owned(), 1, 3)];
        assert_eq!(asked(&messages), expected);
    }

    #[test]
    fn data_in_labels_is_counted_and_reaches_no_zone() {
        let messages =
            [question(&[&[0xff, 0x1b, 7], b"example", b"org"]), question(&[b"a", &[0x1b, 0x5b], b"org"])];
        assert_eq!(asked(&messages), [("example.org".to_owned(), 1, 3)]);
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        let whole = question(&[b"abc", b"example", b"org"]);
        let cut: Vec<Vec<u8>> = (0..whole.len() - 5).map(|end| whole[..end].to_vec()).collect();
        assert_eq!(asked(&cut), []);
    }
}
