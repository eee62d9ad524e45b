[package]
name = "stack"
version = "0.1.0"

[profile]
entries = ["main.k", "${KCL_MOD}/x.k", "${a:KCL_MOD}/main.k"]
options = ["a=1", "b=[1, {}]", "c=1e3"]
disable_none = true
overrides = ["a.b=1"]

[dependencies]
a = { path = "../a" }
b = { git = "u", tag = "v1" }
c = "1.0"
