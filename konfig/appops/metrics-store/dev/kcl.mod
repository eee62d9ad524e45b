[package]
name = "metrics_store_dev"
edition = "v0.11.0"
version = "0.1.0"

[dependencies]
konfig = { path = "../../.." }
kit = { path = "../../../modules/kit" }

[profile]
entries = [
    "../base/base.k",
    "main.k",
    "${kit:KCL_MOD}/render/manifests.k",
]
