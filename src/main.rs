//! The konfig command.

use std::process::ExitCode;

/// The allocator of glibc grows the heaps of threads by a system call for every page, and evaluation is done on threads.
/// Version 2 of this one starts faster than version 3. It asks for no large pages: most builds are short, and would have the system clear
/// more memory than they use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    konfig::cli::main(std::env::args_os())
}
