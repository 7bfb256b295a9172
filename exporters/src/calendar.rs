//! Dates in UTC, as far as timestamps in texts and file names need them.

use std::time::{Duration, SystemTime};

/// A moment in UTC, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    pub(crate) nanos: u32,
}

impl Moment {
    /// The moment this long after 1970-01-01.
    pub(crate) fn after_epoch(since: Duration) -> Self {
        let (year, month, day) = civil(since.as_secs() / 86_400);
        let second = since.as_secs() % 86_400;
        Self {
            year,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            nanos: since.subsec_nanos(),
        }
    }

    /// The moment that a clock shows; a clock that stands before 1970 shows 1970.
    pub(crate) fn of(wall: SystemTime) -> Self {
        Self::after_epoch(wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO))
    }

    pub(crate) fn millis(self) -> u32 {
        self.nanos / 1_000_000
    }
}

/// Year, month and day of a day since 1970-01-01, by 400-year cycles that begin in March: the leap day is then the
/// last of a year, and months follow a straight line.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_FROM_YEAR_0: u64 = 719_468;
    const DAYS_OF_CYCLE: u64 = 146_097;
    let days = days_since_1970 + DAYS_FROM_YEAR_0;
    let (cycle, day_of_cycle) = (days / DAYS_OF_CYCLE, days % DAYS_OF_CYCLE);
    let leap_days = day_of_cycle / 1_460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
    let year_of_cycle = (day_of_cycle - leap_days) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (cycle * 400 + year_of_cycle + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_days_fall_where_the_calendar_has_them() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(47_540), (2100, 2, 28));
        assert_eq!(civil(47_541), (2100, 3, 1));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = civil(0);
        for day in 1..80_000 {
            let next = civil(day);
            let ordinary = next == (last.0, last.1, last.2 + 1);
            let month_began = next.2 == 1 && (next == (last.0, last.1 + 1, 1) || next == (last.0 + 1, 1, 1));
            assert!(ordinary || month_began && last.2 >= 28, "{last:?} {next:?}");
            last = next;
        }
        assert_eq!(last, (2189, 1, 11));
    }
}
