#!/usr/bin/env python3
"""Goodput of aksu's cubic beside Linux's, through the same `aksu link`, with the same losses.

Prints for each cell the median goodput of both in Mbit/s, and the median of the ratios of the seeds.  Every cell is
measured by turns, aksu and the kernel, in network namespaces that end with this program; several cells at a time, each
on a path of its own.  The peer is the same kernel for both: it receives, or with --receive it sends, and what it has
had acknowledged counts.  Loss, reordering and rate are on the way of the data; the k-th packet of a seed is lost
whoever sent it.

    bench/goodput.py BUILD [--receive] [--quick] [--seeds N] [--rate MBIT] [--cells TEXT] [--max-loss PERCENT]
                           [--jobs N] [--late MS] [--cc NAME] [--set NAME=VALUE]... [--out FILE]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

RTTS_MS = (1, 20, 100, 300)
LOSSES = (0, 0.1, 1, 3)
RUN_MS = {1: 2000, 20: 4000, 100: 8000, 300: 16000}
# Where there are losses a run is a matter of luck, the more so the fewer it has: the ratios of the seeds of one cell
# scatter by a factor of two and more.  Such runs are slow, so that many can go at one time.
SEEDS, SEEDS_LOSSLESS = {1: 5, 20: 15, 100: 25, 300: 41}, 3
JOBS = {1: 8, 20: 12, 100: 24, 300: 40}
SEGMENT = 1500
# One packet in a hundred is late by a fifth of the round trip, at most so much.  Later ones than that are discarded by
# the receiving kernel's PAWS when a retransmission has come before them, which makes more retransmissions: with 60 ms
# of 300 both senders end anywhere between a third of the rate and all of it.
LATE_MAX_US = 10000
OURS, KERNEL = "192.0.2.2", "10.9.0.1"


class Space:
    """A network namespace, held by a process."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "36000"])
        here = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == here:
            time.sleep(0.01)
        self.run("ip", "link", "set", "lo", "up")
        self.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv4.tcp_no_metrics_save=1",
                 "net.ipv4.tcp_rmem=4096 131072 33554432", "net.ipv4.tcp_wmem=4096 16384 33554432")

    def command(self, *words):
        return ["nsenter", "-t", str(self.holder.pid), "-n", "--", *words]

    def run(self, *words):
        return subprocess.run(self.command(*words), check=True, capture_output=True, text=True).stdout

    def start(self, *words, **options):
        return subprocess.Popen(self.command(*words), **options)

    def end(self):
        self.holder.kill()
        self.holder.wait()


class Path:
    """A sender's and a receiver's kernel with a link between them."""

    def __init__(self, build, work, name):
        self.build, self.name = build, name
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=os.path.join(work, name))
        os.makedirs(self.environment["XDG_RUNTIME_DIR"])
        self.sender, self.receiver = Space(), Space()
        self.link, self.servers = None, []

    def serve(self, *words, cwnd=None):
        environment = dict(self.environment, **({"AKSU_PATH_CWND": cwnd} if cwnd else {}))
        self.servers.append(self.sender.start(f"{self.build}/bench/path", *words, env=environment))
        return self.servers[-1]

    def join(self, seed, words):
        """A link of its own for each run, so that its chances begin anew."""
        self.part()
        self.link = subprocess.Popen(
            [f"{self.build}/aksu", "link", f"near@{self.sender.holder.pid}", f"far@{self.receiver.holder.pid}",
             "--a-address", KERNEL + "/24", "--b-address", "10.9.0.2/24", "--seed", str(seed), "--quiet", *words],
            env=self.environment)
        control = os.path.join(self.environment["XDG_RUNTIME_DIR"], "aksu", "near.link")
        while not os.path.exists(control):
            if self.link.poll() is not None:
                raise RuntimeError("aksu link ended")
            time.sleep(0.01)
        # the forwarded packets of aksu have no socket that would wait when the device's queue is full
        self.sender.run("ip", "link", "set", "near", "txqueuelen", "100000")
        self.receiver.run("ip", "link", "set", "far", "txqueuelen", "100000")
        self.sender.run("sh", "-c", "! ip link show aksu0 || ip link set aksu0 txqueuelen 10000")
        self.receiver.run("ip", "route", "replace", "192.0.2.0/24", "via", KERNEL)

    def part(self):
        if self.link is not None:
            self.link.terminate()
            self.link.wait()
            self.link = None

    def fetch(self, verb, *words, before=()):
        """[(bytes, seconds)] of each connection."""
        out = self.receiver.run(*before, f"{self.build}/bench/path", verb, *map(str, words))
        return [(int(line.split()[0]), float(line.split()[1])) for line in out.splitlines()]

    def end(self):
        self.part()
        for server in self.servers:
            server.kill()
            server.wait()
        self.sender.end()
        self.receiver.end()


def link_words(rate_mbit, rtt_ms, loss, reorder, late_ms=None, side="a"):
    """side: whose packets the data is, a: of the near end, b: of the far one."""
    bdp = int(rate_mbit * 125 * rtt_ms)
    words = [f"delay={rtt_ms * 500}us", f"{side}:rate={rate_mbit}Mbit", f"{side}:queue={max(bdp, 60 * SEGMENT)}"]
    if loss:
        words.append(f"{side}:loss={loss}%")
    if reorder:
        late_us = max(200 * rtt_ms, 500) if late_ms is None else 1000 * late_ms
        words += [f"{side}:reorder=1%", f"{side}:reorder-by={late_us if late_ms else min(late_us, LATE_MAX_US)}us"]
    return words


