//! One file a command.

pub(super) mod build;
pub(super) mod run;

/// Keeps crashes from writing to stderr on their own: they are reported with the stack that they belong to.
pub(super) fn quiet_crashes() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
}
