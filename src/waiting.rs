//! Work that waits for the disk.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// How many threads do it for each core. The disk answers several at once; where all is in memory, more of them make no difference.
const THREADS: usize = 4;

/// Does work of which most is waiting for the disk, where files and folders are not in memory. Who has one core takes no more.
pub(crate) fn waiting<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let cores = rayon::current_num_threads();
    if cores == 1 {
        return work();
    }
    // There may be no more threads to have.
    let pool = POOL.get_or_init(|| ThreadPoolBuilder::new().num_threads(cores * THREADS).build().ok());
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
