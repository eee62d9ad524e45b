[package]
name = "kit"
edition = "v0.11.0"
version = "0.1.0"
description = "What stacks that are modules share: presets, and the render step over the konfig module"

[dependencies]
konfig = { path = "../.." }
