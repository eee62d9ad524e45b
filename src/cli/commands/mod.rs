//! One file a command.

pub(super) mod affected;
pub(super) mod apply;
pub(super) mod build;
pub(super) mod cache;
pub(super) mod graph;
pub(super) mod preview;
pub(super) mod run;
pub(super) mod verify;
pub(super) mod watch;
pub(super) mod why;

use std::panic;

/// Keeps crashes from writing to stderr on their own: they are reported with the stack that they belong to. Who asks
/// for backtraces gets them, but not for programs that hit a limit.
pub(super) fn quiet_crashes() {
    let loud = std::env::var_os("RUST_BACKTRACE").is_some();
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |crash| {
        if loud && !kcl::eval::is_out_of_memory(crash.payload()) {
            usual(crash);
        }
    }));
}
