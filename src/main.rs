//! The konfig command.

use std::process::ExitCode;

fn main() -> ExitCode {
    konfig::cli::main(std::env::args_os())
}
