//! Options that all commands have.

use std::path::{Path, PathBuf};

use clap::Args;
use kcl::eval::Limits;

use super::error::Refusal;
use super::github;
use super::report::ErrorFormat;
use super::ui::{Color, Ui, Verbosity};
use crate::monorepo::{self, PackageStore, paths};

/// Options that all commands have.
#[derive(Debug, Args)]
#[command(next_help_heading = "General options")]
pub(crate) struct Common {
    /// Work with so many threads [default: one a core]
    #[arg(long, short, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Say only what is asked for and what is wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say what became of each stack, how long phases took, and what programs print
    #[arg(long, short, global = true)]
    verbose: bool,
    /// When messages have colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// How diagnostics are written
    #[arg(long, global = true, value_name = "FORM", default_value = "pretty")]
    error_format: ErrorFormat,
}

/// How much a program may do.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Calls, instances and turns of loops that one program may take
    #[arg(long, value_name = "N", default_value_t = Limits::default().steps)]
    max_steps: u64,
    /// Mebibytes that the values of one program may take
    #[arg(long, value_name = "MIB", default_value_t = (Limits::default().memory >> 20) as u32)]
    max_memory: u32,
}

impl LimitArgs {
    /// The limits.
    pub(crate) fn limits(&self) -> Limits {
        Limits { steps: self.max_steps, memory: (self.max_memory as usize) << 20 }
    }
}

impl Common {
    /// Where the command speaks.
    pub(crate) fn ui(&self) -> Ui {
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        let ui = Ui::new(self.color, verbosity).with_error_format(self.error_format);
        ui.in_workflow(github::workflow())
    }

    /// Does something on threads with the stack that evaluation needs.
    pub(crate) fn in_pool<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send,
    ) -> Result<T, Refusal> {
        let jobs = self.jobs.map_or(0, usize::from);
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(jobs).stack_size(kcl::eval::STACK_BYTES).build();
        let pool = pool.map_err(|error| Refusal::internal(format!("cannot start threads: {error}")))?;
        pool.install(work)
    }
}

/// Does something on one thread with the stack that evaluation needs: starting more costs more than a small
/// program.
pub(crate) fn on_one_thread<T: Send>(work: impl FnOnce() -> Result<T, Refusal> + Send) -> Result<T, Refusal> {
    let thread = std::thread::Builder::new().stack_size(kcl::eval::STACK_BYTES);
    std::thread::scope(|scope| {
        let started = thread.spawn_scoped(scope, work);
        let started =
            started.map_err(|error| Refusal::internal(format!("cannot start a thread: {error}")))?;
        started.join().unwrap_or_else(|crash| std::panic::resume_unwind(crash))
    })
}

/// The folder that the user stands in.
pub(crate) fn stand() -> Result<PathBuf, Refusal> {
    let stand = std::env::current_dir();
    let refused =
        |error| Refusal::request(format!("the working folder is gone: {error}"), "go to another one");
    stand.map(|stand| paths::normalize(&stand)).map_err(refused)
}

/// The root of the monorepo: the one that was given, else the one around the folder that the user stands in.
pub(crate) fn root(stand: &Path, given: Option<&Path>) -> Result<PathBuf, Refusal> {
    let Some(written) = given else {
        return monorepo::root_above(stand).ok_or_else(|| {
            Refusal::request(
                "no monorepo is here: neither `konfig.yaml` nor `.git` is in this folder or above it",
                "stand in a monorepo, or name one with `--root DIR`",
            )
        });
    };
    let root = paths::join(stand, written);
    if root.is_dir() {
        return Ok(root);
    }
    let message = format!("there is no folder `{}`", written.display());
    Err(Refusal::request(message, "give the folder of a monorepo with `--root`"))
}

/// The folder of a store that several checkouts share: `$KONFIG_CACHE_DIR`.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let folder = std::env::var_os("KONFIG_CACHE_DIR").filter(|path| !path.is_empty())?;
    // A relative path is seen from where the user stands.
    std::path::absolute(folder).ok()
}

/// Where packages are that are wanted by version: `$KCL_PKG_PATH`.
pub(crate) fn package_store() -> PackageStore {
    let folder = std::env::var_os("KCL_PKG_PATH").filter(|path| !path.is_empty());
    PackageStore { folder: folder.map(PathBuf::from) }
}
