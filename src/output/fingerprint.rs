//! The id of a finding as the short token that some readers want: the same for the same thing in every run.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

/// The first 128 bits of the SHA-256 of `id` in hexadecimal. Nobody can name an object so that its finding has the
/// fingerprint of another's, which somebody may have dismissed.
pub fn of(id: &str) -> String {
    let mut text = String::with_capacity(32);
    for octet in digest(&SHA256, id.as_bytes()).as_ref().iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        assert_eq!(super::of("abc"), "ba7816bf8f01cfea414140de5dae2223");
    }
}
