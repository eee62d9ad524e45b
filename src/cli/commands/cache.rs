//! `konfig cache`

use std::path::PathBuf;

use cache::{Collected, Stats, StoreError, Verified};
use clap::{Args, Subcommand};

use crate::build::checkout::Checkout;
use crate::cli::diagnostics::Shown;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::options::{self, cache_dir, stand};
use crate::cli::report;
use crate::cli::text::{bytes, count};
use crate::cli::ui::Ui;

/// Look at the store of earlier builds, make it smaller, or check it
///
/// The store is `.konfig/` at the root of the monorepo, or the folder that `KONFIG_CACHE_DIR` names.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    what: What,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Say how much there is, and how large it is
    Stats,
    /// Throw away what was used least recently
    Gc {
        /// Mebibytes that may stay [default: the bound that builds keep to]
        #[arg(long, value_name = "MIB")]
        keep: Option<u32>,
    },
    /// Read everything, and throw away what is damaged
    Verify,
}

/// Runs the command.
pub(crate) fn run(args: &CacheArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let root = options::root(&stand()?, args.root.as_deref())?;
    let Checkout { store, notices, .. } = Checkout::open(&root, cache_dir().as_deref());
    report::say(&notices.iter().map(Shown::notice).collect::<Vec<_>>(), ui);
    let failed = |error: StoreError| Refusal::internal(error.to_string()).with_hint(error.hint());
    let mut exit = Exit::Good;
    let text = match args.what {
        What::Stats => stats(&store.stats()),
        What::Gc { keep } => {
            let limit = keep.map_or(store.stats().limit, |keep| u64::from(keep) << 20);
            let Collected { blobs, records, bytes: freed } = store.gc(limit).map_err(failed)?;
            let what = [count(blobs as usize, "blob"), count(records as usize, "record")];
            format!("{} thrown away, {} freed\n", what.join(" and "), bytes(freed))
        }
        What::Verify => {
            let verified = store.verify().map_err(failed)?;
            let Verified { blobs, records, damaged_blobs, damaged_records, rebuilt } = verified;
            if rebuilt || damaged_blobs + damaged_records > 0 {
                exit = Exit::StackFailed;
            }
            let read = [count(blobs as usize, "blob"), count(records as usize, "record")].join(" and ");
            let how = if rebuilt { "; the store was damaged and starts empty" } else { "" };
            format!("{read} read, {} damaged and thrown away{how}\n", damaged_blobs + damaged_records)
        }
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    Ok(exit)
}

fn stats(stats: &Stats) -> String {
    let Stats { blobs, records, bytes_on_disk, bytes_of_content, limit, .. } = stats;
    format!(
        "{} and {}\n{} on disk, of {} at most; {} unpacked\n",
        count(*blobs as usize, "blob"),
        count(*records as usize, "record"),
        bytes(*bytes_on_disk),
        bytes(*limit),
        bytes(*bytes_of_content)
    )
}
