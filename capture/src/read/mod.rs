//! Capture files: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), plain or
//! in gzip (RFC 1952) or zstd (RFC 8878).
//!
//! ```text
//! input ─▶ source (opens compression, counts octets) ─▶ window (bounded buffer) ─▶ pcap │ pcapng ─▶ Recorder
//! ```
//!
//! The readers are our own, because the goals need it. Damage must cost only itself: a reader that
//! stops at the first bad block, as the pcapng one of `pcap-parser` 0.17 does, loses the rest of
//! the file. And the inner loop must not allocate: `pcap-parser` makes a vector of options for
//! each pcapng packet. A test holds ours against `pcap-parser` on sound files. Measurements are in
//! `docs/performance.md`, "Reading captures".

mod pcap;
mod pcapng;
mod people;
mod source;
mod window;

use std::io::{Cursor, Read};
use std::sync::Arc;

use crate::error::CaptureError;
use crate::flowfile;
use crate::flowlog;
use crate::parquet::{self, RandomAccess};
use crate::recorder::Recorder;
use source::{Source, looks_like};
pub(crate) use window::{MAX_BLOCK, MAX_OBJECT, Window};

/// How much of an input is looked at to tell which flow log it is.
const FIRST_LINE: usize = 1 << 16;

/// How much of an input is looked at to tell a flow file by its first frames.
const FIRST: u64 = 1 << 16;

/// A table in Parquet has its footer at its end. One that comes in order is kept whole up to this; beyond, it is to be
/// given as a file.
const MAX_SPOOL: usize = 256 << 20;

/// Reads one whole capture (pcap or pcapng, gzip or zstd opened, recognised by content) into the
/// recorder. `progress` is called now and then with the octets of the input read so far, as they
/// came in (still compressed). Memory is bounded whatever the input says.
///
/// An error means that the input is unusable as a whole; damage inside it is counted in its
/// [`flowfence_model::FileReport`] and reading goes on.
pub fn read_capture(
    input: impl Read,
    name: &str,
    recorder: &mut Recorder,
    progress: &mut dyn FnMut(u64),
) -> Result<(), CaptureError> {
    let number = recorder.begin_input(name);
    let mut input = input;
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first)?;
    if flowfile::may_begin_with(&first) {
        input.by_ref().take(FIRST).read_to_end(&mut first)?;
    }
    let is_flow_file = flowfile::recognise(&first);
    let input = Cursor::new(first).chain(input);
    if is_flow_file {
        let result = flowfile::read(input, recorder, number, progress);
        if result.is_err() {
            recorder.forget_input(number);
        }
        return result;
    }
    let result = Source::open(input).and_then(|source| {
        let mut window = Window::new(source, progress);
        window.fill(24)?;
        if window.data().starts_with(parquet::MAGIC) {
            let octets: Arc<dyn RandomAccess> = Arc::new(window.rest(MAX_SPOOL)?);
            return parquet::read(&octets, recorder, number, &mut |_| {});
        }
        let result = read_window(&mut window, recorder, number);
        window.close(recorder, number);
        result
    });
    if result.is_err() && recorder.report(number).is_some_and(|report| report.packets == 0) {
        recorder.forget_input(number);
    }
    result
}

/// Whether an input that begins with `first_bytes` is a capture that [`read_capture`] understands.
/// 24 octets suffice for a plain one. Compressed beginnings are opened: 512 octets suffice for gzip,
/// zstd gives nothing before its first block is whole (128 KiB at most).
pub fn is_capture(first_bytes: &[u8]) -> bool {
    if flowfile::recognise(first_bytes) {
        return true;
    }
    let Ok(source) = Source::open(first_bytes) else { return false };
    let mut ignore = |_| {};
    let mut window = Window::new(source, &mut ignore);
    // A compressed beginning ends in an error, after what could be opened.
    let _ = window.fill(24);
    pcap::recognise(window.data()) || pcapng::recognise(window.data())
}

fn read_window<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
) -> Result<(), CaptureError> {
    if pcap::recognise(window.data()) {
        pcap::read(window, recorder, input)?;
    } else if pcapng::recognise(window.data()) {
        pcapng::read(window, recorder, input)?;
    } else {
        window.fill(FIRST_LINE)?;
        let seen = flowlog::recognise(window.data());
        let form = recorder.form().or_else(|| seen.clone());
        let formats =
            form.as_ref().and_then(flowlog::Form::format).zip(seen.as_ref().and_then(flowlog::Form::format));
        if let Some((read, seen)) = formats.filter(|(read, seen)| read.token != seen.token) {
            window
                .problem(&format!("looks like {} ({}) and is read as {}", seen.token, seen.name, read.token));
        }
        let Some(form) = form.filter(|_| !window.data().is_empty()) else { return Err(unrecognised(window)) };
        if recorder.has_outlet() {
            return Err(CaptureError::LogIntoFlowFile);
        }
        flowlog::read(window, recorder, input, &form)?;
    }
    Ok(())
}

fn unrecognised<R: Read>(window: &mut Window<'_, R>) -> CaptureError {
    if let Some(failure) = window.failure() {
        return failure;
    }
    let data = window.data();
    match data.len() {
        0 => CaptureError::Empty,
        octets if pcap::is_beginning(data) => CaptureError::HeaderCut { format: "pcap", octets },
        octets if octets < 12 && pcapng::is_beginning(data) => {
            CaptureError::HeaderCut { format: "pcapng", octets }
        }
        _ => looks_like(data),
    }
}
