//! One binary for everything that runs the tool.
