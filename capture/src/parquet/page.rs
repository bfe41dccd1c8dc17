//! The pages of one column in one row group, bounded whatever they say.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;

use super::head::{Head, PageKind};
use super::{RandomAccess, codec, delta};

/// A page beyond this is refused, opened or not. Writers make pages of 1 MiB, some of a whole row group.
const MAX_PAGE: usize = 64 << 20;
/// A dictionary beyond this is refused: its values take several times as much. Writers stop at 1 or 2 MiB.
const MAX_DICTIONARY: usize = 8 << 20;
/// Values of a page.
const MAX_VALUES: u32 = 1 << 24;
/// A page where a value may be the one before and more: each of its values may be as long as all of it.
const MAX_GROWING: usize = 4 << 20;
/// Read at once when a page is begun: most are whole in it.
const FIRST: u64 = 1 << 16;
/// The head of a page beyond this is damage: it has the smallest and largest value, which writers cut.
const MAX_HEAD: u64 = 1 << 20;

/// Pages from the front.
pub struct Pages {
    file: Arc<dyn RandomAccess>,
    codec: Compression,
    kind: Type,
    /// How wide a value is that has a fixed width.
    width: usize,
    offset: u64,
    left: u64,
    has_dictionary: bool,
    /// Kinds of levels that stand before values.
    levels: u8,
    /// Whether values may be told by those before them, as the footer says.
    may_grow: bool,
}

impl Pages {
    /// Those of a column.
    pub fn new(file: Arc<dyn RandomAccess>, chunk: &ColumnChunkMetaData) -> Self {
        let start = chunk
            .dictionary_page_offset()
            .filter(|at| *at > 0)
            .map_or(chunk.data_page_offset(), |at| at.min(chunk.data_page_offset()));
        // What is not in the file is not read.
        let start = u64::try_from(start).unwrap_or(u64::MAX);
        let left = file.size().saturating_sub(start).min(u64::try_from(chunk.compressed_size()).unwrap_or(0));
        let width = match chunk.column_type() {
            Type::BOOLEAN => 0,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => {
                usize::try_from(chunk.column_descr().type_length()).unwrap_or(0).max(1)
            }
        };
        let (codec, kind) = (chunk.compression(), chunk.column_type());
        let column = chunk.column_descr();
        let levels = u8::from(column.max_def_level() > 0) + u8::from(column.max_rep_level() > 0);
        let may_grow = grows(chunk);
        Pages { file, codec, kind, width, offset: start, left, has_dictionary: false, levels, may_grow }
    }

    fn next_page(&mut self) -> Option<Result<Page>> {
        loop {
            if self.left == 0 {
                return None;
            }
            let (head, packed) = match self.next_head() {
                Ok(next) => next,
                Err(error) => {
                    self.left = 0;
                    return Some(Err(error));
                }
            };
            if head.kind() == PageKind::Other {
                continue;
            }
            let page = self.page(&head, &packed);
            return Some(page.ok_or_else(|| wrong("a page is damaged, or larger than pages are")));
        }
    }

    /// The next head, and the octets behind it.
    fn next_head(&mut self) -> Result<(Head, Bytes)> {
        let mut wanted = self.left.min(FIRST);
        loop {
            let first = Bytes::from(self.octets(self.offset, wanted)?);
            let Some((head, begin)) = Head::read(&first) else {
                if wanted >= self.left.min(MAX_HEAD) {
                    return Err(wrong("the head of a page is damaged"));
                }
                wanted = self.left.min(MAX_HEAD);
                continue;
            };
            let lengths = head.lengths().filter(|(packed, open)| (*packed).max(*open) <= MAX_PAGE);
            let Some((packed, _)) = lengths else {
                return Err(wrong("a page is larger than pages are"));
            };
            let begin = begin as u64;
            let whole = begin + packed as u64;
            if whole > self.left {
                return Err(wrong("a page goes beyond its column"));
            }
            let octets = if whole <= wanted {
                let to = usize::try_from(whole).unwrap_or(first.len());
                first.slice(to - packed..to)
            } else {
                Bytes::from(self.octets(self.offset + begin, packed as u64)?)
            };
            self.offset += whole;
            self.left -= whole;
            return Ok((head, octets));
        }
    }

    fn octets(&self, at: u64, length: u64) -> Result<Vec<u8>> {
        self.file.octets(at, usize::try_from(length).unwrap_or(usize::MAX)).map_err(ParquetError::from)
    }