def cell_name(cell):
    rtt, loss, reorder = cell
    return f"{rtt} ms, {loss} %" + (", reordering" if reorder else "")


def measure(path, cell, seed, options):
    rtt, loss, reorder = cell
    got = []
    for addr, port in ((OURS, 9000), (KERNEL, 9001)):
        path.join(seed, link_words(options.rate, rtt, loss, reorder, options.late, "b" if options.receive else "a"))
        run_ms = RUN_MS[rtt] // (2 if options.quick else 1)
        words = ("push", addr, port, run_ms, options.cc) if options.receive else ("fetch", addr, port, run_ms, 1)
        byte_count, took = path.fetch(*words)[0]
        got.append(byte_count * 8e-6 / took)
    return got


def all_cells(options):
    cells = [(rtt, loss, reorder) for rtt in RTTS_MS for loss in LOSSES for reorder in (False, True)
             if loss <= options.max_loss]
    if options.cells:
        chosen = {name.replace("_", " ").strip() for name in options.cells.split(";")} - {""}
        unknown = chosen - {cell_name(cell) for cell in cells}
        if unknown or not chosen:
            print(f"goodput: there is no cell '{min(unknown, default='')}'; one is '{cell_name(cells[1])}'", file=sys.stderr)
            sys.exit(2)
        cells = [cell for cell in cells if cell_name(cell) in chosen]
    return cells


def seed_count(cell, options):
    count = options.seeds or (SEEDS[cell[0]] if cell[1] else SEEDS_LOSSLESS)
    return max(3, count // 2) if options.quick and not options.seeds else count


def run_grid(options, work):
    """{cell: [[seed, ours, kernel], ...]}, the longest runs first."""
    cells = all_cells(options)
    todo = [(cell, seed) for cell in cells for seed in range(1, seed_count(cell, options) + 1)]
    todo.sort(key=lambda run: (-run[0][0], run[1]))
    results, lock, failures = {cell: [] for cell in cells}, threading.Lock(), []

    def worker(number):
        path = None
        try:
            path = Path(options.build, work, f"p{number}")
            what = "-" if options.receive else "0"
            path.serve("aksu-serve", "9000", what, f"congestion_control={options.cc}", *options.set)
            path.serve("kernel-serve", "9001", what, options.kernel_cc or options.cc)
            time.sleep(0.3)
            while True:
                with lock:
                    if not todo or failures or number >= JOBS[todo[0][0][0]]:
                        return
                    cell, seed = todo.pop(0)
                pair = measure(path, cell, seed, options)
                with lock:
                    results[cell].append([seed, *pair])
                if options.verbose:
                    print(f"# {cell_name(cell)}, seed {seed}: {pair[0]:.2f} {pair[1]:.2f}", file=sys.stderr)
        except Exception as error:  # noqa: told by the main thread
            failures.append(error)
        finally:
            if path is not None:
                path.end()

    threads = [threading.Thread(target=worker, args=(i,)) for i in range(options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def main():
    parser = argparse.ArgumentParser(description="goodput over a grid of paths, beside Linux's")
    parser.add_argument("build")
    parser.add_argument("--receive", action="store_true", help="aksu, or the kernel in its place, receives")
    parser.add_argument("--max-loss", type=float, default=100, help="no cells with more, per cent")
    parser.add_argument("--quick", action="store_true", help="half the time for each run, half the seeds")
    parser.add_argument("--seeds", type=int, default=0, help="runs of each cell (3 to 41)")
    parser.add_argument("--rate", type=int, default=50, help="of the link, Mbit/s")
    parser.add_argument("--cells", default="", help="only these, as they are printed, with ; between them and _ or a blank in them")
    parser.add_argument("--jobs", type=int, default=40, help="paths at one time, at most")
    parser.add_argument("--late", type=int, default=None, help="how late a reordered packet is, ms")
    parser.add_argument("--cc", default="cubic")
    parser.add_argument("--kernel-cc", default="", help="the kernel's, if it is to be another")
    parser.add_argument("--set", action="append", default=[], help="a setting of aksu's connections")
    parser.add_argument("--out", default="", help="where to write all numbers, as JSON")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    work = tempfile.mkdtemp()
    began = time.time()
    try:
        results = run_grid(options, work)
    finally:
        shutil.rmtree(work)
    ratios, rows = [], []
    for cell, runs in results.items():
        ours, kernel = (statistics.median(run[i] for run in runs) for i in (1, 2))
        # of the ratios of each seed, whose losses are the same for both: seeds differ by far more than stacks
        ratio = statistics.median(run[1] / run[2] for run in runs)
        ratios.append((ratio, cell))
        rows.append({"rtt_ms": cell[0], "loss": cell[1], "reorder": cell[2], "ours": ours, "kernel": kernel,
                     "ratio": ratio, "runs": sorted(runs)})
        print(f"cell {cell_name(cell)}: {ours:.2f} {kernel:.2f} {ratio:.3f}")
    mean = statistics.mean(ratio for ratio, _ in ratios)
    print(f"mean {mean:.3f}")
    print(f"least {min(ratios)[0]:.3f}")
    print(f"below 0.95: {sum(ratio < 0.95 for ratio, _ in ratios)}")
    print(f"# {time.time() - began:.0f} s", file=sys.stderr)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as out:
            json.dump({"rate_mbit": options.rate, "cc": options.cc, "cells": rows}, out, indent=1)


if __name__ == "__main__":
    main()
