"""Measures the programs of `programs.py` and writes the tables of `docs/performance.md`; see `scripts/performance`.

What counts is CPU time, user and system: the least of several runs. Like is compared with like: konfig and the Python
packages inside of a process that has run the program once before, konfig and the jsonnet binary as whole processes.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

import programs

# Seconds that the runs of one program may take together, beyond the first one; how many there are at most.
ENOUGH, MOST_RUNS = 0.6, 15


def process(*command, cwd=None):
    """The CPU time of a process."""
    child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, child.returncode, usage = os.wait4(child.pid, 0)
    return usage.ru_utime + usage.ru_stime


def runs(measure, most=MOST_RUNS):
    """The least of what some measurements say; the first one only warms up, unless it takes long."""
    first, took = measure(), []
    while len(took) < most and first + sum(took) < ENOUGH:
        took.append(measure())
    return min(took or [first])


def in_python(name):
    """A function that runs a program with a Python package."""
    if name == "kcl_lib":
        import kcl_lib.api as api

        def call(path):
            folder = os.path.dirname(path)
            api.API().exec_program(api.ExecProgramArgs(work_dir=folder, k_filename_list=[path]))

        return call
    return importlib.import_module("_gojsonnet" if name == "gojsonnet" else name).evaluate_file


def worker(name):
    """Reads paths of programs, writes the CPU time of each; a failed program counts as well, as failing is a result."""
    call = in_python(name)

    def once(path):
        start = time.process_time()
        try:
            call(path)
        except Exception as problem:
            if path.endswith(".jsonnet"):
                sys.exit(f"{name}: {path}: {problem}")
        return time.process_time() - start

    for line in sys.stdin:
        path = line.strip()
        print("\n@", runs(lambda: once(path)), flush=True)


def python_package(name, paths):
    """The CPU times of some programs in a worker of their own; `None` for one that takes the worker down."""
    took = []
    command = [sys.executable, os.path.abspath(__file__), "--worker", name]
    with tempfile.TemporaryDirectory() as folder:  # Programs may write files.
        while len(took) < len(paths):
            rest = "\n".join(paths[len(took):])
            done = subprocess.run(command, input=rest, capture_output=True, text=True, cwd=folder)
            took += map(float, re.findall(r"^@ (.*)", done.stdout, re.M))
            took += [None] * (len(took) < len(paths))
    return took


def in_process(worker, paths, cwd=None):
    """The CPU times of some programs in one process of konfig's worker."""
    text = "\n".join(map(str, paths))
    done = subprocess.run([worker], input=text, capture_output=True, text=True, cwd=cwd, check=True)
    return [float(took) for took in re.findall(r"^@ (.*)", done.stdout, re.M)]


