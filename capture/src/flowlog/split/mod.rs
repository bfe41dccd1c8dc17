//! From an input to what a decoder takes: one line, or one JSON object.
//!
//! ```text
//! input ─▶ line ────────────────────┬▶ layers around it opened ─▶ decoder
//!      └─▶ scan ─▶ walk ─▶ object ──┘
//! ```
//!
//! A log has one line for each event, and most are read as that. Some are documents: a list of
//! objects, an envelope of one (`{"records":[…]}`), objects over several lines (`jq .`), or objects
//! without anything between them (Firehose). Which it is shows as it comes: the first line that is not
//! one object whole turns reading to objects for the rest of the input. Memory is that of the longest
//! object, 16 MiB at most.

mod layer;
mod scan;
mod walk;

use std::io::Read;

use super::entry::Skip;
use super::{Decoder, FORMATS, line};
use crate::error::CaptureError;
use crate::read::{MAX_OBJECT, Window};
use crate::recorder::Recorder;
use layer::Layers;
use scan::{Found, Scan};
use walk::{Step, Walk};

/// Lines or objects of the beginning that are looked at to tell what an input is: the first of a file may
/// be cut, a comment, or what a program says when it starts.
const MAX_CANDIDATES: usize = 64;
/// Of these, lines that need not be unmistakable.
const MAX_ANY: usize = 16;
/// How much more is asked for at least when an object is not whole.
const STEP: usize = 1 << 16;

/// What of the beginning of an input tells which format it is, without what is around it.
pub fn beginning(first: &[u8]) -> Option<Vec<u8>> {
    candidates(first).into_iter().enumerate().find_map(|(i, line)| {
        let mut layers = Layers::around(line, &|inner| is_known(inner, i < MAX_ANY))?;
        Some(layers.open(line)?.0.into_owned())
    })
}

/// Whether this is of some format. Behind the first lines only what cannot be anything else tells.
fn is_known(line: &[u8], is_any: bool) -> bool {
    let tells = is_any || line.first() == Some(&b'{') || line.windows(9).any(|words| words == b"Flow Info");
    tells && FORMATS.iter().any(|format| (format.recognise)(line))
}

/// The first lines of a text, or objects of a document; the last one may be cut.
fn candidates(first: &[u8]) -> Vec<&[u8]> {
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    if !is_document(first) {
        let lines = first.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
        return lines.filter(|line| !line.is_empty()).take(MAX_CANDIDATES).collect();
    }
    let (mut walk, mut rest, mut found) = (Walk::new(), first, Vec::new());
    while found.len() < MAX_CANDIDATES {
        let passed = match walk.step(rest) {
            Step::More => break,
            Step::Pass(n) | Step::Other(n) => n,
            Step::Broken { passed } => {
                // What is odd about it need not be in what tells the format.
                found.extend(rest.split(|octet| *octet == b'\n').next());
                passed
            }
            Step::Object(n) => {
                found.extend(rest.get(..n));
                n
            }
        };
        rest = rest.get(passed..).unwrap_or_default();
    }
    if found.len() < MAX_CANDIDATES && walk.is_inside() {
        found.push(rest);
    }
    found
}

/// Whether a text begins as a JSON document does, and not with a word in brackets.
fn is_document(text: &[u8]) -> bool {
    let next = || text.get(1..).unwrap_or_default().trim_ascii_start().first().copied();
    match text.first() {
        Some(b'{' | 0x1e) => true,
        Some(b'[') => next().is_none_or(|octet| b"{[]\"".contains(&octet)),
        _ => false,
    }
}

/// Reads a whole log.
pub fn read<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
    decoder: Box<dyn Decoder>,
) -> Result<(), CaptureError> {
    let head = window.data();
    let around = |(i, line)| Layers::around(line, &|inner| is_known(inner, i < MAX_ANY));
    let known = candidates(head).into_iter().enumerate().find_map(around);
    // What only a mapping knows is an object, whatever is before it.
    let guess = || Layers::around(candidates(head).first()?, &|inner| inner.first() == Some(&b'{'));
    let layers = known.or_else(guess).unwrap_or_default();
    let is_document = is_document(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start());
    let mut reader = Reader { decoder, layers, recorder, input, number: 0 };
    if reader.lines(window, is_document)? {
        reader.objects(window)?;
    }
    reader.decoder.finish(&mut reader.recorder.log(input));
    Ok(())
}

struct Reader<'a> {
    decoder: Box<dyn Decoder>,
    layers: Layers,
    recorder: &'a mut Recorder,
    input: u32,
    /// The line that we are at, from 1.
    number: u64,
}

