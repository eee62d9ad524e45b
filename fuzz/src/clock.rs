//! Time as a run feels it.

use std::fs;
use std::time::{Duration, Instant};

/// The ticks of `/proc` in a second, which Linux has the same on all machines.
const TICKS: u64 = 100;

/// How long something takes. What else a machine is busy with does not count where the system can tell.
pub(crate) struct Stopwatch {
    start: Instant,
    used: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), used: processor_time() }
    }

    /// Whether more than this has passed since the start. The clock is cheap to ask, so it comes first.
    pub(crate) fn exceeds(&self, limit: Duration) -> bool {
        if self.start.elapsed() <= limit {
            return false;
        }
        let used = self.used.and_then(|before| Some(processor_time()?.saturating_sub(before)));
        used.is_none_or(|used| used > limit)
    }
}

/// How long this process has had a processor, where that is known.
fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in brackets and may contain blanks.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * (1_000 / TICKS)))
}
