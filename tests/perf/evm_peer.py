#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gyr's EVM beside evmone's: the cases of evm-benchmarks through gyr-evmbench and through a
evmone-bench that you built, whose path is given. Both run in turns, program by program, round by
round; what is compared is the median time of one execution, code analysis excluded on both sides.
The peer executes under Istanbul rules, so gas differs a little and is not compared. Ends with the
geometric mean over the main programs (several inputs of one program count as one)."""

import argparse
import collections
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import tarfile
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True, metavar="PATH", help="an evmone-bench")
    parser.add_argument("--peer-vm", default="baseline", choices=["baseline", "advanced"],
                        help="which of its interpreters (default: baseline)")
    parser.add_argument("--gyr", default=os.path.join("build", "app", "gyr-evmbench"),
                        metavar="PATH", help="default: build/app/gyr-evmbench")
    parser.add_argument("--gyr-args", default="", metavar="ARGS", help="further options of it")
    parser.add_argument("--cases", metavar="PATH", help="folder or archive of the cases; default: "
                        "evm-benchmarks.tar.xz in $GYR_VECTORS or ../shared/vectors")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--time", type=float, default=0.2, metavar="SECONDS",
                        help="per case, round and side (default: 0.2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="programs whose name has it")
    parser.add_argument("--json", action="store_true", help="one object per case")
    return parser.parse_args()


def find_cases(path, scratch):
    """The folder with main/ and micro/; archives are unpacked into scratch."""
    if path is None:
        vectors = os.environ.get("GYR_VECTORS", os.path.join(ROOT, "..", "shared", "vectors"))
        path = os.path.join(vectors, "evm-benchmarks.tar.xz")
        if not os.path.exists(path):
            path = os.path.join(vectors, "evm-benchmarks")
    if os.path.isfile(path):
        with tarfile.open(path) as archive:
            archive.extractall(scratch)
        path = scratch
    for folder, folders, _ in os.walk(path):
        if "main" in folders:
            return folder
    sys.exit(f"{path}: no folder main in it")


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def run_gyr(options, file):
    """Nanoseconds of each input, in the file's order."""
    command = [options.gyr, "--json", "--time", f"{int(options.time * 1000)}ms"]
    lines = run(command + shlex.split(options.gyr_args) + [file]).splitlines()
    return [json.loads(line)["ns"] for line in lines]


def run_peer(options, cases, program):
    """(label, nanoseconds) of each input: the median of five repetitions."""
    out = run([options.peer, cases, f"--benchmark_filter=^{options.peer_vm}/execute/{program}/",
               "--benchmark_format=json", "--benchmark_repetitions=5",
               f"--benchmark_min_time={options.time / 5:.3f}s"])
    times = collections.OrderedDict()
    for entry in json.loads(out)["benchmarks"]:
        if entry["run_type"] == "iteration":
            assert entry["time_unit"] == "us", entry
            times.setdefault(entry["run_name"], []).append(entry["cpu_time"] * 1000)
    return [(name.split("/")[-1], statistics.median(list_)) for name, list_ in times.items()]


def measure(options, cases, program):
    """(label, gyr ns, peer ns) of each input."""
    gyr, peer, labels = [], [], []
    for _ in range(options.rounds):
        gyr.append(run_gyr(options, os.path.join(cases, program + ".json")))
        answer = run_peer(options, cases, program)
        peer.append([time for _, time in answer])
        labels = [label for label, _ in answer]
    if len(gyr[0]) != len(labels):
        sys.exit(f"{program}: {len(gyr[0])} inputs here, {len(labels)} at the peer")
    return [(label, statistics.median(row[i] for row in gyr),
             statistics.median(row[i] for row in peer)) for i, label in enumerate(labels)]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def main():
    options = parse_arguments()
    main_ratios, lowest = {}, (math.inf, "")
    with tempfile.TemporaryDirectory() as scratch:
        cases = find_cases(options.cases, scratch)
        programs = sorted(f"{group}/{name[:-5]}" for group in ("main", "micro")
                          for name in os.listdir(os.path.join(cases, group))
                          if name.endswith(".json") and options.only in name)
        if not options.json:
            print(f"{'case':44}{'gyr us':>12}{'peer us':>12}{'peer/gyr':>10}")
        for program in programs:
            for label, gyr, peer in measure(options, cases, program):
                ratio = peer / gyr
                lowest = min(lowest, (ratio, f"{program}/{label}"))
                if program.startswith("main/"):
                    main_ratios.setdefault(program, []).append(ratio)
                if options.json:
                    print(json.dumps({"case": f"{program}/{label}", "gyr_ns": gyr,
                                      "peer_ns": peer, "ratio": ratio}))
                else:
                    print(f"{program + '/' + label:44}{gyr / 1000:12.2f}{peer / 1000:12.2f}"
                          f"{ratio:10.2f}", flush=True)
    if not main_ratios:
        return
    inputs = geometric_mean([ratio for list_ in main_ratios.values() for ratio in list_])
    mean = geometric_mean([geometric_mean(list_) for list_ in main_ratios.values()])
    if options.json:
        print(json.dumps({"programs": len(main_ratios), "geometric_mean": mean,
                          "geometric_mean_inputs": inputs, "lowest": lowest[0],
                          "lowest_case": lowest[1]}))
    else:
        print(f"geometric mean over {len(main_ratios)} main programs {mean:.2f}, over their "
              f"inputs {inputs:.2f}; lowest of all {lowest[0]:.2f} ({lowest[1]})")


if __name__ == "__main__":
    main()
