//! Connections that read: as many as there are threads that read at once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::connection::{Mode, connect};

/// A pool of connections, opened on demand.
pub(crate) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
}

struct Pool {
    /// None where there is no store.
    mode: Option<Mode>,
    /// Counts the stores that were at this path. A connection to an earlier one is not used again.
    generation: u64,
    idle: Vec<Connection>,
}

impl Readers {
    pub(crate) fn new(path: &Path, mode: Option<Mode>) -> Self {
        Self { path: path.to_owned(), pool: Mutex::new(Pool { mode, generation: 0, idle: Vec::new() }) }
    }

    /// Asks one connection, which nobody else uses meanwhile. None where there is no store.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Option<rusqlite::Result<T>> {
        let (mode, generation, idle) = {
            let mut pool = self.pool();
            (pool.mode?, pool.generation, pool.idle.pop())
        };
        let connection = match idle.map_or_else(|| connect(&self.path, mode), Ok) {
            Ok(connection) => connection,
            Err(error) => return Some(Err(error)),
        };
        let answer = question(&connection);
        let mut pool = self.pool();
        if pool.generation == generation {
            pool.idle.push(connection);
        }
        Some(answer)
    }

    /// From now on another store is at this path, or none.
    pub(crate) fn turn_to(&self, mode: Option<Mode>) {
        let mut pool = self.pool();
        *pool = Pool { mode, generation: pool.generation + 1, idle: Vec::new() };
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
