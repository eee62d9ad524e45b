//! Looks for inputs that crash or hold the compiler: mutates known inputs at random, runs what reads them, and keeps
//! what went wrong. Everything random follows from a seed.
//!
//! A supervisor starts workers, one after the other: a stack that overflows takes a whole process with it, and names
//! are interned for good, so no process should run for long.

mod clock;
pub mod input;
pub mod mutate;
pub mod supervise;
pub mod targets;
pub mod work;
mod world;
