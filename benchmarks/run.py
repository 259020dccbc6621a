"""Ratios measured within one run: ``python benchmarks/run.py [--short]``.

Nothing here passes or fails; the numbers say what a change did to speed and memory.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import UUID

from bulkps.cli.group import COMMANDS

BULKPS = [sys.executable, "-m", "bulkps"]
_CHECK = """
import resource, sys, time
from pathlib import Path
from bulkps.intake import check
from bulkps.operations.loader import built_in_operations
operation = built_in_operations()["restore"]
began = time.perf_counter()
report = check(Path(sys.argv[1]), operation)
took = time.perf_counter() - began
assert report.sound, report.problems
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_BARE = """
import csv, sys, time
began = time.perf_counter()
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    for row in csv.reader(file):
        pass
print(time.perf_counter() - began)
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="Smaller numbers, for CI.")
    short = parser.parse_args().short
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BULKPS_HOME"] = str(Path(folder) / "home")
        help_against_click(5 if short else 15)
        check_against_bare_reader(Path(folder), 100_000 if short else 1_000_000)
        four_sessions_against_one(Path(folder), 40 if short else 200)
        thousand_rows_with_faults(Path(folder), 100 if short else 1000)


def help_against_click(times: int) -> None:
    """Print how much longer every help takes than loading click: medians of processor time."""
    click = [sys.executable, "-c", "import click"]
    words = [
        [],
        *([name] for name in COMMANDS),
        ["audit", "verify"],
        ["audit", "show"],
        ["operations", "new"],
    ]
    lines = {" ".join(["bulkps", *word, "--help"]): [*BULKPS, *word, "--help"] for word in words}
    took: dict[str, list[float]] = {name: [] for name in ["import click", *lines]}
    # One of each before the next round: what else the machine does meets all of them alike.
    for _ in range(times + 1):
        for name, command in {"import click": click, **lines}.items():
            took[name].append(_processor_time(command))
    # The first round fills caches of files.
    medians = {name: median(seconds[1:]) for name, seconds in took.items()}
    bare = medians["import click"]
    print(f"import click: {bare * 1000:.0f} ms of processor (median of {times})")
    for name in lines:
        print(f"{name}: {medians[name] * 1000:.0f} ms, {medians[name] / bare:.2f} times import click")
    print(f"the slowest help: {max(medians[name] for name in lines) / bare:.2f} times import click")


def _processor_time(command: list[str]) -> float:
    # Of elapsed time, what else the machine does can double so short a program.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def check_against_bare_reader(folder: Path, rows: int) -> None:
    """Print how much longer a check takes than reading the file with csv.reader."""
    path = folder / "million.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source_guid", "target_mailbox", "target_folder", "conflict_resolution"])
        # From 1: a GUID of zeros names nothing.
        for number in range(1, rows + 1):
            guid = UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)
            writer.writerow([guid, f"user{number}.name@contoso.com", "Restored mail", "KeepAll"])
    bare, checked = [], []
    for _ in range(3):
        bare.append(float(_python(_BARE, path)[0]))
        checked.append([float(part) for part in _python(_CHECK, path)])
    took, memory = min(checked)
    print(
        f"check of {rows:,} rows: {rows / took:,.0f} rows/s, "
        f"{took / min(bare):.2f} times a bare csv.reader pass"
    )
    print(f"peak memory of that check: {memory:.0f} MB")


def four_sessions_against_one(folder: Path, rows: int) -> None:
    """Print what part of one session's time four sessions take, at 100 ms per cmdlet."""
    took = {}
    for sessions in (1, 4):
        with simulator(folder, f"sessions{sessions}", "--latency", "0.1", "--mailboxes", str(rows)) as config:
            began = time.perf_counter()
            run(folder, config, rows, "--no-wait", "--max-sessions", str(sessions))
            took[sessions] = time.perf_counter() - began
    print(
        f"{rows} rows at 100 ms: {took[1]:.1f} s with 1 session, "
        f"{took[4]:.1f} s with 4: {took[4] / took[1]:.2f}"
    )


def thousand_rows_with_faults(folder: Path, rows: int) -> None:
    """Print whether every row had one effect although 1% were throttled and 1% met a transient error."""
    faults = "transient=0.01,throttled=0.01"
    with simulator(folder, "faults", "--faults", faults, "--mailboxes", str(rows)) as config:
        began = time.perf_counter()
        said = run(folder, config, rows)
        took = time.perf_counter() - began
    effects = Counter(
        json.loads(line)["mailbox"]
        for line in (folder / "faults.jsonl").read_text(encoding="utf-8").splitlines()
    )
    with Path(str(said["results"])).open(encoding="utf-8-sig", newline="") as file:
        results = list(csv.DictReader(file))
    attempts = sum(int(row["attempts"]) for row in results)
    print(f"{rows} rows with {faults}: {said['counts']} in {took:.1f} s, {attempts} attempts")
    print(f"rows with exactly one effect: {sum(count == 1 for count in effects.values())} of {rows}")


def run(folder: Path, config: Path, rows: int, *options: str) -> dict[str, object]:
    """Run a restore of *rows* rows and return what it says."""
    file = folder / f"in{rows}.csv"
    subprocess.run(
        [*BULKPS, "template", "restore", "--rows", str(rows), "-o", file, "--force"],
        check=True,
        capture_output=True,
    )
    command = [*BULKPS, "run", "restore", str(file), "--config", str(config), "--json", "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said: dict[str, object] = json.loads(done.stdout)
    return said


@contextmanager
def simulator(folder: Path, name: str, *options: str) -> Iterator[Path]:
    """Run ``bulkps simulate`` in another process and give settings that lead to it."""
    config, effects = folder / f"{name}.yaml", folder / f"{name}.jsonl"
    # A home for each: what one run has done another one would skip.
    os.environ["BULKPS_HOME"] = str(folder / f"home-{name}")
    command = [*BULKPS, "simulate", "--port", "0", "--write-config", str(config)]
    command += ["--effects", str(effects), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        text = config.read_text(encoding="utf-8")
        # A run's own rest between batches is no matter of the sessions.
        config.write_text(
            text + "run: {preflight: false, delay_between_batches: 0, retry: {transient: {first_wait: 1}, "
            "throttled: {first_wait: 1}}}\n",
            encoding="utf-8",
        )
        yield config
    finally:
        process.terminate()
        process.wait()
        if process.stderr:
            process.stderr.close()


def _python(code: str, path: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    return done.stdout.split()


if __name__ == "__main__":
    main()
