//! What a row says became of it: who opened, what was answered, what a policy decided.

use flowfence_model::{Protocol, Signs};
use serde_json::Value;

use super::decode::{any, number};
use super::row::Row;
use super::{Handshake, Mapping, OpenerRule, Sampling};
use crate::flowlog::connection::State;
use crate::flowlog::entry::{Answer, Opener};

const SYN: u64 = 0x02;
const RST: u64 = 0x04;
const ACK: u64 = 0x10;
/// Bits of RFC 3168, which say nothing of the connection.
const CONGESTION: u64 = 0xc0;
/// The bit of packets with RST and ACK, beside one of those with SYN and ACK.
const RST_ACK: u64 = 0x400;
/// Octets of a packet without data: of IPv6 (40) and TCP (20) without options.
const BARE: u64 = 60;
/// Names of flags by their bits, from FIN on (RFC 9293 §3.1, RFC 3168); then those of packets that have
/// two, as netobserv names them.
const FLAGS: [&str; 11] =
    ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "SYN_ACK", "FIN_ACK", "RST_ACK"];

/// Who opened, and what that shows of the answer.
pub fn opener(mapping: &Mapping, row: &Row<'_>, protocol: Protocol) -> (Opener, Answer) {
    if let Some(choice) = &mapping.reply
        && let Some(text) = row.text(&choice.field)
    {
        if any(&choice.source, &text) {
            return (Opener::Source, Answer::Untold);
        }
        if any(&choice.destination, &text) {
            return (Opener::Destination, Answer::Answered);
        }
    }
    if mapping.opener == OpenerRule::Source {
        return (Opener::Source, Answer::Untold);
    }
    let told = flags_told(mapping, row).filter(|_| protocol == Protocol::Tcp);
    match told {
        Some((flags, Some(both))) if flags & both != 0 => (Opener::Destination, Answer::Answered),
        Some((flags, Some(_))) if flags & SYN != 0 => (Opener::Source, Answer::Untold),
        Some((flags, None)) if flags & (SYN | ACK) == SYN => (Opener::Source, Answer::Untold),
        _ => (Opener::Untold, Answer::Untold),
    }
}

/// Whether all that the source sent is a refusal: resets, and nothing that could be data.
pub fn is_refusal(mapping: &Mapping, row: &Row<'_>, packets: u64, octets: u64) -> bool {
    match flags_told(mapping, row) {
        // Packets with a reset and an ACK have a bit of their own.
        Some((flags, Some(_))) => flags & (RST | RST_ACK) != 0 && flags & !(RST | RST_ACK | CONGESTION) == 0,
        Some((flags, None)) => {
            let are_resets = flags & RST != 0 && flags & !(RST | ACK | CONGESTION) == 0;
            are_resets && octets <= packets.saturating_mul(BARE)
        }
        None => false,
    }
}

/// The flags of all packets of the row, and the bit of those that have SYN and ACK, where it is one of its own.
fn flags_told(mapping: &Mapping, row: &Row<'_>) -> Option<(u64, Option<u64>)> {
    let read = |fields: &[String]| fields.iter().find_map(|field| flags(row, field));
    let told = read(&mapping.tcp_flags).map(|flags| (flags, mapping.syn_ack));
    told.or_else(|| Some((read(&mapping.plain_flags)?, None)))
}

fn flags(row: &Row<'_>, field: &str) -> Option<u64> {
    let bit =
        |name: &str| FLAGS.iter().position(|flag| flag.eq_ignore_ascii_case(name)).map_or(0, |at| 1 << at);
    match row.value(field) {
        Some(Value::Array(names)) => {
            Some(names.iter().filter_map(Value::as_str).fold(0, |flags, name| flags | bit(name)))
        }
        _ => number(row, field).or_else(|| {
            let text = row.text(field)?;
            if let Some(flags) = dotted(&text) {
                return Some(flags);
            }
            // A table has a list as a text.
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                .then(|| text.split(',').fold(0, |flags, name| flags | bit(name.trim())))
        }),
    }
}

/// Flags as nfdump writes them, a place each from CWR to FIN: `...AP.SF`.
fn dotted(text: &str) -> Option<u64> {
    const PLACES: &str = "CEUAPRSF";
    let bit = |(at, letter): (usize, char)| match letter {
        '.' => Some(0),
        letter if PLACES[at..].starts_with(letter) => Some(1 << (PLACES.len() - 1 - at)),
        _ => None,
    };
    // Older versions leave out the first two.
    let begin = PLACES.len().checked_sub(text.len()).filter(|begin| [0, 2].contains(begin))?;
    text.char_indices().map(|(at, letter)| bit((begin + at, letter))).sum()
}

