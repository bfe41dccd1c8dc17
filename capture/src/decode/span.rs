//! Octets on the wire of which the first ones were captured.

use crate::cause::Cause;

/// A part of a packet: what was captured, and how long it was on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    /// What was captured.
    pub data: &'a [u8],
    /// Octets on the wire; never less than `data.len()`.
    pub wire: usize,
}

impl<'a> Span<'a> {
    /// A whole packet. An original length below the captured one is a lie that good captures tell.
    pub fn new(data: &'a [u8], original_len: u32) -> Self {
        Span { data, wire: data.len().max(original_len as usize) }
    }

    /// What follows after `n` octets; `malformed` when the wire had fewer, [`Cause::TruncatedHeaders`]
    /// when only the capture has.
    pub fn skip(self, n: usize, malformed: Cause) -> Result<Self, Cause> {
        match self.data.get(n..) {
            Some(data) => Ok(Span { data, wire: self.wire - n }),
            None => Err(self.lacks(n, malformed)),
        }
    }

    /// The first `N` octets; errors as [`Span::skip`].
    pub fn head<const N: usize>(self, malformed: Cause) -> Result<&'a [u8; N], Cause> {
        self.data.first_chunk().ok_or_else(|| self.lacks(N, malformed))
    }

    /// Why the first `n` octets are not there.
    pub fn lacks(self, n: usize, malformed: Cause) -> Cause {
        if self.wire < n { malformed } else { Cause::TruncatedHeaders }
    }

    /// The octet at `i`, when it was captured.
    pub fn octet(self, i: usize) -> Option<u8> {
        self.data.get(i).copied()
    }

    /// The big-endian 16-bit word at `i`, when it was captured.
    pub fn word(self, i: usize) -> Option<u16> {
        self.data.get(i..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
    }
}
