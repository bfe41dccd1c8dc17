//! What a row says that became of it.
//!
//! A row may have what several policies said, one after another: what one let through the next may have stopped.

use std::borrow::Cow;

use flowfence_model::logged::{LoggedVerdict, NameId};
use serde_json::Value;

use super::row::Row;
use super::{Mapping, NameFields, Verdicts, decode};
use crate::cause::Cause;
use crate::flowlog::Sink;
use crate::flowlog::entry::Skip;

/// Stands for every place of a list.
const EVERY: &str = "/*";

/// What became of a row.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    /// The verdict.
    pub verdict: LoggedVerdict,
    /// The place of the list at which it stands.
    place: usize,
}

/// What became of it; why the row cannot be used, when it does not tell or in words that are not known.
pub fn decided(mapping: &Mapping, row: &Row<'_>) -> Result<Decided, Skip> {
    let unsaid = if is_lost(mapping, row) { LoggedVerdict::Dropped } else { LoggedVerdict::Allowed };
    let unsaid = Decided { verdict: unsaid, place: 0 };
    let Some(verdicts) = &mapping.verdict else { return Ok(unsaid) };
    let (mut worst, mut is_there, mut is_known) = (unsaid, false, true);
    for field in &verdicts.field {
        for place in 0..places(row, field) {
            let Some(text) = row.text(&at(row, field, place)) else { continue };
            is_there = true;
            match verdicts.of(&text) {
                Some(verdict) if rank(verdict) > rank(worst.verdict) => worst = Decided { verdict, place },
                Some(_) => {}
                None => is_known = false,
            }
        }
    }
    let must_be_there = !verdicts.allowed.is_empty() && !verdicts.absent;
    if worst.verdict.is_attempt() || (is_known && (is_there || !must_be_there)) {
        Ok(worst)
    } else {
        Err(Skip::Other(if is_there { Cause::LogOther } else { Cause::LogIncomplete }))
    }
}

/// Whether all packets were dropped.
fn is_lost(mapping: &Mapping, row: &Row<'_>) -> bool {
    let count = |field: Option<&String>| field.and_then(|field| decode::number(row, field)).unwrap_or(0);
    let dropped = count(mapping.counts.dropped.as_ref());
    dropped > 0 && dropped >= count(mapping.counts.packets.as_ref())
}

/// The policy that decided.
pub fn policy(
    fields: Option<&NameFields>,
    decided: Decided,
    row: &Row<'_>,
    to: &mut Sink<'_>,
) -> Option<NameId> {
    let fields = fields?;
    let here = NameFields {
        namespace: fields.namespace.as_ref().map(|field| at(row, field, decided.place).into_owned()),
        name: at(row, &fields.name, decided.place).into_owned(),
    };
    decode::name(Some(&here), row, to)
}

impl Verdicts {
    /// The verdict that a value is; `None` for one that is not known.
    fn of(&self, text: &str) -> Option<LoggedVerdict> {
        let lists = [
            (&self.denied, LoggedVerdict::Denied),
            (&self.would_deny, LoggedVerdict::WouldDeny),
            (&self.dropped, LoggedVerdict::Dropped),
            (&self.allowed, LoggedVerdict::Allowed),
        ];
        let found = lists.into_iter().find(|(values, _)| values.iter().any(|value| is(value, text)));
        found.map(|(_, verdict)| verdict).or(self.allowed.is_empty().then_some(LoggedVerdict::Allowed))
    }
}

fn is(value: &str, text: &str) -> bool {
    match value.strip_suffix('*') {
        Some(begin) => text.get(..begin.len()).is_some_and(|text| text.eq_ignore_ascii_case(begin)),
        None => decode::same(value, text),
    }
}

/// A policy's word before that of anything else.
fn rank(verdict: LoggedVerdict) -> u8 {
    match verdict {
        LoggedVerdict::Allowed => 0,
        LoggedVerdict::WouldDeny => 1,
        LoggedVerdict::Dropped => 2,
        LoggedVerdict::Denied => 3,
    }
}

/// How many places of the list a field stands for; a table has the first only.
fn places(row: &Row<'_>, field: &str) -> usize {
    let list = field.split_once(EVERY).and_then(|(list, _)| row.value(list));
    list.and_then(Value::as_array).map_or(1, Vec::len)
}

fn at<'f>(row: &Row<'_>, field: &'f str, place: usize) -> Cow<'f, str> {
    match (row, field.split_once(EVERY)) {
        (Row::Json(_), Some((list, within))) => Cow::Owned(format!("{list}/{place}{within}")),
        _ => Cow::Borrowed(field),
    }
}
