"""Counts the instructions of builds of the sample monorepo, on one thread, and holds them against the figures that are kept.

Times of a shared machine are noisy; instructions hardly vary. `scripts/instructions` runs this: it ends with 1 where a
build takes more than it did, and asks for new figures where one takes less.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# What counts as the same.
SLACK = 0.05


def count(binary, root, *arguments):
    """The instructions of one build."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(binary), "build", "--root", str(root), "--jobs", "1", "--quiet"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit(f"instructions: {done.stderr.strip().splitlines()[-1:]}")
    return int(found[1])


def measured(binary, sample):
    """Each kind of build, in a copy of the sample that lies at a place of its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "sample"
        shutil.copytree(sample, root, ignore=shutil.ignore_patterns("dist", ".konfig"))
        for path in root.rglob("*"):
            os.utime(path, (1, 1))
        found = {"without store": count(binary, root, "--no-cache"), "with store": count(binary, root)}
        shutil.rmtree(root / "dist")
        return found | {"restored": count(binary, root)}


def compiler():
    """The version of the compiler, which counts as much as the code does."""
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1]


def main():
    """Compares, or keeps what is found."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--binary", type=pathlib.Path, required=True)
    given.add_argument("--sample", type=pathlib.Path, required=True)
    given.add_argument("--kept", type=pathlib.Path, required=True)
    given.add_argument("--bless", action="store_true", help="keep what is found")
    given = given.parse_args()
    found = {"rustc": compiler()} | measured(given.binary, given.sample)
    if given.bless:
        given.kept.write_text(json.dumps(found, indent=4) + "\n")
        return
    kept = json.loads(given.kept.read_text())
    if kept["rustc"] != found["rustc"]:
        print(f"skipped: figures are of rustc {kept['rustc']}, this is {found['rustc']}")
        return
    more = False
    for name in list(found)[1:]:
        ratio = found[name] / kept[name]
        said = "as before" if abs(ratio - 1) <= SLACK else "more: why?" if ratio > 1 else "less: keep it with `scripts/instructions --bless`"
        print(f"{name}: {found[name] / 1e6:,.1f} million instructions, {ratio - 1:+.1%}, {said}")
        more |= ratio > 1 + SLACK
    sys.exit(1 if more else 0)


if __name__ == "__main__":
    main()
