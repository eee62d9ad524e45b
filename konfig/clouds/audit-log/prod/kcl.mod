[package]
name = "audit_log_prod"
edition = "v0.11.0"
version = "0.1.0"

[dependencies]
konfig = { path = "../../.." }
kit = { path = "../../../modules/kit" }

[profile]
entries = [
    "${KCL_MOD}/main.k",
    "${kit:KCL_MOD}/render/spec.k",
]