    fn page(&mut self, head: &Head, packed: &Bytes) -> Option<Page> {
        let (_, length) = head.lengths()?;
        match head.kind() {
            PageKind::Dictionary => {
                let num_values = head.count(1)?;
                // Each takes its room, so that there cannot be more than fit.
                let is_sound = length <= MAX_DICTIONARY
                    && self.width > 0
                    && (num_values as usize).checked_mul(self.width)? <= length;
                if !is_sound || self.has_dictionary {
                    return None;
                }
                self.has_dictionary = true;
                let buf = self.open(packed, length)?;
                let encoding = head.encoding(2)?;
                Some(Page::DictionaryPage { buf, num_values, encoding, is_sorted: false })
            }
            PageKind::Data => {
                let num_values = head.count(1).filter(|count| *count <= MAX_VALUES)?;
                let encoding = self.usable(head.encoding(2)?)?;
                let buf = self.open(packed, length)?;
                let (def_level_encoding, rep_level_encoding) = (head.encoding(3)?, head.encoding(4)?);
                // Where lengths are looked at, levels are passed over by their own, which only this one has.
                let is_new = [def_level_encoding, rep_level_encoding] == [Encoding::RLE; 2];
                if is_delta(encoding) && self.levels > 0 && !is_new {
                    return None;
                }
                self.check(encoding, &buf, num_values, false)?;
                Some(Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics: None,
                })
            }
            PageKind::DataV2 => self.page_v2(head, packed, length),
            PageKind::Other => None,
        }
    }

    /// Levels come first and are never compressed.
    fn page_v2(&self, head: &Head, packed: &Bytes, length: usize) -> Option<Page> {
        let num_values = head.count(1).filter(|count| *count <= MAX_VALUES)?;
        let num_nulls = head.count(2).filter(|count| *count <= num_values)?;
        let num_rows = head.count(3).filter(|count| *count <= num_values)?;
        let encoding = self.usable(head.encoding(4)?)?;
        let (def_levels_byte_len, rep_levels_byte_len) = (head.count(5)?, head.count(6)?);
        let levels = (def_levels_byte_len as usize).checked_add(rep_levels_byte_len as usize)?;
        let is_compressed = head.flag(7).unwrap_or(true);
        let buf = if is_compressed && self.codec != Compression::UNCOMPRESSED {
            let mut open = packed.get(..levels)?.to_vec();
            let values = length.checked_sub(levels)?;
            if values > 0 {
                open.extend(self.open(&packed.slice(levels..), values)?);
            }
            Bytes::from(open)
        } else {
            packed.clone()
        };
        let values = buf.get(levels..)?;
        self.check(encoding, values, num_values, true)?;
        Some(Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls,
            num_rows,
            def_levels_byte_len,
            rep_levels_byte_len,
            is_compressed: false,
            statistics: None,
        })
    }

    fn open(&self, packed: &Bytes, length: usize) -> Option<Bytes> {
        match self.codec {
            Compression::UNCOMPRESSED => (packed.len() == length).then(|| packed.clone()),
            _ if length == 0 => Some(Bytes::new()),
            codec => codec::open(codec, packed, length).map(Bytes::from),
        }
    }

    /// The encoding, when a column of this kind may have it, and has what it takes.
    fn usable(&self, encoding: Encoding) -> Option<Encoding> {
        let is_text = matches!(self.kind, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
        let is_usable = match encoding {
            Encoding::PLAIN => true,
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY => self.has_dictionary,
            Encoding::RLE => self.kind == Type::BOOLEAN,
            Encoding::DELTA_BINARY_PACKED => matches!(self.kind, Type::INT32 | Type::INT64),
            Encoding::DELTA_LENGTH_BYTE_ARRAY => self.kind == Type::BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY => is_text,
            Encoding::BYTE_STREAM_SPLIT => {
                !matches!(self.kind, Type::BOOLEAN | Type::BYTE_ARRAY | Type::INT96)
            }
            _ => false,
        };
        is_usable.then_some(encoding)
    }

    /// Whether what is within values, and makes room, is as much as it can be. `is_apart`: levels are not in
    /// front of them.
    fn check(&self, encoding: Encoding, values: &[u8], count: u32, is_apart: bool) -> Option<()> {
        let count = count as usize;
        if self.kind == Type::FIXED_LEN_BYTE_ARRAY && encoding == Encoding::PLAIN {
            return (count.checked_mul(self.width)? <= MAX_PAGE).then_some(());
        }
        if !is_delta(encoding) {
            return Some(());
        }
        let values = if is_apart { values } else { self.behind_levels(values)? };
        let (_, rest) = delta::count(values, count)?;
        if encoding == Encoding::DELTA_BYTE_ARRAY {
            (self.may_grow && values.len() <= MAX_GROWING).then_some(())?;
            delta::count(rest, count)?;
        }
        Some(())
    }

    /// Values of a page without its levels, each with their length before them.
    fn behind_levels<'a>(&self, page: &'a [u8]) -> Option<&'a [u8]> {
        (0..self.levels).try_fold(page, |page, _| {
            let (length, rest) = page.split_first_chunk::<4>()?;
            rest.get(usize::try_from(u32::from_le_bytes(*length)).ok()?..)
        })
    }
}

/// Whether there are streams of lengths among values.
fn is_delta(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY)
}

/// Whether a value of a column may be the one before and more.
pub fn grows(chunk: &ColumnChunkMetaData) -> bool {
    chunk.encodings().any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY)
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_page()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.next_page().transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(wrong("pages are read one after another"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(wrong("pages are read one after another"))
    }

    /// A row ends where the next one begins, or with the column.
    fn at_record_boundary(&mut self) -> Result<bool> {
        Ok(self.left == 0)
    }
}

fn wrong(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}
