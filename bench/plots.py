#!/usr/bin/env python3
"""Draws docs/figures/*.svg: the grid of goodput.py as a heat map, a recovery as a time-sequence graph, the congestion
window of aksu's cubic beside Linux's, and flows that share a bottleneck.

    bench/plots.py BUILD --grid FILE [--bbr FILE] [--sharing FOLDER] [--to FOLDER]
        FILE is what goodput.py --out wrote, FOLDER what flows.py --sharing filled; what is not given is not drawn.
        Without either: the recovery and the windows alone, which it measures itself.
"""
import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time

from goodput import KERNEL, OURS, Path, link_words

BLUE, ORANGE, RED, GREEN, GREY = "#2b6cb0", "#b7791f", "#c53030", "#2f855a", "#718096"


class Picture:
    """A plot of 860 x 480 with axes; x and y in the units of the data."""

    def __init__(self, title, x_name, y_name, x_max, y_max, x_min=0.0, y_min=0.0, size=(860, 480)):
        self.width, self.height = size
        self.left, self.right, self.top, self.bottom = 70, 20, 56, 50
        self.x_min, self.x_max, self.y_min, self.y_max = x_min, x_max, y_min, y_max
        self.parts = [f'<text x="{self.left}" y="22" font-size="15" fill="#1a202c">{title}</text>']
        self.legend_x = self.left
        if x_name:
            self.axes(x_name, y_name)

    def x(self, value):
        span = self.width - self.left - self.right
        return round(self.left + (value - self.x_min) / (self.x_max - self.x_min) * span, 1)

    def y(self, value):
        span = self.height - self.top - self.bottom
        return round(self.height - self.bottom - (value - self.y_min) / (self.y_max - self.y_min) * span, 1)

    @staticmethod
    def ticks(low, high):
        step = 10.0 ** len(str(int(max(high - low, 1)))) / 1000
        for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
            if (high - low) / (step * factor) <= 8:
                step *= factor
                break
        first = int(low / step + 0.999)
        return [round(step * i, 6) for i in range(first, int(high / step) + 1)]

    def axes(self, x_name, y_name):
        for value in self.ticks(self.x_min, self.x_max):
            self.line(self.x(value), self.y(self.y_min), self.x(value), self.y(self.y_max), "#e2e8f0")
            self.text(self.x(value), self.height - self.bottom + 16, f"{value:g}", "middle")
        for value in self.ticks(self.y_min, self.y_max):
            self.line(self.x(self.x_min), self.y(value), self.x(self.x_max), self.y(value), "#e2e8f0")
            self.text(self.left - 8, self.y(value) + 4, f"{value:g}", "end")
        self.text((self.left + self.width) / 2, self.height - 12, x_name, "middle")
        self.parts.append(f'<text transform="translate(16 {self.height / 2}) rotate(-90)" font-size="11" '
                          f'text-anchor="middle" fill="{GREY}">{y_name}</text>')

    def line(self, x1, y1, x2, y2, colour, width=1.0):
        self.parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"/>')

    def text(self, x, y, text, anchor="start", colour=GREY, size=11):
        self.parts.append(f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{text}</text>')

    def path(self, points, colour, width=1.5):
        if points:
            where = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
            self.parts.append(f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="{width}"/>')

    def dot(self, x, y, colour, radius=1.6):
        self.parts.append(f'<circle cx="{self.x(x)}" cy="{self.y(y)}" r="{radius}" fill="{colour}"/>')

    def legend(self, text, colour):
        self.parts.append(f'<rect x="{self.legend_x}" y="34" width="10" height="10" fill="{colour}"/>')
        self.text(self.legend_x + 15, 43, text, colour="#1a202c")
        self.legend_x += 30 + 6.4 * len(text)

    def write(self, name):
        with open(name, "w", encoding="utf-8") as out:
            out.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                      f'width="{self.width}" height="{self.height}" font-family="sans-serif">\n'
                      f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>\n')
            out.write("\n".join(self.parts) + "\n</svg>\n")


def heat_colour(ratio):
    """Red at 0.8 and less, white at 1, green at 1.2 and more."""
    part = max(-1.0, min(1.0, (ratio - 1) / 0.2))
    end = (47, 133, 90) if part > 0 else (197, 48, 48)
    return "#" + "".join(f"{round(255 + (value - 255) * abs(part) * 0.75):02x}" for value in end)


def draw_grid(grid, name):
    rtts = sorted({row["rtt_ms"] for row in grid["cells"]})
    columns = sorted({(row["loss"], row["reorder"]) for row in grid["cells"]}, key=lambda c: (c[1], c[0]))
    seeds = sorted({len(row["runs"]) for row in grid["cells"]})
    seeds = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    picture = Picture(f"Goodput of aksu's {grid['cc']} by Linux's: {grid['rate_mbit']} Mbit/s, median of {seeds} seeds; "
                      "below, Mbit/s of both", "", "", 1, 1,
                      size=(860, 130 + 62 * len(rtts)))
    width, height = 94, 60
    for i, (loss, reorder) in enumerate(columns):
        picture.text(100 + (width + 2) * i + width / 2, 66, f"loss {loss:g} %", "middle", "#1a202c")
        if reorder:
            picture.text(100 + (width + 2) * i + width / 2, 52, "reordering 1 %", "middle")
    for row in grid["cells"]:
        x = 100 + (width + 2) * columns.index((row["loss"], row["reorder"]))
        y = 76 + (height + 2) * rtts.index(row["rtt_ms"])
        picture.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{heat_colour(row["ratio"])}"/>')
        picture.text(x + width / 2, y + 28, f"{row['ratio']:.2f}", "middle", "#1a202c", 17)
        picture.text(x + width / 2, y + 46, f"{row['ours']:.1f} / {row['kernel']:.1f}", "middle", "#2d3748")
    for i, rtt in enumerate(rtts):
        picture.text(90, 76 + 62 * i + 34, f"{rtt} ms", "end", "#1a202c")
    ratios = [row["ratio"] for row in grid["cells"]]
    picture.text(100, picture.height - 22, f"mean {sum(ratios) / len(ratios):.3f}, least {min(ratios):.3f}", colour="#1a202c",
                 size=13)
    picture.write(name)


def read_columns(name):
    with open(name, encoding="utf-8") as lines:
        return [[float(word) for word in line.split()] for line in lines if line.count("\n")]


def without_plateaus(rows):
    """The points of a curve at which it changes, and those before them."""
    kept = [i for i in range(len(rows)) if i in (0, len(rows) - 1) or rows[i][1] != rows[i - 1][1] or
            rows[i][1] != rows[i + 1][1]]
    return [(rows[i][0], rows[i][1]) for i in kept]


def draw_windows(path, work, name):
    """Both over one path of 100 ms with the same losses."""
    curves = []
    for words, addr, port, colour in ((["aksu-serve", "9000", "0"], OURS, 9000, BLUE),
                                      (["kernel-serve", "9001", "0", "cubic"], KERNEL, 9001, ORANGE)):
        log = os.path.join(work, str(port))
        path.serve(*words, cwnd=log)
        time.sleep(0.3)
        path.join(2, link_words(50, 100, 0.02, False))
        path.fetch("fetch", addr, port, 30000, 1)
        curves.append((without_plateaus([row for row in read_columns(log) if len(row) == 2]), colour))
    most = max(y for curve, _ in curves for _, y in curve)
    picture = Picture("Congestion window of cubic: 50 Mbit/s, 100 ms, 0.02 % loss, the same seed", "s", "segments", 30,
                      most * 1.05)
    picture.legend("aksu", BLUE)
    picture.legend("Linux", ORANGE)
    picture.line(picture.left, picture.y(430), picture.width - picture.right, picture.y(430), GREY)
    picture.text(picture.width - picture.right - 4, picture.y(430) - 4, "rate x round trip", "end")
    for curve, colour in curves:
        picture.path(curve, colour)
    picture.write(name)


def trace_of(path, work):
    """Events of a connection that sends over a path with losses, from aksu's own trace."""
    log = os.path.join(work, "trace")
    with open("/dev/zero", "rb") as zero:
        server = path.sender.start(f"{path.build}/aksu", "listen", "9000", f"--trace=json:{log}", "--quiet", stdin=zero,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=path.environment)
    path.servers.append(server)
    time.sleep(0.4)
    path.join(5, link_words(20, 100, 3, False))
    path.fetch("fetch", OURS, 9000, 4000, 1)
    with open(log, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("}\n")]


def draw_recovery(events, name):
    """SYN to a second after the first loss: what went, what was acknowledged, and what detected each loss."""
    start = next(e["time_us"] for e in events if e["event"] == "segment" and "SYN" in e["flags"])
    isn = next(e["seq"] for e in events if e["event"] == "segment" and "SYN" in e["flags"] and e["direction"] == "out")
    losses = [e for e in events if e["event"] == "loss"]
    at = (losses[0]["time_us"] - start) / 1e6
    begin, end = max(0.0, at - 0.12), at + 0.25
    colours = {"rack": RED, "timeout": "#6b46c1", "duplicate ACKs": ORANGE, "partial ACK": ORANGE}
    new, again, acks, sacks, marks = [], [], [], [], []
    for event in events:
        t = (event["time_us"] - start) / 1e6
        if not begin <= t <= end:
            continue
        kilo = (event.get("seq", 0) - isn - 1) % (1 << 32) / 1e3
        if event["event"] == "loss":
            marks.append((t, kilo, event["cause"]))
        elif event["event"] == "segment" and event["direction"] == "out" and event["payload_bytes"] > 0:
            (again if event["retransmission"] else new).append((t, kilo, kilo + event["payload_bytes"] / 1e3))
        elif event["event"] == "segment" and event["direction"] == "in":
            acks.append((t, (event["ack"] - isn - 1) % (1 << 32) / 1e3))
            for block in event["options"].get("sack", []):
                left, right = (block["left"], block["right"]) if isinstance(block, dict) else block
                sacks.append((t, (left - isn - 1) % (1 << 32) / 1e3, (right - isn - 1) % (1 << 32) / 1e3))
    low = min(y for _, y in acks)
    high = max(y for _, _, y in new)
    picture = Picture("A recovery: 20 Mbit/s, 100 ms, 3 % loss; what detected each loss", "s", "KB", end, high * 1.03, begin,
                      low * 0.97)
    for text, colour in (("sent", BLUE), ("acknowledged", GREEN), ("SACK", "#9ae6b4"), ("sent again", ORANGE)):
        picture.legend(text, colour)
    for cause in sorted({cause for _, _, cause in marks}):
        picture.legend(f"lost, by {cause}", colours.get(cause, RED))
    for t, left, right in sacks:
        picture.line(picture.x(t), picture.y(left), picture.x(t), picture.y(right), "#9ae6b4", 1.2)
    stairs = []
    for t, y in acks:
        if stairs:
            stairs.append((t, stairs[-1][1]))
        stairs.append((t, max(y, stairs[-1][1]) if stairs else y))
    picture.path(stairs, GREEN)
    for t, left, right in new:
        picture.line(picture.x(t), picture.y(left), picture.x(t), picture.y(right), BLUE, 2.4)
    for t, y, cause in marks:
        x, y, colour = picture.x(t), picture.y(y), colours.get(cause, RED)
        picture.line(x - 5, y - 5, x + 5, y + 5, colour, 2)
        picture.line(x - 5, y + 5, x + 5, y - 5, colour, 2)
    for t, left, _ in again:
        picture.dot(t, left, ORANGE, 3)
    picture.write(name)


def draw_sharing(folder, name):
    """Mbit/s of each of two flows in every second, a row for each pair."""
    pairs = (("two-of-aksu", "two of aksu", (BLUE, "#63b3ed")), ("aksu-and-Linux", "aksu and Linux", (BLUE, ORANGE)),
             ("two-of-Linux", "two of Linux", (ORANGE, "#f6ad55")))
    picture = Picture("Two flows on 20 Mbit/s, 40 ms, a queue of what the path holds: Mbit/s in each second", "", "", 30, 20,
                      size=(860, 540))
    for i, (file, title, colours) in enumerate(pairs):
        rows = read_columns(os.path.join(folder, file + ".txt"))
        picture.top, picture.bottom = 60 + 160 * i, picture.height - 60 - 160 * i - 130
        picture.axes("", "")
        picture.text(picture.left + 6, picture.top + 14, title, colour="#1a202c")
        for flow in (1, 2):
            curve = [(rows[j][0], (rows[j][flow] - rows[j - 10][flow]) * 8e-6) for j in range(10, len(rows), 5)]
            picture.path(curve, colours[flow - 1])
    picture.text(picture.width / 2, picture.height - 6, "s", "middle")
    picture.write(name)


def main():
    parser = argparse.ArgumentParser(description="draws the figures of the data path")
    parser.add_argument("build")
    parser.add_argument("--grid", default="", help="what goodput.py --out wrote")
    parser.add_argument("--bbr", default="", help="the same, by bbr")
    parser.add_argument("--sharing", default="", help="the folder that flows.py --sharing filled")
    parser.add_argument("--to", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "figures"))
    options = parser.parse_args()
    os.makedirs(options.to, exist_ok=True)
    for grid, picture in ((options.grid, "goodput.svg"), (options.bbr, "goodput_bbr.svg")):
        if grid:
            with open(grid, encoding="utf-8") as file:
                draw_grid(json.load(file), os.path.join(options.to, picture))
    if options.sharing:
        draw_sharing(options.sharing, os.path.join(options.to, "sharing.svg"))
    work = tempfile.mkdtemp()
    build = os.path.abspath(options.build)
    try:
        path = Path(build, work, "windows")
        try:
            draw_windows(path, work, os.path.join(options.to, "cwnd.svg"))
        finally:
            path.end()
        path = Path(build, work, "recovery")
        try:
            draw_recovery(trace_of(path, work), os.path.join(options.to, "recovery.svg"))
        finally:
            path.end()
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
