#!/usr/bin/env python3
"""How long flows of some sizes take, and how two flows share a bottleneck, beside Linux's: the paths of goodput.py.

Completion times are from the client's connect to the last byte, with aksu and the kernel by turns on one path of 50
Mbit/s, 50 ms and 0.1 % loss.  Sharing is Jain's index of the bytes that two flows have brought in 30 s, begun at one
time, on 20 Mbit/s, 40 ms and a queue of what the path holds: the median of nine runs, and the least; and what the
first of the two had of it.

    bench/flows.py BUILD [--quick] [--jobs N] [--sharing FOLDER]     the folder gets a file for each pair, to be drawn
"""
import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time

from goodput import KERNEL, OURS, Path, link_words

SIZES = (("10 KB", 10_000, 40), ("100 KB", 100_000, 20), ("1 MB", 1_000_000, 8), ("10 MB", 10_000_000, 2))
SETS = 12
PATH = (50, 50, 0.1, False)
PAIRS = {"two of aksu": (f"{OURS}:9000", f"{OURS}:9000"), "aksu and Linux": (f"{OURS}:9000", f"{KERNEL}:9001"),
         "two of Linux": (f"{KERNEL}:9001", f"{KERNEL}:9001")}
SHARE_MS, SHARE_SEEDS = 30000, 9


def completion(path, size, count, seed):
    """[seconds], [seconds]: ours and the kernel's, over the same losses."""
    result = []
    for words, addr, port in ((["aksu-serve", "9000", str(size)], OURS, 9000),
                              (["kernel-serve", "9001", str(size), "cubic"], KERNEL, 9001)):
        server = path.serve(*words)
        time.sleep(0.2)
        path.join(seed, link_words(*PATH))
        flows = path.fetch("fetch", addr, port, 60000, count)
        server.kill()
        server.wait()
        path.servers.remove(server)
        if any(byte_count != size for byte_count, _ in flows):
            raise RuntimeError(f"a flow of {size} bytes did not end: {flows}")
        result.append([took for _, took in flows])
    return result


def share(path, seed, pair, series):
    """Jain's index of one run, and the first flow's part."""
    path.serve("aksu-serve", "9000", "0")
    path.serve("kernel-serve", "9001", "0", "cubic")
    time.sleep(0.2)
    path.join(seed, link_words(20, 40, 0, False))
    words = ["env", f"AKSU_PATH_SERIES={series}"] if series else []
    flows = path.fetch("share", SHARE_MS, *PAIRS[pair], before=words)
    total = sum(byte_count for byte_count, _ in flows)
    return total ** 2 / (len(flows) * sum(byte_count ** 2 for byte_count, _ in flows)), flows[0][0] / total


def run(jobs, options, work):
    """Runs each (key, function of a path), several at a time; {key: [results]}."""
    todo, results, failures, lock = list(jobs), {}, [], threading.Lock()

    def worker():
        while True:
            with lock:
                if not todo or failures:
                    return
                key, job = todo.pop(0)
                name = f"f{len(todo)}"
            path = None
            try:
                path = Path(options.build, work, name)
                result = job(path)
                with lock:
                    results.setdefault(key, []).append(result)
            except Exception as error:  # told by the main thread
                failures.append(error)
            finally:
                if path is not None:
                    path.end()

    threads = [threading.Thread(target=worker) for _ in range(options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def main():
    parser = argparse.ArgumentParser(description="completion times and sharing, beside Linux's")
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true", help="a third of the flows")
    parser.add_argument("--jobs", type=int, default=8, help="paths at one time")
    parser.add_argument("--sharing", default="", help="a folder for what each pair had at each time")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    sets = SETS // 3 if options.quick else SETS
    work = tempfile.mkdtemp()
    jobs = []
    for pair in PAIRS:
        for seed in range(1, (3 if options.quick else SHARE_SEEDS) + 1):
            series = os.path.join(os.path.abspath(options.sharing), pair.replace(" ", "-") + ".txt") \
                if options.sharing and seed == 1 else ""
            jobs.append((pair, lambda path, s=seed, p=pair, f=series: share(path, s, p, f)))
    for name, size, count in reversed(SIZES):
        for seed in range(1, sets + 1):
            jobs.append((name, lambda path, s=seed, z=size, c=count: completion(path, z, c, s)))
    began = time.time()
    try:
        results = run(jobs, options, work)
    finally:
        shutil.rmtree(work)
    for name, _, _ in SIZES:
        ours, kernel = ([took for result in results[name] for took in result[i]] for i in (0, 1))
        for what, part in (("median", 0.5), ("99th percentile", 0.99)):
            a, b = percentile(ours, part), percentile(kernel, part)
            print(f"flow {name}, {what} of {len(ours)}: {a * 1e3:.0f} {b * 1e3:.0f} {a / b:.3f}")
    for pair in PAIRS:
        indexes, parts = zip(*results[pair])
        print(f"share {pair}: {statistics.median(indexes):.3f} {min(indexes):.3f} {statistics.median(parts):.3f}")
    print(f"# {time.time() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
