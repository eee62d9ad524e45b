"""The programs that `scripts/performance` measures: in KCL and, for the comparison, the same in Jsonnet.

Each is a function of its size to the text of a program. A size of four times as much must not cost more than
about four times the time.
"""


def lines(count, line):
    """One line a number."""
    return "".join(line(i) + "\n" for i in range(count))


def instances(n):
    schema = "schema Server:\n    name: str\n    port: int = 80\n    replicas: int = 1\n    labels: {str:str} = {}\n\n"
    return schema + lines(n, lambda i: f's{i} = Server {{name = "s{i}", port = {i}, labels = {{app = "a{i}"}}}}')


def instances_jsonnet(n):
    base = 'local Server = {name: error "required", port: 80, replicas: 1, labels: {}};\n'
    return base + "{\n" + lines(n, lambda i: f's{i}: Server + {{name: "s{i}", port: {i}, labels+: {{app: "a{i}"}}}},') + "}\n"


def comprehension(n):
    return f"xs = [i * 2 for i in range({n})]\n"


def comprehension_jsonnet(n):
    return f"{{xs: [i * 2 for i in std.range(0, {n - 1})]}}\n"


def fib(n):
    return f"fib = lambda n: int -> int {{\n    1 if n < 2 else fib(n - 1) + fib(n - 2)\n}}\nx = fib({n})\n"


def fib_jsonnet(n):
    return f"local fib(n) = if n < 2 then 1 else fib(n - 1) + fib(n - 2);\n{{x: fib({n})}}\n"


def inheritance(n):
    schemas = lines(n - 1, lambda i: f"schema S{i + 1}(S{i}):\n    a{i + 1}: int = a{i} + 1")
    return f"schema S0:\n    a0: int = 0\n{schemas}x = S{n - 1} {{a0 = 5}}\n"


def inheritance_jsonnet(n):
    objects = lines(n - 1, lambda i: f"local S{i + 1} = S{i} + {{a{i + 1}: self.a{i} + 1}};")
    return f"local S0 = {{a0: 0}};\n{objects}{{x: S{n - 1} + {{a0: 5}}}}\n"