def installed(package):
    """The version of a Python package, if it is there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def peers():
    """What is compared with konfig: names, versions, and what measures a program."""
    found = [("kcl-lib", installed("kcl-lib"), ".k", lambda path: python_package("kcl_lib", [path])[0])]
    if jsonnet := shutil.which("jsonnet"):
        version = subprocess.run([jsonnet, "--version"], capture_output=True, text=True).stdout.split("v")[-1].strip()
        found.append(("jsonnet", version, ".jsonnet", lambda path: runs(lambda: process(jsonnet, path))))
    for package in ("gojsonnet", "rjsonnet"):
        found.append((package, installed(package), ".jsonnet", lambda path, it=package: python_package(it, [path])[0]))
    return [peer for peer in found if peer[1]]


def milliseconds(seconds):
    return "-" if seconds is None else f"{seconds * 1000:,.1f} ms"


def row(name, bar, own, process_time, others):
    """A line of the table: times, how many times faster konfig is, and whether that is enough."""
    bars = {"kcl-lib": bar}
    cells, good = [], True
    for peer, took in others:
        against = process_time if peer == "jsonnet" else own
        cells.append(f"{milliseconds(took)} ({took / against:,.1f})" if took else "-")
        good = good and (took is None or took >= bars.get(peer, 1) * against)
    verdict = f"{bar:,} | {'yes' if good else '**no**'}" if bar else " | "
    return f"| {name} | {milliseconds(own)} | {milliseconds(process_time)} | {' | '.join(cells)} | {verdict} |"


def compared(konfig, worker, folder, others):
    """The table of comparisons."""
    for name, size, kcl, jsonnet, bar in programs.COMPARED:
        paths = {".k": folder / "main.k", ".jsonnet": folder / "main.jsonnet"}
        paths[".k"].write_text(kcl(size))
        paths[".jsonnet"].write_text(jsonnet(size))
        whole = runs(lambda: process(konfig, "run", paths[".k"]))
        [own] = in_process(worker, [paths[".k"]])
        yield row(name, bar, own, whole, [(peer, measure(str(paths[kind]))) for peer, _, kind, measure in others])


def conformance(konfig, worker, suite, others):
    """The line for a conformance suite: the sum over its cases that have no options."""
    with open(suite / "manifest.json") as file:
        cases = [suite / "cases" / case["path"] for case in json.load(file) if not case.get("options")]
    whole = sum(runs(lambda: process(konfig, "run", "main.k", cwd=case), 3) for case in cases)
    paths = [str(case / "main.k") for case in cases]
    with tempfile.TemporaryDirectory() as folder:  # Programs may write files.
        own = sum(in_process(worker, paths, folder))
    reference = python_package("kcl_lib", paths)
    rest = [(peer, None) for peer, *_ in others[1:]]
    return row(f"conformance suite, {len(cases):,} cases", 10, own, whole, [("kcl-lib", sum(filter(None, reference))), *rest])


def growth(worker, folder):
    """The table of growth: programs of one, four and sixteen times a size."""
    for name, size, kcl in programs.GROWING:
        took = []
        for factor in (1, 4, 16):
            (folder / "main.k").write_text(kcl(size * factor))
            took += in_process(worker, [folder / "main.k"])
        yield f"| {name} | {size:,} | {' | '.join(map(milliseconds, took))} | {took[2] / took[1]:.1f} |"


def replace(text, mark, table):
    """Puts a table between two marks."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, rest = text.split(begin)
    return before + begin + "\n" + "\n".join(table) + "\n\n" + end + rest.split(end)[1]


def machine():
    """The processor, and how many of them there are."""
    cpus = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()) or [platform.machine()]
    return f"{cpus[0]}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}"


def write(page, konfig, worker, suite):
    """Measures everything and rewrites the tables of a page."""
    others = peers()
    if not others or others[0][0] != "kcl-lib":
        sys.exit("performance: kcl-lib is missing: pip install kcl-lib==0.13.2")
    version = subprocess.run([konfig, "--version"], capture_output=True, text=True).stdout.split()[-1]
    facts = [f"konfig {version}", *(f"{name} {version}" for name, version, *_ in others)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        table = [
            f"{machine()}; {', '.join(facts)}; {time.strftime('%Y-%m-%d')}.",
            "",
            f"| program | konfig | konfig, process | {' | '.join(name for name, *_ in others)} | bar | met |",
            "| --- " + "| ---: " * (len(others) + 3) + "| --- |",
            *compared(konfig, worker, folder, others),
        ]
        if suite:
            table.append(conformance(konfig, worker, pathlib.Path(suite), others))
        grown = ["| program | size | 1x | 4x | 16x | 16x / 4x |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
        grown += growth(worker, folder)
    page.write_text(replace(replace(page.read_text(), "comparison", table), "growth", grown))
    print("\n".join([*table, "", *grown]))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--worker", help=argparse.SUPPRESS)
    arguments.add_argument("--binary", help="the konfig to measure")
    arguments.add_argument("--own-worker", help="the bench `worker`, which measures konfig inside of a process")
    arguments.add_argument("--page", type=pathlib.Path, help="where the tables are")
    given = arguments.parse_args()
    if given.worker:
        worker(given.worker)
    else:
        write(given.page, given.binary, given.own_worker, os.environ.get("KONFIG_CONFORMANCE"))


if __name__ == "__main__":
    main()
