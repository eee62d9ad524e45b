//! Tree to values: names, types, evaluation, system modules and output of KCL.
//!
//! Text, options and a [`world::World`] to read files through go in; value, diagnostics and trace come out. Nothing
//! here touches the disk, the clock or the environment.

pub mod eval;
pub mod lower;
pub mod package;
pub mod plan;
pub mod resolve;
pub mod stdlib;
pub mod types;
pub mod value;
pub mod world;
