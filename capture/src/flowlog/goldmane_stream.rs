//! Flows of Calico's Goldmane as its gRPC service streams them (`goldmane.Flows/Stream`).
//!
//! Goldmane keeps flows in buckets of 15 s, for an hour, and sends a bucket once it is nearly complete; who asks for the
//! past is first sent all buckets since then, in the order of their time. A connection breaks, and the next one
//! asks from a minute before the latest bucket on: so nothing is lost that the server still has. What comes again is known by its
//! bucket and key, and counts for what it has more by then: nodes report late, too.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use flowfence_model::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use prost::Message as _;

use super::entry::Skip;
use super::goldmane::one;
use super::goldmane_counts::Counted;
use super::goldmane_message::{KeyMessage, ListRequest, ListResult, ResultMessage, StreamRequest};
use super::heard::Heard;
use crate::cause::Cause;
use crate::recorder::Recorder;

/// The width of a bucket in seconds, which cannot be another.
const BUCKET: i64 = 15;
/// How far back a server is asked at first. It has an hour, of which the oldest bucket may go while it answers; of one
/// who asks for more than there is it sends nothing of the past.
const HISTORY: i64 = 3570;
/// How far before the latest bucket a new connection begins to ask, in seconds: nodes report every 15 s, and a bucket is
/// sent up to 30 s after its end.
const OVERLAP: i64 = 60;
/// Buckets of which flows are remembered: those of the overlap, the one at its beginning and the one that is being sent,
/// and two more.
const BUCKETS: usize = 8;
/// Flows that are remembered, of all buckets together: some 70 octets each.
const REMEMBERED: usize = 1 << 18;

/// One server's flows, over as many connections as it takes.
#[derive(Debug, Default)]
pub struct GoldmaneStream {
    /// The beginning of the latest bucket that came.
    last: Option<i64>,
    /// What that was when the present connection began, unless that is the first one.
    seam: Option<Seam>,
    recent: Recent,
    repeated: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seam {
    at: i64,
    /// The first bucket behind it, when nothing came of one before. A bucket that is complete just then may come before
    /// those of the past; if a second one does, the past does not come.
    news: Option<i64>,
    /// Whether its two sides were seen to overlap, or were found not to.
    is_closed: bool,
}

impl GoldmaneStream {
    /// The request (`FlowListRequest`) for one flow of the last minute: it tells how many there are.
    pub fn glance() -> Vec<u8> {
        let request =
            ListRequest { start_time_gte: -60, page: 0, page_size: 1, aggregation_interval: BUCKET };
        request.encode_to_vec()
    }

    /// How many flows the answer to [`GoldmaneStream::glance`] says that there are.
    pub fn glanced(octets: &[u8]) -> Option<u64> {
        let list = ListResult::decode(octets).ok()?;
        Some(list.meta.map_or(0, |meta| u64::try_from(meta.total_results).unwrap_or(0)))
    }

    /// The request (`FlowStreamRequest`) that begins the next connection: everything that the server still has, at
    /// first, and later what was not heard; then what comes. No bucket is taken to begin later than `now`,
    /// whatever a damaged message says.
    pub fn connect(&mut self, now: Timestamp, recorder: &mut Recorder, input: u32) -> Vec<u8> {
        let now = now.as_nanos().div_euclid(1_000_000_000);
        if self.seam.is_some_and(|seam| !seam.is_closed && seam.news.is_some()) {
            recorder.log(input).tally.add(Cause::LogLost);
        }
        self.last = self.last.map(|last| last.min(now));
        self.seam = self.last.map(|at| Seam { at, news: None, is_closed: false });
        // Seconds since 1970, or of the past where the server no longer has what would be asked for.
        let since = self.last.map(|last| last - OVERLAP).filter(|since| *since > now - HISTORY);
        let request =
            StreamRequest { start_time_gte: since.unwrap_or(-HISTORY), aggregation_interval: BUCKET };
        request.encode_to_vec()
    }

