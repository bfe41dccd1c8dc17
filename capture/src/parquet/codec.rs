//! Compressions of pages, each with the length that must come out.
//!
//! The crate's own codecs trust the page: its gzip gives as much as there is. So pages are opened here, by the
//! same packages, and no further than they say.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;

/// Opens `packed`, which must give `length` octets; `None` when it does not.
pub fn open(codec: Compression, packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let open = match codec {
        Compression::UNCOMPRESSED => packed.to_vec(),
        Compression::SNAPPY => snappy(packed, length)?,
        Compression::GZIP(_) => {
            let mut open = Vec::with_capacity(length);
            MultiGzDecoder::new(packed).take(length as u64 + 1).read_to_end(&mut open).ok()?;
            open
        }
        Compression::ZSTD(_) => zstd::bulk::decompress(packed, length).ok()?,
        Compression::LZ4_RAW => lz4(packed, length)?,
        Compression::LZ4 => hadoop(packed, length).or_else(|| lz4(packed, length))?,
        Compression::BROTLI(_) | Compression::LZO => return None,
    };
    (open.len() == length).then_some(open)
}

/// Whether pages that are compressed so can be opened.
pub fn is_known(codec: Compression) -> bool {
    !matches!(codec, Compression::BROTLI(_) | Compression::LZO)
}

fn snappy(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    if snap::raw::decompress_len(packed).ok()? != length {
        return None;
    }
    let mut open = vec![0; length];
    snap::raw::Decoder::new().decompress(packed, &mut open).ok()?;
    Some(open)
}

fn lz4(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut open = vec![0; length];
    let written = lz4_flex::block::decompress_into(packed, &mut open).ok()?;
    open.truncate(written);
    Some(open)
}

/// Blocks as Hadoop writes them: the length that comes out, the length that goes in, and LZ4.
fn hadoop(mut packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut open = Vec::with_capacity(length);
    let number = |octets: &[u8; 4]| usize::try_from(u32::from_be_bytes(*octets)).ok();
    while let Some((out, rest)) = packed.split_first_chunk() {
        let (within, rest) = rest.split_first_chunk()?;
        let (out, within) = (number(out)?, number(within)?);
        if open.len().checked_add(out)? > length {
            return None;
        }
        let block = rest.get(..within)?;
        let opened = lz4(block, out)?;
        (opened.len() == out).then_some(())?;
        open.extend(opened);
        packed = rest.get(within..)?;
    }
    packed.is_empty().then_some(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_gives_more_than_it_says_is_nothing() {
        let text = vec![b'x'; 100_000];
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&text).unwrap();
        let gzip = encoder.finish().unwrap();
        let zstd = zstd::bulk::compress(&text, 1).unwrap();
        let snappy = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        let lz4 = lz4_flex::block::compress(&text);
        let mut hadoop = 100_000_u32.to_be_bytes().to_vec();
        hadoop.extend(u32::try_from(lz4.len()).unwrap().to_be_bytes());
        hadoop.extend(&lz4);
        for (codec, packed) in [
            (Compression::GZIP(parquet::basic::GzipLevel::default()), gzip),
            (Compression::ZSTD(parquet::basic::ZstdLevel::default()), zstd),
            (Compression::SNAPPY, snappy),
            (Compression::LZ4_RAW, lz4.clone()),
            (Compression::LZ4, hadoop),
            (Compression::LZ4, lz4),
        ] {
            assert_eq!(open(codec, &packed, text.len()).as_ref(), Some(&text), "{codec}");
            for wrong in [0, 1, 99_999, 100_001] {
                assert_eq!(open(codec, &packed, wrong), None, "{codec} {wrong}");
            }
            assert_eq!(open(codec, &packed[..packed.len() - 1], text.len()), None, "{codec}");
        }
    }
}
