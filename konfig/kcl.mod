[package]
name = "konfig"
edition = "v0.11.0"
version = "0.1.0"
description = "Sample monorepo: applications, their platform settings and the models that compile them"
