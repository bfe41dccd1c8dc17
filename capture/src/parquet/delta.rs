//! Streams of differences (`DELTA_BINARY_PACKED`), as far as their length goes.
//!
//! A stream says how many numbers it has, and where they are lengths of texts the crate makes room for as many.

use super::compact::Compact;

/// How many numbers a stream says that it has, and what follows it; `None` when it cannot be that many.
pub fn count(stream: &[u8], most: usize) -> Option<(usize, &[u8])> {
    let mut head = Compact::new(stream);
    let block = usize::try_from(head.unsigned()?).ok()?;
    let pieces = usize::try_from(head.unsigned()?).ok()?;
    let count = usize::try_from(head.unsigned()?).ok()?;
    head.number()?;
    let mut rest = stream.get(head.used()..)?;
    let size = block.checked_div(pieces)?;
    let is_sound = block.is_multiple_of(128) && size.is_multiple_of(32) && size > 0 && block <= 1 << 16;
    if count > most || !is_sound {
        return None;
    }
    // The first is in the head.
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let mut head = Compact::new(rest);
        head.number()?;
        rest = rest.get(head.used()..)?;
        let (widths, packed) = rest.split_at_checked(pieces)?;
        rest = packed;
        for width in widths {
            if left == 0 {
                break;
            }
            (*width <= 64).then_some(())?;
            // The last one may be cut to what is in it.
            let octets = (size / 8 * usize::from(*width)).min(rest.len());
            rest = rest.get(octets..)?;
            left = left.saturating_sub(size);
        }
    }
    Some((count, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_where_its_blocks_end() {
        // 128 a block, 4 pieces, 5 numbers from 7 on: 7 5 3 1 2, the example of the format's description.
        let stream = [0x80, 0x01, 4, 5, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb];
        assert_eq!(count(&stream, 5), Some((5, &[0xaa, 0xbb][..])));
        assert_eq!(count(&stream, 4), None);
    }

    #[test]
    fn what_cannot_be_is_none() {
        assert_eq!(count(&[0x80, 0x01, 0, 5, 14], 100), None);
        assert_eq!(count(&[0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0x7f, 0], 1 << 24), None);
        assert_eq!(count(&[], 1), None);
    }
}