    /// Messages that came again with nothing new, so far.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Takes one message (`FlowResult`).
    pub fn take(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Heard {
        let read = self.message(octets, recorder, input);
        let heard = Heard::note(read, octets.len(), recorder, input);
        self.repeated += u64::from(heard == Heard::Repeated);
        heard
    }

    fn message(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Result<Heard, Skip> {
        const BAD: Skip = Skip::Bad("not the message of a Calico flow");
        let flow = ResultMessage::decode(octets).map_err(|_| BAD)?.flow.ok_or(BAD)?;
        let key = KeyMessage::decode(flow.key.as_slice()).map_err(|_| BAD)?;
        let bucket = flow.start_time;
        if bucket <= 0 {
            return Err(Skip::Other(Cause::LogIncomplete));
        }
        let told = flow.flow();
        let counted = Counted::of(&told);
        let known = self.recent.known(bucket, &flow.key, &counted);
        let (is_old, is_gap) = self.note(bucket, matches!(known, Known::Before(_)));
        let mut sink = recorder.log(input);
        if is_gap {
            // How many there were nobody knows.
            sink.tally.add(Cause::LogLost);
        }
        let before = match known {
            _ if is_old => return Ok(Heard::Repeated),
            Known::Before(before) if counted.is_within(&before) => return Ok(Heard::Repeated),
            Known::Before(before) => before,
            // What is not remembered for want of room, and lies before the seam, came most likely.
            Known::Forgotten if self.seam.is_some_and(|seam| bucket <= seam.at) => {
                return Ok(Heard::Repeated);
            }
            Known::New | Known::Forgotten => Counted::default(),
        };
        one(&told, &key.key(), &before, &mut sink)?;
        Ok(Heard::News)
    }

    /// Notes a bucket: whether it lies so far before the seam that it was heard, and whether it shows that something
    /// between the connections was not.
    fn note(&mut self, bucket: i64, is_known: bool) -> (bool, bool) {
        self.last = Some(self.last.map_or(bucket, |last| last.max(bucket)));
        let Some(seam) = &mut self.seam else { return (false, false) };
        let mut is_gap = false;
        if is_known || bucket <= seam.at {
            seam.is_closed = true;
        } else if !seam.is_closed {
            is_gap = seam.news.is_some_and(|first| first != bucket);
            seam.is_closed = is_gap;
            seam.news.get_or_insert(bucket);
        }
        (bucket.saturating_add(OVERLAP + BUCKET) < seam.at, is_gap)
    }
}

/// What is remembered of a flow in a bucket.
enum Known {
    /// It came with these counts.
    Before(Counted),
    /// It did not come.
    New,
    /// It may have come when there was no room.
    Forgotten,
}

/// Flows of the latest buckets, with what was counted of them.
#[derive(Debug, Default)]
struct Recent {
    seed: RandomState,
    /// By the order in which buckets began to come.
    buckets: VecDeque<(i64, Bucket)>,
    flows: usize,
    /// The latest of those that are remembered no more.
    forgotten: Option<i64>,
}

#[derive(Debug, Default)]
struct Bucket {
    flows: HashMap<u64, Counted, RandomState>,
    /// Whether some found no room, or were forgotten.
    is_cut: bool,
}

impl Recent {
    /// What is remembered of a flow, which is remembered with the larger counts from here on.
    fn known(&mut self, bucket: i64, key: &[u8], counted: &Counted) -> Known {
        let hash = self.seed.hash_one(key);
        if !self.buckets.iter().any(|(start, _)| *start == bucket) {
            let is_cut = self.forgotten.is_some_and(|latest| bucket <= latest);
            self.buckets.push_back((bucket, Bucket { is_cut, ..Bucket::default() }));
            if self.buckets.len() > BUCKETS
                && let Some((start, oldest)) = self.buckets.pop_front()
            {
                self.flows -= oldest.flows.len();
                self.forgotten = Some(self.forgotten.map_or(start, |latest| latest.max(start)));
            }
        }
        let Some((_, known)) = self.buckets.iter_mut().find(|(start, _)| *start == bucket) else {
            return Known::New;
        };
        if let Some(before) = known.flows.get_mut(&hash) {
            let known = *before;
            before.widen(counted);
            return Known::Before(known);
        }
        if self.flows >= REMEMBERED {
            known.is_cut = true;
            return Known::Forgotten;
        }
        self.flows += 1;
        known.flows.insert(hash, *counted);
        if known.is_cut { Known::Forgotten } else { Known::New }
    }
}

#[cfg(test)]
mod tests;
