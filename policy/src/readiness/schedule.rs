//! When a CronJob runs next. This file alone names the crate that reads schedules.

use cronexpr::{FallbackTimezoneOption, MakeTimestamp, ParseOptions, parse_crontab_with};
use flowfence_model::Timestamp;
use flowfence_model::object::Schedule;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Words for schedules (`batch/v1` takes those of robfig/cron), and their five fields.
const WORDS: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Why nobody can say when it runs next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The controller counts from when it started, which no object tells.
    #[error("{0:?} counts from the start of the controller manager")]
    Relative(String),
    /// Not a schedule of `batch/v1`.
    #[error("{0:?} is no schedule: five fields, or a word such as @daily")]
    Invalid(String),
    /// No zone of that name.
    #[error("no time zone is called {0:?}")]
    UnknownZone(String),
    /// A date that does not exist, such as the 31st of February.
    #[error("{0:?} names no date of the next four years")]
    Never(String),
}

/// The first run after `at`; a schedule without a zone is read in UTC, as controller managers
/// run. A suspended one is told as if it were not.
pub fn next_run(schedule: &Schedule, at: Timestamp) -> Result<Timestamp, ScheduleError> {
    let zone = zone(schedule)?;
    let cron = fields(&schedule.cron)?;
    let invalid = || ScheduleError::Invalid(schedule.cron.clone());
    let options = {
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        options
    };
    let crontab = parse_crontab_with(&cron, options).map_err(|_| invalid())?;
    // The crate's own zones are those of the machine. It steps through the calendar of the zone
    // as if that were UTC; what a clock shows there becomes a moment again with zones of our own.
    let moment = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).map_err(|_| invalid())?;
    let civil = at_nanos(&TimeZone::UTC, zone.to_datetime(moment)).ok_or_else(invalid)?;
    let start = MakeTimestamp::from_nanosecond(civil).map_err(|_| invalid())?;
    let runs = crontab.iter_after(start).map_err(|_| invalid())?;
    // Where a clock is set back it shows one time twice, and the first may be over.
    for run in runs.take(TWICE) {
        let run = run.map_err(|_| ScheduleError::Never(schedule.cron.clone()))?;
        let there =
            jiff::Timestamp::from_nanosecond(run.timestamp().as_nanosecond()).map_err(|_| invalid())?;
        let shows = zone.to_ambiguous_timestamp(TimeZone::UTC.to_datetime(there));
        let moments = [shows.compatible(), shows.later()];
        if let Some(next) = moments.into_iter().filter_map(Result::ok).find(|next| *next > moment) {
            return Ok(Timestamp::from_nanos(i64::try_from(next.as_nanosecond()).unwrap_or(i64::MAX)));
        }
    }
    Err(invalid())
}

/// Runs that are looked at: no clock is set back by more than three hours.
const TWICE: usize = 200;

/// The moment at which a clock in `zone` shows a time.
fn at_nanos(zone: &TimeZone, shows: jiff::civil::DateTime) -> Option<i128> {
    zone.to_timestamp(shows).ok().map(jiff::Timestamp::as_nanosecond)
}

/// From zones that the program carries: the same on every machine.
fn zone(schedule: &Schedule) -> Result<TimeZone, ScheduleError> {
    let Some(name) = &schedule.time_zone else { return Ok(TimeZone::UTC) };
    let known = TimeZoneDatabase::bundled().get(name);
    known.map_err(|_| ScheduleError::UnknownZone(name.clone()))
}

/// Five fields as the crate reads them the way the API server does: `?` is `*`, and only a bare
/// `*` leaves the choice of days to the other field of days.
fn fields(text: &str) -> Result<String, ScheduleError> {
    let invalid = || ScheduleError::Invalid(text.to_owned());
    let text = text.trim();
    if text.starts_with("@every") {
        return Err(ScheduleError::Relative(text.to_owned()));
    }
    let text = WORDS.iter().find(|(word, _)| *word == text).map_or(text, |(_, fields)| fields);
    let parts: Vec<String> = text.split_ascii_whitespace().map(|part| part.replace('?', "*")).collect();
    let [minute, hour, day, month, weekday] = parts.as_slice() else { return Err(invalid()) };
    if parts.iter().any(|part| part.contains(['H', 'L', 'W', '#']) && !is_name(part)) {
        return Err(invalid());
    }
    let day = day.replace("*/", "1-31/");
    let weekday = weekday.replace("*/", "0-6/");
    Ok(format!("{minute} {hour} {day} {month} {weekday}"))
}

