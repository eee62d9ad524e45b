"""Builds of a monorepo of thousands of stacks, held against what must be reached: other tools, the machine, konfig itself.

`scripts/bench` runs this. It grows monorepos, measures, prints ratios, writes a table and a plot, and ends with 1 where a
bar is missed. What cannot be measured here says so and counts as neither met nor missed.
"""

import argparse
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import plot
from performance import machine, replace

# A declaration that all artifacts come from, and the text in it that is changed.
MODEL, BEFORE, AFTER = "base/pkg/kusion_models/kube/utils/application_builder.k", "kubernetes.io/env", "kubernetes.io/stage"
# Stamps count once files have been left alone for a second.
SETTLED = 1.2
STACKS_A_PROJECT = 3
CORES = os.cpu_count()


class Run:
    """What a command cost: seconds on the clock, seconds of all cores, bytes at most; and what it printed."""

    def __init__(self, *command, **env):
        with tempfile.TemporaryFile() as out:
            start = time.perf_counter()
            child = subprocess.Popen(list(map(str, command)), env=os.environ | env, stdout=out, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            self.wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            self.out = out.read().decode()
        if child.returncode != 0:
            sys.exit(f"bench: {' '.join(map(str, command))} ends with {child.returncode}")
        self.cpu, self.peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def middle(runs):
    """The middle one by the clock."""
    return sorted(runs, key=lambda run: run.wall)[len(runs) // 2]


class Bench:
    """A grown monorepo, and what is measured on it."""

    def __init__(self, given, folder, stacks):
        self.given, self.folder, self.stacks = given, folder, stacks
        self.root, self.out = folder / "monorepo", folder / "out"
        Run(sys.executable, given.generator, self.root, "--projects", stacks // STACKS_A_PROJECT)
        (self.root / ".gitignore").write_text("/dist/\n.konfig/\n")
        self.git("init", "--quiet")
        self.commit("all of it")

    def git(self, *arguments):
        """A command of git on the tree."""
        return Run("git", "-C", self.root, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0", *arguments)

    def commit(self, message):
        """Commits everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def konfig(self, command, *arguments, **env):
        """konfig on the tree."""
        return Run(self.given.binary, command, "--root", self.root, "--quiet", *arguments, **env)

    def fresh(self):
        """Puts away what builds have left. It is not deleted: for minutes, ext4 looks at each file that was before it makes a new one."""
        away = pathlib.Path(tempfile.mkdtemp(dir=self.folder, prefix="away-"))
        for path in (self.out, self.root / "dist", self.root / ".konfig"):
            if path.exists():
                path.rename(away / path.name)
        os.sync()
        self.read()

    def read(self):
        """Puts all files of the tree into memory, where the system may have let go of them."""
        Run("sh", "-c", f"find {shlex.quote(str(self.root))} -type f -print0 | xargs -0 cat > /dev/null")

    def several(self, run, before=lambda: None, runs=None):
        """The middle one of several runs, by the clock."""
        done = []
        for _ in range(runs or self.given.runs):
            before()
            done.append(run())
        return middle(done)

    def alternating(self, *befores):
        """The middle builds after each of several things, done in turn: what the machine does meanwhile happens to all of them."""
        done = [[] for _ in befores]
        for _ in range(5):
            for before, runs in zip(befores, done):
                before()
                runs.append(self.konfig("build"))
        return map(middle, done)

    def edit(self, path, change):
        """Changes a file, and waits until its stamp counts."""
        path = self.root / path
        text = change(path.read_text())
        path.write_text(text)
        time.sleep(SETTLED)

    def rest(self):
        """Leaves everything alone. The build in between takes note of the stamps of what was written before."""
        time.sleep(SETTLED)
        self.konfig("build")
        time.sleep(SETTLED)

    def settle(self):
        """Has the system write what builds have left in memory. It would do so meanwhile, and that takes it a core for seconds."""
        os.sync()

    def uncached(self, *arguments):
        """A build from nothing that keeps nothing."""
        return self.several(lambda: self.konfig("build", "--no-cache", "--out", self.out, *arguments), self.fresh)

    def floor(self):
        """What reading, hashing and writing alone take: all of it, and the writing."""
        made = self.folder / "made"
        if not made.exists():
            self.konfig("build", "--no-cache", "--out", made)
        runs = []
        for _ in range(self.given.runs):
            self.fresh()
            said = Run(self.given.floor, self.root, made, self.out, CORES).out
            runs.append([float(seconds) for seconds in re.findall(r"([\d.]+) s\b", said)[:2]])
        whole, read = sorted(runs)[len(runs) // 2]
        return whole, whole - read

    def warm(self):
        """A store that knows everything, and a tree that has been built and left alone."""
        self.fresh()
        cold = self.konfig("build")
        time.sleep(SETTLED)
        self.konfig("build")
        return cold


def row(name, measured, against, value, bar, fits):
    """A row of the table: `value` is held against `bar`. What was measured is a run, or a text."""
    took = [seconds(measured.wall), seconds(measured.cpu)] if isinstance(measured, Run) else [measured, ""]
    return [name, *took, against, value, bar, "yes" if fits else "**no**"]


def seconds(value):
    """Short and readable."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def most(name, measured, against, ratio, bar):
    """A row where less is better."""
    return row(name, measured, against, f"{ratio:.2f}", f"≤ {bar:g}", ratio <= bar)


def cold_rows(bench):
    """Builds from nothing, against the reference, the machine, and one core."""
    uncached, (whole, writing) = bench.uncached(), bench.floor()
    if bench.given.reference:
        said = Run(sys.executable, bench.given.reference, "time", bench.root, "--sample", 20).out
        reference = float(re.search(r"median ([\d.]+) s", said)[1])
        ratio = reference * bench.stacks / (uncached.wall * CORES)
        yield row("cold, no store", uncached, f"{seconds(reference)} a stack and core: the reference", f"{ratio:,.0f}", "≥ 500", ratio >= 500)
    else:
        yield ["cold, no store", seconds(uncached.wall), seconds(uncached.cpu), "the reference is not installed", "-", "≥ 500", "skipped"]
    yield most("cold, no store", uncached, f"{seconds(whole)}: read, hash, write", uncached.wall / whole, 3)
    yield most("peak memory, no store", f"{uncached.peak >> 20} MiB", "600 MiB", (uncached.peak >> 20) / 600, 1)
    if CORES > 1:
        one = bench.uncached("--jobs", "1")
        ratio = one.wall / bench.uncached("--jobs", "2").wall
        yield row("one core", one, "two cores", f"{ratio:.2f}", "≥ 1.8", ratio >= 1.8)
    yield from warm_rows(bench, writing)


def warm_rows(bench, writing):
    """Builds that know of an earlier one."""
    cold = bench.several(bench.warm)
    yield most("peak memory, with store", f"{cold.peak >> 20} MiB", "600 MiB", (cold.peak >> 20) / 600, 1)
    bench.settle()
    status = bench.several(lambda: bench.git("status", "--porcelain"), runs=7)
    noop = bench.several(lambda: bench.konfig("build"), runs=7)
    yield most("nothing changed", noop, f"{seconds(status.wall)}: git status", noop.wall / status.wall, 0.3)
    leaf = next(path for path in sorted(bench.root.glob("appops/*/*/dev/main.k")))
    touch = lambda: bench.edit(leaf, lambda text: text + f"note{text.count('note')} = 1\n")
    bench.read()
    # A machine that has rested looks at files more slowly for a moment, whatever has happened to them.
    rested, one = bench.alternating(bench.rest, touch)
    beyond = one.wall - rested.wall
    against = f"{seconds(rested.wall)}: nothing changed, after the same rest"
    yield row("one leaf changed", one, against, f"{beyond * 1000:+.0f} ms", "+20 ms", beyond <= 0.02)
    comment = bench.several(lambda: bench.konfig("build"), lambda: bench.edit(MODEL, lambda text: text + "# a remark\n"), runs=1)
    yield most("a comment in a base model", comment, f"{seconds(cold.wall)}: cold with store", comment.wall / cold.wall, 0.7)
    bench.commit("a leaf and a remark")
    bench.edit(MODEL, lambda text: text.replace(BEFORE, AFTER))
    bench.read()
    base = bench.konfig("build")
    yield most("a base model that all use changed", base, f"{seconds(cold.wall)}: cold with store", base.wall / cold.wall, 0.7)
    bench.commit("another label")
    bench.settle()
    diff = bench.several(lambda: bench.git("diff", "--name-only", "HEAD~1", "HEAD"), runs=5)
    affected = bench.several(lambda: bench.konfig("affected", "--base", "HEAD~1", "--head", "HEAD"), runs=5)
    bar = 1.2 * diff.wall + 0.1
    yield most("`affected`, a base model", affected, f"{seconds(bar)}: 1.2 git diff + 100 ms", affected.wall / bar, 1)
    yield shared_row(bench, writing)


def shared_row(bench, writing):
    """The first build of another checkout, by a store that knows everything."""
    store = str(bench.folder / "store")
    bench.fresh()
    bench.konfig("build", KONFIG_CACHE_DIR=store)
    first = bench.several(lambda: bench.konfig("build", KONFIG_CACHE_DIR=store), bench.fresh)
    return most("fresh checkout, warm shared store", first, f"{seconds(writing)}: write the artifacts", first.wall / writing, 1.5)


def growth(given, folder, sizes):
    """Cold builds of monorepos of several sizes: stacks, seconds, bytes at most."""
    for stacks in sizes:
        bench = Bench(given, folder / str(stacks), stacks)
        run = bench.uncached()
        print(f"{stacks:,} stacks: {seconds(run.wall)}, {run.peak >> 20} MiB", file=sys.stderr)
        yield stacks, run.wall, run.peak


def growth_rows(points):
    """How the largest monorepo compares with the one of the table."""
    (_, _, base), (few, took, peak), (many, longest, highest) = points[0], points[-2], points[-1]
    bar = 9 * (many / few) / (100_000 / 12_000)
    name = f"{many:,} stacks against {few:,}"
    yield most(f"{name}: time", seconds(longest), seconds(took), longest / took, round(bar, 2))
    ratio = (highest - base) / max(peak - base, 1)
    yield most(f"{name}: memory over the base", f"{highest >> 20} MiB", f"{peak >> 20} MiB, base {base >> 20} MiB", ratio, round(bar, 2))


def arguments():
    """The command line."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--binary", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    given.add_argument("--floor", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    given.add_argument("--generator", type=pathlib.Path, required=True, help="the program that grows a monorepo")
    given.add_argument("--reference", type=pathlib.Path, help="the program that times the reference compiler")
    given.add_argument("--stacks", type=int, default=12_000, help="the size of the table")
    given.add_argument("--sizes", default="102,999,12000,99999", help="the sizes of the plot; none with ''")
    given.add_argument("--runs", type=int, default=3, help="how often each thing is measured; the middle counts")
    given.add_argument("--scratch", type=pathlib.Path, help="where monorepos grow")
    given.add_argument("--page", type=pathlib.Path, help="the page that the table and the plot are for")
    return given.parse_args()


def main():
    """Measures, writes, and says whether all bars are met."""
    given = arguments()
    with tempfile.TemporaryDirectory(dir=given.scratch) as temporary:
        folder = pathlib.Path(temporary)
        rows = list(cold_rows(Bench(given, folder / "table", given.stacks)))
        points = list(growth(given, folder, [int(size) for size in given.sizes.split(",") if size]))
    if len(points) > 2:
        rows += growth_rows(points)
    head = ["what", "took", "CPU", "against", "ratio", "bar", "met"]
    table = [
        f"{machine()}; {given.stacks:,} stacks; {time.strftime('%Y-%m-%d')}; the middle one of {given.runs} runs by the clock.",
        "",
        *(f"| {' | '.join(cells)} |" for cells in [head, ["---", "---:", "---:", "---", "---:", "---:", "---"], *rows]),
    ]
    print("\n".join(table))
    if given.page:
        drawing = given.page.parent / "growth.svg"
        if points:
            drawing.write_text(plot.svg([(stacks, took) for stacks, took, _ in points]))
        given.page.write_text(replace(given.page.read_text(), "monorepo", table))
    sys.exit(1 if any(cells[-1] == "**no**" for cells in rows) else 0)


if __name__ == "__main__":
    main()
