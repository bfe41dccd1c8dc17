//! When a row was.

use std::time::Duration;

use flowfence_model::Timestamp;

use super::decode::whole;
use super::row::Row;
use super::{TimeFields, Unit};
use crate::flowlog::entry::Skip;
use crate::flowlog::text;

/// Beginning and end of a row; `None` when it has neither.
pub fn interval(fields: &TimeFields, row: &Row<'_>) -> Result<Option<(Timestamp, Timestamp)>, Skip> {
    let unit = |field: &String| fields.units.get(field).copied().unwrap_or(fields.unit);
    let read = |names: &[String]| names.iter().find_map(|field| moment(&row.text(field)?, unit(field)));
    let first = read(&fields.first);
    let last = read(&fields.last);
    let is_told = |field: &String| row.text(field).is_some_and(|text| whole(&text) != Some(0));
    if first.or(last).is_none() && fields.first.iter().chain(&fields.last).any(is_told) {
        return Err(Skip::Bad("the time cannot be read"));
    }
    let took = fields.duration.as_ref().and_then(|field| row.text(field)?.parse::<f64>().ok());
    let took = took.filter(|secs| (0.0..1e9).contains(secs)).map(Duration::from_secs_f64);
    let Some(first) = first.or(last) else { return Ok(None) };
    let last = last.unwrap_or_else(|| took.map_or(first, |took| first.plus(took)));
    Ok(Some((first.min(last), first.max(last))))
}

/// A moment; 0 is none.
fn moment(text: &str, unit: Unit) -> Option<Timestamp> {
    let nanos = |scale: i64| i64::try_from(whole(text)?).ok()?.checked_mul(scale).map(Timestamp::from_nanos);
    let number = match unit {
        Unit::S => text::epoch(text.as_bytes()),
        Unit::Ms => nanos(1_000_000),
        Unit::Us => nanos(1_000),
        Unit::Ns => nanos(1),
    };
    number.filter(|at| at.as_nanos() > 0).or_else(|| text::rfc3339(text))
}
