//! Work that waits for the disk.

use rayon::ThreadPoolBuilder;

/// How many threads do it for each core. The disk answers several at once; where all is in memory, more of them make no difference.
const THREADS: usize = 4;

/// Does work of which most is waiting for the disk, where files and folders are not in memory. Who has one core takes no more.
pub(crate) fn waiting<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let cores = rayon::current_num_threads();
    let pool = (cores > 1).then(|| ThreadPoolBuilder::new().num_threads(cores * THREADS).build());
    match pool {
        Some(Ok(pool)) => pool.install(work),
        // There may be no more threads to have.
        Some(Err(_)) | None => work(),
    }
}
