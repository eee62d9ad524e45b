//! Reading ahead: while a build of few stacks finds out what is known of them, threads that have no stack read and parse what these
//! imported when the survey was drawn.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kcl::world::Query;
use rayon::prelude::*;

use super::compile::caught;
use super::reuse::Reuse;
use super::survey::Sweep;
use crate::monorepo::{Stack, marks};

/// Sources that will be asked for. Each is read by the first thread that comes to it.
pub(super) struct Ahead {
    sources: Vec<Query>,
    /// The first one that nobody has begun with.
    next: AtomicUsize,
}

impl Ahead {
    /// What some stacks imported when the survey was drawn; nothing without one.
    pub(super) fn of(sweep: Option<&Sweep>, stacks: &[&Stack]) -> Self {
        let sources = sweep.map(|sweep| sweep.imported(stacks)).unwrap_or_default();
        Self { sources, next: AtomicUsize::new(0) }
    }

    /// Whether there is nothing to read.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Reads until there is nothing left to begin with.
    pub(super) fn read(&self, reuse: &Reuse<'_>) {
        while let Some(source) = self.next() {
            read(reuse, source);
        }
    }

    /// Does some work while all other threads read, until it is done. A source that makes the parser crash does so again for those
    /// who ask for it.
    pub(super) fn read_meanwhile<T: Send>(&self, reuse: &Reuse<'_>, work: impl FnOnce() -> T + Send) -> T {
        let is_done = AtomicBool::new(false);
        let work = || {
            let done = work();
            is_done.store(true, Ordering::Relaxed);
            done
        };
        let until_done = || {
            while !is_done.load(Ordering::Relaxed)
                && let Some(source) = self.next()
            {
                read(reuse, source);
            }
        };
        let others = 1..rayon::current_num_threads();
        rayon::join(work, || others.into_par_iter().for_each(|_| _ = caught(until_done))).0
    }

    fn next(&self) -> Option<&Query> {
        self.sources.get(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Parses sources of packages and finds out what is answered for them, for those who ask later, on all threads.
pub(super) fn read_all(reuse: &Reuse<'_>, sources: &[Query]) {
    sources.par_iter().for_each(|source| read(reuse, source));
}

fn read(reuse: &Reuse<'_>, source: &Query) {
    if let Query::Content(path) = source
        && marks::is_program(path)
    {
        reuse.parse_ahead(path);
    }
    reuse.answer(source);
}