impl Reader<'_> {
    /// Reads line by line; true when the rest of the input is to be read as objects.
    fn lines<R: Read>(
        &mut self,
        window: &mut Window<'_, R>,
        is_document: bool,
    ) -> Result<bool, CaptureError> {
        loop {
            let found = if is_document { line::find(window)? } else { line::next(window)? };
            let length = match found {
                line::Next::End => return Ok(false),
                line::Next::TooLong if is_document => return Ok(true),
                line::Next::TooLong => {
                    self.number += 1;
                    window.damaged(&format!("line {} is longer than a line can be", self.number));
                    continue;
                }
                line::Next::Line(length) => length,
            };
            let data = window.data().get(..length).unwrap_or_default();
            // Whole lines end; the last one of an input that was cut does not.
            let is_cut = window.data().len() == length;
            let text = trimmed(data);
            if is_document && !text.is_empty() && !may_be_one(text.trim_ascii()) {
                return Ok(true);
            }
            if !text.trim_ascii().is_empty() {
                let taken = self.take(text);
                if let Err(skip) = taken {
                    if is_document && is_more_or_less(text) {
                        return Ok(true);
                    }
                    let sample = line::sample(text);
                    self.skip(window, skip, &sample);
                    if is_cut && matches!(skip, Skip::Bad(_)) {
                        window.truncated();
                    }
                }
                self.count(taken);
            }
            self.number += 1;
            window.consume(length);
            line::pass_end(window);
        }
    }

    /// Reads object by object.
    fn objects<R: Read>(&mut self, window: &mut Window<'_, R>) -> Result<(), CaptureError> {
        let mut walk = Walk::new();
        let mut is_told = false;
        loop {
            let mut step = walk.step(window.data());
            if matches!(step, Step::More) {
                let Some(more) = more(window, &mut walk)? else {
                    // Nothing begins in what is left.
                    window.skip(window.data().len());
                    return Ok(());
                };
                step = more;
            }
            let data = window.data();
            // What of it is a line, or why it is none that can be read.
            let (passed, taken) = match step {
                Step::More => (0, Ok(false)),
                Step::Pass(n) => (n, Ok(false)),
                Step::Object(n) => (n, self.take(data.get(..n).unwrap_or_default())),
                Step::Broken { passed } => (passed, Err(Skip::Bad("an object is not whole"))),
                Step::Other(n) => (n, if is_told { Ok(false) } else { Err(Skip::Bad("no JSON object")) }),
            };
            let passed_over = data.get(..passed).unwrap_or_default();
            let lines = memchr::memchr_iter(b'\n', passed_over).count() as u64;
            if let Err(skip) = taken {
                let sample =
                    line::sample(if matches!(step, Step::Broken { .. }) { data } else { passed_over });
                self.skip(window, skip, &sample);
            }
            self.count(taken);
            is_told =
                matches!(step, Step::Other(_)) || (is_told && matches!(step, Step::Pass(_)) && lines == 0);
            self.number += lines;
            if matches!(step, Step::Broken { .. } | Step::Other(_)) {
                window.skip(passed);
            } else {
                window.consume(passed);
            }
        }
    }

    /// Counts what made no flow.
    fn skip<R: Read>(&mut self, window: &mut Window<'_, R>, skip: Skip, sample: &str) {
        match skip {
            Skip::Other(cause) => self.recorder.log(self.input).tally.add(cause),
            Skip::Bad(why) => window.damaged(&format!("line {}: {why}: {sample}", self.number + 1)),
        }
    }

    /// Counts a line that was read, whether it made a flow or not.
    #[inline]
    fn count(&mut self, taken: Result<bool, Skip>) {
        let is_line = matches!(taken, Ok(true) | Err(Skip::Other(_)));
        if is_line && let Some(report) = self.recorder.report(self.input) {
            report.packets += 1;
        }
    }

    /// Gives a line or object to the decoder; whether it was one.
    fn take(&mut self, text: &[u8]) -> Result<bool, Skip> {
        let mut sink = self.recorder.log(self.input);
        if self.layers.is_empty() {
            return self.decoder.line(text, &mut sink).map(|()| true);
        }
        let Some((inner, time)) = self.layers.open(text) else { return Ok(true) };
        sink.time = time.unwrap_or(sink.time);
        match inner.trim_ascii() {
            // What was wrapped is empty, or tells about another line.
            [] => Ok(false),
            line => self.decoder.line(line, &mut sink).map(|()| true),
        }
    }
}

/// Reads on for the sake of what is at the front; what becomes of it when nothing comes, `None` at
/// the end of the input.
fn more<R: Read>(window: &mut Window<'_, R>, walk: &mut Walk) -> Result<Option<Step>, CaptureError> {
    let have = window.data().len();
    if have < MAX_OBJECT {
        window.fill_object((have * 2).max(have + STEP).min(MAX_OBJECT))?;
        if window.data().len() > have {
            return Ok(Some(Step::Pass(0)));
        }
    }
    Ok(if walk.is_inside() {
        if have < MAX_OBJECT {
            window.truncated();
        }
        Some(walk.give_up(window.data()))
    } else {
        (have >= MAX_OBJECT).then_some(Step::Pass(have))
    })
}

/// A line without what does not belong to it. Tabs stay: between them may be columns with nothing in.
fn trimmed(line: &[u8]) -> &[u8] {
    let mut line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    while let [b' ' | b'\r', rest @ ..] = line {
        line = rest;
    }
    while let [rest @ .., b' ' | b'\r'] = line {
        line = rest;
    }
    line
}

/// Whether a line of a document may be one object: it is not without looking at it closely where it
/// begins or ends otherwise.
fn may_be_one(line: &[u8]) -> bool {
    let is_object = line.first() == Some(&b'{');
    if is_object {
        line.last() == Some(&b'}')
    } else {
        !matches!(line.first(), Some(b'[' | b']' | b',' | b'}' | 0x1e))
    }
}

/// Whether a line that no decoder can read is not one bad object, but several of them, an envelope, or
/// the beginning of one that goes on.
fn is_more_or_less(line: &[u8]) -> bool {
    if line.first() != Some(&b'{') {
        return false;
    }
    match Scan::new().step(line) {
        Found::More | Found::List { .. } => true,
        Found::End(length) => length < line.len(),
        Found::Broken(_) => {
            let seams = [&b"}{"[..], b"},{", b"} {"];
            seams.iter().any(|seam| memchr::memmem::find(line, seam).is_some())
        }
    }
}