/// Whether letters in it are names of months or days; the crate knows letters with other meanings.
fn is_name(part: &str) -> bool {
    const NAMES: &[&str] = &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "SUN", "MON",
        "TUE", "WED", "THU", "FRI", "SAT",
    ];
    let words = part.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.into_iter().all(|word| NAMES.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(cron: &str, zone: Option<&str>, at: &str) -> Result<String, ScheduleError> {
        let schedule =
            Schedule { cron: cron.to_owned(), time_zone: zone.map(str::to_owned), suspended: false };
        next_run(&schedule, at.parse().unwrap()).map(|moment| moment.to_string())
    }

    #[test]
    fn the_next_run_is_after_the_moment_in_the_zone_of_the_job() {
        let at = "2026-11-24T17:49:00Z"; // a Tuesday
        let cases = [
            ("*/5 * * * *", None, "2026-11-24T17:50:00.000000Z"),
            ("49 17 * * *", None, "2026-11-25T17:49:00.000000Z"),
            ("0 3 * * *", None, "2026-11-25T03:00:00.000000Z"),
            ("0 3 * * *", Some("Europe/Berlin"), "2026-11-25T02:00:00.000000Z"),
            ("0 3 * * *", Some("America/New_York"), "2026-11-25T08:00:00.000000Z"),
            ("@monthly", None, "2026-12-01T00:00:00.000000Z"),
            ("@weekly", None, "2026-11-29T00:00:00.000000Z"),
            ("0 0 ? JAN MON", None, "2027-01-04T00:00:00.000000Z"),
            ("0 0 29 2 *", None, "2028-02-29T00:00:00.000000Z"),
            // Both days restricted: either will do. A step restricts, as robfig/cron has it.
            ("0 0 1 * FRI", None, "2026-11-27T00:00:00.000000Z"),
            ("0 0 */2 * FRI", None, "2026-11-25T00:00:00.000000Z"),
        ];
        for (cron, zone, expected) in cases {
            assert_eq!(next(cron, zone, at).as_deref(), Ok(expected), "{cron} {zone:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_turn_time_back() {
        // 2026-10-25 03:00 CEST becomes 02:00 CET; it is 02:10 for the second time.
        let found = next("*/15 * * * *", Some("Europe/Berlin"), "2026-10-25T01:10:00Z");
        assert_eq!(found.as_deref(), Ok("2026-10-25T01:15:00.000000Z"));
    }

    #[test]
    fn what_is_no_schedule_is_refused_by_kind() {
        let at = "2026-11-24T17:49:00Z";
        let refused = |cron: &str, zone| next(cron, zone, at).unwrap_err();
        assert!(matches!(refused("@every 1h", None), ScheduleError::Relative(_)));
        assert!(matches!(refused("0 0 31 2 *", None), ScheduleError::Never(_)));
        assert!(matches!(refused("0 3 * * *", Some("Mars/Olympus")), ScheduleError::UnknownZone(_)));
        for cron in
            ["", "x", "* * * *", "61 * * * *", "* * * * * UTC", "H * * * *", "0 0 L * *", "TZ=UTC 0 3 * * *"]
        {
            assert!(matches!(refused(cron, None), ScheduleError::Invalid(_)), "{cron}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(cron in "[-0-9*/, @?A-Za-zä]{0,24}", zone in proptest::option::of("[A-Z][a-z]{0,8}")) {
            let schedule = Schedule { cron, time_zone: zone, suspended: false };
            let _ = next_run(&schedule, Timestamp::from_secs(1_700_000_000, 5));
            let _ = next_run(&schedule, Timestamp::MAX);
            let _ = next_run(&schedule, Timestamp::MIN);
        }
    }
}
