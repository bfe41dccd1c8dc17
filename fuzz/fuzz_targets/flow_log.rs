//! Flow logs of every format: recognised by content where the first octet is even, read as one of the
//! formats where it is odd. However the octets come makes no difference, and neither does reading the
//! log twice but to what it counts.

#![no_main]

use std::collections::BTreeSet;
use std::io::{self, Read};

use flowfence_capture::{FORMATS, Form, Limits, Recorder, read_capture};
use flowfence_model::{Conversation, Recording};
use libfuzzer_sys::fuzz_target;

/// Gives an octet more each time, up to 64.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 64 + 1;
        let n = self.1.min(buffer.len()).min(self.0.len());
        let (head, rest) = self.0.split_at(n);
        buffer[..n].copy_from_slice(head);
        self.0 = rest;
        Ok(n)
    }
}

fn record<const N: usize>(form: Option<&Form>, inputs: [impl Read; N]) -> Option<Recording> {
    let mut recorder = Recorder::new(Limits { max_flows: 64, ..Limits::default() }).reading_logs_as(form.cloned());
    for input in inputs {
        read_capture(input, "fuzz", &mut recorder, &mut |_| {}).ok()?;
    }
    Some(recorder.finish())
}

/// Who asked whom for what, and how sure that is. Of all numbers only those of ends are the same, since they
/// are given in the order in which names come.
fn who(recording: &Recording) -> BTreeSet<String> {
    let one = |c: &Conversation| {
        assert!(c.port.is_some() || !c.protocol.has_ports(), "a conversation without its port");
        assert!(c.counts.lines > 0 && c.counts.first <= c.counts.last);
        format!("{:?} {:?} {:?} {:?} {:?} {:?} {:?}", c.from, c.to, c.protocol, c.port, c.icmp, c.orientation, c.verdict)
    };
    recording.logged.conversations.iter().map(one).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, log)) = data.split_first() else { return };
    let format = FORMATS.get(usize::from(*choice / 2) % FORMATS.len()).filter(|_| choice % 2 == 1);
    let form = format.and_then(|format| Form::known(format.token));
    let form = form.as_ref();
    let (Some(whole), Some(pieces)) = (record(form, [log]), record(form, [Pieces(log, 0)])) else {
        assert!(record(form, [log]).is_none() && record(form, [Pieces(log, 0)]).is_none());
        return;
    };
    assert_eq!(whole.files, pieces.files);
    assert_eq!(whole.records, pieces.records);
    assert_eq!(whole.logged, pieces.logged);
    let is_plain = !matches!(log, [0x1f | 0x28 | 0x50..=0x5f, ..]);
    assert!(!is_plain || whole.files[0].octets == log.len() as u64, "every octet is used or skipped");
    assert!(whole.files[0].problems.len() <= 8);
    let twice = record(form, [log, log]).expect("it was read once");
    assert_eq!(who(&twice), who(&whole));
    assert_eq!(twice.logged.lines, 2 * whole.logged.lines);
});