def union(n):
    keys = range(max(n // 20, 1))
    dicts = lines(20, lambda d: f"d{d} = {{" + ", ".join(f"k{i} = {i}" for i in keys) + "}")
    return dicts + "x = " + " | ".join(f"d{d}" for d in range(20)) + "\n"


def union_jsonnet(n):
    keys = range(max(n // 20, 1))
    dicts = lines(20, lambda d: f"local d{d} = {{" + ", ".join(f"k{i}: {i}" for i in keys) + "};")
    shown = "".join(f"d{d}: d{d}, " for d in range(20))
    return dicts + f"{{{shown}x: " + " + ".join(f"d{d}" for d in range(20)) + "}\n"


def interpolation(n):
    return 'zone = "b"\nxs = [\n' + lines(n, lambda i: f'    "host-${{{i}}}.${{zone}}.example.com"') + "]\n"


def interpolation_jsonnet(n):
    return 'local zone = "b";\n{zone: zone, xs: [\n' + lines(n, lambda i: f'    "host-%d.%s.example.com" % [{i}, zone],') + "]}\n"


def dicts(n):
    return "x = {\n" + lines(n, lambda i: f'    k{i} = {{id = {i}, name = "n{i}"}}') + "}\n"


def dicts_jsonnet(n):
    return "{x: {\n" + lines(n, lambda i: f'    k{i}: {{id: {i}, name: "n{i}"}},') + "}}\n"


def assignment(_):
    return "a = 1\n"


def assignment_jsonnet(_):
    return "{a: 1}\n"


# What is compared with other programs: its name, its size, its text in KCL and in Jsonnet, and how many times faster
# than kcl-lib it has to be.
COMPARED = [
    ("`a = 1`: what a start costs", 1, assignment, assignment_jsonnet, 0),
    ("1,000 instances of a schema", 1_000, instances, instances_jsonnet, 10),
    ("comprehension of 10,000", 10_000, comprehension, comprehension_jsonnet, 10),
    ("recursion, `fib(22)`", 22, fib, fib_jsonnet, 10),
    ("inheritance, 50 deep", 50, inheritance, inheritance_jsonnet, 10),
    ("union of 20 dicts of 2,000 keys", 40_000, union, union_jsonnet, 1_000),
    ("5,000 interpolated strings", 5_000, interpolation, interpolation_jsonnet, 10),
    ("dict of 2,000 dicts", 2_000, dicts, dicts_jsonnet, 1_000),
]


def globals_(n):
    return "v0 = 0\n" + lines(n - 1, lambda i: f"v{i + 1} = v{i} + 1")


def schemas(n):
    return lines(n, lambda i: f"schema S{i}:\n    a: int = {i}\n    b: str\n\nx{i} = S{i} {{b = 'b'}}")


def attributes(n):
    body = lines(n, lambda i: f"    a{i}: int = {'1' if i % 10 == 0 else f'a{i - 1} + 1'}")
    return f"schema S:\n{body}\nx = S {{a0 = 5}}\n"


def given_attributes(n):
    body = lines(n, lambda i: f"    a{i}: int")
    return f"schema S:\n{body}\nx = S {{\n{lines(n, lambda i: f'    a{i} = {i}')}}}\n"


def nested_names(n):
    chain = lines(n, lambda i: f"    k{i + 1} = {{zone = zone, other = k{i}.zone}}")
    return f'zone = "b"\nx = {{\n    k0 = {{zone = zone}}\n{chain}}}\n'


def list_literal(n):
    return "xs = [\n" + lines(n, lambda i: f"    {i},") + "]\n"


def mixed_list(n):
    return "xs = [\n" + lines(n, lambda i: f"    {{a{i} = {i}, b = [{i}, 's{i}']}},") + "]\n"


def elifs(n):
    chain = lines(n, lambda i: f"elif v == {i}:\n    _x = {i}")
    return f"v = {n - 1}\nif v == -1:\n    _x = -1\n{chain}else:\n    _x = 0\nx = _x\n"


def nesting(n):
    return lines(n // 20, lambda i: f"x{i} = " + "{a = " * 20 + "1" + "}" * 20)


def concatenation(n):
    return f'xs = ["host-" + str(i) + "." + "example" for i in range({n})]\n'


def appending(n):
    return "schema X:\n    items: [int] = []\n\nx: X {}\n" + lines(n, lambda i: f"x: X {{items += [{i}]}}")


def all_instances(n):
    schema = "schema S:\n    a: int\n\n"
    return schema + lines(n, lambda i: f"s{i} = S {{a = {i}}}") + "xs = [s.a for s in S.instances()]\n"


def filtered(n):
    return f"d = {{str(i): i for i in range({n})}}\nxs = [v for k, v in d if int(k) % 2 == 0]\nn = sum(xs)\n"


def calls(n):
    return f"f = lambda x, y = 1 {{\n    z = x + y\n    z * 2\n}}\nxs = [f(i) for i in range({n})]\n"


def unpacking(n):
    return f"base = {{a = 1, b = 2}}\nxs = [{{**base, c = i}} for i in range({n})]\n"


def schema_bases(n):
    return "schema B:\n    a: int = 1\n" + lines(n, lambda i: f"schema S{i}(B):\n    b: int = a\nx{i} = S{i} {{}}")


# What has to grow linearly: its name, the size that is grown, and its text.
GROWING = [
    ("instances of a schema", 1_000, instances),
    ("comprehension", 10_000, comprehension),
    ("inheritance", 50, inheritance),
    ("union of 20 dicts", 40_000, union),
    ("interpolated strings", 5_000, interpolation),
    ("dict of dicts", 2_000, dicts),
    ("globals that read each other", 2_000, globals_),
    ("schemas with an instance each", 500, schemas),
    ("schemas of one base", 500, schema_bases),
    ("attributes of a schema", 1_000, attributes),
    ("required attributes, all given", 1_000, given_attributes),
    ("entries that read names around them", 1_000, nested_names),
    ("list of numbers", 10_000, list_literal),
    ("list of different dicts", 1_000, mixed_list),
    ("`if`/`elif`", 50, elifs),
    ("nested dicts", 1_000, nesting),
    ("concatenated strings", 5_000, concatenation),
    ("`+=` on a list, statement by statement", 500, appending),
    ("`instances()`", 1_000, all_instances),
    ("filter over a dict", 5_000, filtered),
    ("calls of a lambda", 10_000, calls),
    ("unpacked dicts", 5_000, unpacking),
]
