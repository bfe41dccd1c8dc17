//! Lines of an input, each whole in the window.

use std::io::Read;

use crate::error::CaptureError;
use crate::read::{MAX_BLOCK, Window};

/// How much of a line is looked for at a time.
const STEP: usize = 1 << 13;
/// Octets of a bad line that are shown.
const SAMPLE: usize = 80;

/// What comes next.
pub enum Next {
    /// A line of so many octets, at the front of the window; its end follows.
    Line(usize),
    /// A line beyond the limit.
    TooLong,
    /// Nothing.
    End,
}

/// Looks for the end of the next line; one that is too long is passed over.
pub fn next<R: Read>(window: &mut Window<'_, R>) -> Result<Next, CaptureError> {
    let next = find(window)?;
    if matches!(next, Next::TooLong) {
        pass_over(window)?;
    }
    Ok(next)
}

/// Looks for the end of the next line, and passes nothing.
pub fn find<R: Read>(window: &mut Window<'_, R>) -> Result<Next, CaptureError> {
    let mut looked = 0;
    loop {
        let data = window.data();
        if let Some(at) = memchr::memchr(b'\n', data.get(looked..).unwrap_or_default()) {
            return Ok(Next::Line(looked + at));
        }
        looked = data.len();
        if looked >= MAX_BLOCK {
            return Ok(Next::TooLong);
        }
        if !window.fill(looked + STEP)? && window.data().len() == looked {
            return Ok(if looked == 0 { Next::End } else { Next::Line(looked) });
        }
    }
}

/// Passes over the end of the line that was used.
pub fn pass_end<R: Read>(window: &mut Window<'_, R>) {
    if window.data().first() == Some(&b'\n') {
        window.consume(1);
    }
}

fn pass_over<R: Read>(window: &mut Window<'_, R>) -> Result<(), CaptureError> {
    loop {
        let data = window.data();
        if let Some(at) = memchr::memchr(b'\n', data) {
            window.skip(at + 1);
            return Ok(());
        }
        window.skip(data.len());
        if !window.fill(1)? {
            return Ok(());
        }
    }
}

/// The beginning of a line, for people.
pub fn sample(line: &[u8]) -> String {
    let cut = line.get(..SAMPLE).unwrap_or(line);
    let more = if cut.len() < line.len() { "…" } else { "" };
    let text: String = String::from_utf8_lossy(cut).chars().filter(|c| !c.is_control()).collect();
    format!("{text}{more}")
}
