"""Runs a command, and prints its wall and CPU seconds and its memory: measure.py NAME COMMAND..."""

import os
import resource
import subprocess
import sys
import time

began = time.monotonic()
with open(os.devnull, "w") as nowhere:
    ended = subprocess.run(sys.argv[2:], stdout=nowhere, stderr=subprocess.PIPE)
wall = time.monotonic() - began
if ended.returncode != 0:
    sys.exit(f"{sys.argv[1]}: ended with {ended.returncode}\n{ended.stderr.decode(errors='replace')}")
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]:<14} wall {wall:6.2f} s  cpu {used.ru_utime + used.ru_stime:6.2f} s  memory {used.ru_maxrss / 1024:6.0f} MB", flush=True)