/// What was answered.
pub fn answer(mapping: &Mapping, row: &Row<'_>) -> Answer {
    if let Some((_, back)) = mapping.handshake.as_ref().and_then(|handshake| both(handshake, row)) {
        return match back {
            0 => Answer::Nothing,
            back if back & SYN == 0 && back & RST != 0 => Answer::Refused,
            _ => Answer::Answered,
        };
    }
    let Some(answers) = &mapping.answer else { return Answer::Untold };
    let Some(text) = row.text(&answers.field) else { return Answer::Untold };
    let is = |values: &[String]| text.split(',').any(|part| any(values, part.trim()));
    let is_unconfirmed =
        || is(&answers.answered) && shown(mapping, row).is_some_and(|(there, _)| !there.has(Signs::SEGMENT));
    if is(&answers.refused) {
        Answer::Refused
    } else if is(&answers.unanswered) || is(&answers.half_open) || is_unconfirmed() {
        Answer::Nothing
    } else if is(&answers.answered) || is(&answers.accepted) {
        Answer::Answered
    } else {
        Answer::Untold
    }
}

/// What each end of a connection did that the row says was answered, where it tells more of it.
pub fn shown(mapping: &Mapping, row: &Row<'_>) -> Option<(Signs, Signs)> {
    if let Some((there, back)) = mapping.handshake.as_ref().and_then(|handshake| both(handshake, row)) {
        // Each segment of a connection has an ACK, but for the first; the reset of one who never meant it has none.
        let is_unconfirmed = there & (SYN | ACK) == SYN && back & SYN != 0;
        return is_unconfirmed.then_some((Signs::OPEN, Signs::ACCEPT));
    }
    let answers = mapping.answer.as_ref()?;
    let state = row.text(&answers.field)?;
    let history = row.text(answers.history.as_ref()?).filter(|_| any(&answers.answered, &state))?;
    let did = |letters: &str| history.contains(|letter| letters.contains(letter));
    // No letter, no history: who writes none is not to be held to it.
    if !did("ShH") {
        return None;
    }
    let (mut there, mut back) = (Signs::OPEN, Signs::ACCEPT);
    // Who was asked goes on only behind a confirmation.
    for (letters, sign) in [("ADFadf", Signs::SEGMENT), ("D", Signs::PAYLOAD), ("R", Signs::RESET)] {
        if did(letters) {
            there.insert(sign);
        }
    }
    for (letters, sign) in [("adf", Signs::SEGMENT), ("d", Signs::PAYLOAD), ("r", Signs::RESET)] {
        if did(letters) {
            back.insert(sign);
        }
    }
    Some((there, back))
}

/// Half a connection, where a row tells that it was one. Whether the other half could have been seen, and so whether it
/// is one at all, is decided with what else was seen there.
pub fn half(mapping: &Mapping, row: &Row<'_>) -> Option<State> {
    let answers = mapping.answer.as_ref()?;
    let text = row.text(&answers.field)?;
    if any(&answers.accepted, &text) {
        Some(State::Accepted { then_reset: any(&answers.refused, &text) })
    } else if any(&answers.half_open, &text) {
        Some(State::HalfOpen)
    } else {
        None
    }
}

/// Whether it looks at a sample of the packets.
pub fn is_sampled(mapping: &Mapping, row: &Row<'_>) -> bool {
    match &mapping.sampling {
        None => false,
        Some(Sampling::Always(is_sampled)) => *is_sampled,
        Some(Sampling::OneIn(fields)) => {
            fields.0.iter().any(|field| number(row, field).is_some_and(|n| n > 1))
        }
    }
}

/// Whether it was picked up in the middle.
pub fn is_midstream(mapping: &Mapping, row: &Row<'_>) -> bool {
    if let Some((there, back)) = mapping.handshake.as_ref().and_then(|handshake| both(handshake, row)) {
        // Whoever is asked answers with a SYN, or refuses. What goes on without was picked up in the middle, and its first
        // packet may have been the answer: of the flags of all packets a client's are those too.
        let is_accepted_unseen = back != 0 && back & (SYN | RST) == 0;
        return (there | back) & SYN == 0 || is_accepted_unseen;
    }
    let Some(answers) = &mapping.answer else { return false };
    row.text(&answers.field).is_some_and(|text| any(&answers.midstream, &text))
}

/// Flags of both directions.
fn both(handshake: &Handshake, row: &Row<'_>) -> Option<(u64, u64)> {
    let hexadecimal = |field: &str| {
        let text = row.text(field)?;
        u64::from_str_radix(text.strip_prefix("0x").unwrap_or(&text), 16).ok()
    };
    Some((hexadecimal(&handshake.there)?, hexadecimal(&handshake.back)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_flags_are_their_bits() {
        let object: Value = serde_json::from_str(r#"{"f":["SYN","ACK","SYN_ACK"],"n":18}"#).unwrap();
        let row = Row::Json(&object);
        assert_eq!((flags(&row, "f"), flags(&row, "n")), (Some(0x112), Some(18)));
    }

    #[test]
    fn flags_may_have_a_place_each() {
        let cases = [
            ("........", Some(0)),
            ("......S.", Some(0x02)),
            ("...AP.SF", Some(0x1b)),
            ("CEUAPRSF", Some(0xff)),
            (".AP.SF", Some(0x1b)),
            ("FSRPAUEC", None),
            (".......", None),
            ("ÄÄÄÄ", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(dotted(text), expected, "{text}");
        }
    }
}
