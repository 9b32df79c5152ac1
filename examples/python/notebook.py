"""
The spread of each symbol over some seconds, cell by cell as in a notebook.

PYTHONPATH=packages/python python3 examples/python/notebook.py [URL] [SECONDS]
"""

# %% Connect. A stream connects again by itself.
import statistics
import sys
import time
from collections import defaultdict

import ringcast

url = sys.argv[1] if len(sys.argv) > 1 else "ws://localhost:8080/ws/ticks"
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5
stream = ringcast.blocking.connect(url)

# %% Collect quotes. A gap says that the figures lack ticks.
spreads = defaultdict(list)
missed = 0
until = time.monotonic() + seconds
for item in stream.subscribe("*"):
    if isinstance(item, ringcast.Ticks):
        for tick in item.ticks:
            if tick["kind"] == "quote":
                spreads[tick["symbol"]].append(tick["ask"] - tick["bid"])
    elif isinstance(item, ringcast.Gap):
        missed += item.missed or 1
    if time.monotonic() > until:
        break

# %% Show them.
for symbol, values in sorted(spreads.items()):
    print(f"{symbol:12} {len(values):6} quotes, median spread {statistics.median(values):.4f}")
print(f"{missed} ticks are missing")
stream.close()
