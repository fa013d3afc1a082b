#!/usr/bin/env python3
"""day.py rows SEED COUNT PARTITIONS - a day of flights with disorder and late rows.
day.py expect < rows             - what docs/architecture.md, "Time", makes of them, independently of Flight.

Rows: "partition<TAB>json", each partition in its own order.  Results, sorted:
average<TAB>passengers<TAB>window end, trend<TAB>origin<TAB>window end, late<TAB>query<TAB>flightNumber.
"""
import json, random, sys

DELAY_MS = 5000
SIZES = {"average": 60_000, "trend": 86_400_000}


def rows(seed, count, partitions):
    rnd = random.Random(seed)
    start = 1_511_913_600  # 2017-11-29 00:00:00 UTC
    origins = ["es", "us", "fr", "de", "it", "gb", "pt", "gr", "pl", "se"]
    for i in range(count):
        t = start + i * 86_400 // count
        if rnd.random() < 0.2:
            t -= rnd.randrange(0, 5)      # disorder inside the bound
        if rnd.random() < 0.02:
            t -= rnd.randrange(5, 300)    # beyond it: late for the minute, perhaps
        if i > count - 50 and i % 7:
            t += 86_400                   # the next day; every seventh row lags: late for its day too
        row = {"flightNumber": "f%d" % i, "planeType": rnd.randrange(2),
               "passengers": rnd.randrange(-20, 400), "landedAt": t, "origin": rnd.choice(origins)}
        print("%d\t%s" % (rnd.randrange(partitions), json.dumps(row, separators=(",", ":"))))


def expect(lines):
    watermark, late = {}, []
    windows = {name: {} for name in SIZES}
    for line in lines:
        partition, text = line.rstrip("\n").split("\t")
        row = json.loads(text)
        t, w = row["landedAt"] * 1000, watermark.get(partition, -1 << 63)
        for name, size in SIZES.items():
            end = t - t % size + size
            if w >= end - 1:
                late.append("late\t%s\t%s" % (name, row["flightNumber"]))
            else:
                windows[name].setdefault(end, []).append(row)
        watermark[partition] = max(w, t - DELAY_MS)
    out = late
    for end, members in windows["average"].items():
        total = sum(r["passengers"] for r in members)
        average = abs(total) // len(members) * (1 if total >= 0 else -1)
        out.append("average\t%d\t%d" % (average, end // 1000))
    for end, members in windows["trend"].items():
        totals = {}
        for r in members:
            s, first = totals.get(r["origin"], (0, r["landedAt"]))
            totals[r["origin"]] = (s + r["passengers"], min(first, r["landedAt"]))
        best = min(totals, key=lambda o: (-totals[o][0], totals[o][1]))
        out.append("trend\t%s\t%d" % (best, end // 1000))
    print("\n".join(sorted(out)))


if sys.argv[1:2] == ["rows"] and len(sys.argv) == 5:
    rows(*map(int, sys.argv[2:]))
elif sys.argv[1:] == ["expect"]:
    expect(sys.stdin)
else:
    sys.exit(__doc__)
