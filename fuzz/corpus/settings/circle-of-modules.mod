[dependencies]
a = { path = "../a" }
b = { path = "../b" }
"a-b" = { path = "." }
