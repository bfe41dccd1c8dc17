#!/usr/bin/env python3
"""measure.py LOG PROGRAM COMMAND…: runs it, prints CPU (user and system), wall time and peak memory.
measure.py --ratios FILE: the median ratios of CPU of what was printed."""
import os
import statistics
import subprocess
import sys
import time


def run(log, program, command):
    with open(os.devnull, "w") as nowhere:
        began = time.monotonic()
        child = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        _, status, used = os.wait4(child.pid, 0)
        took = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    if code:
        sys.exit(f"{program} ended with {code}")
    cpu = used.ru_utime + used.ru_stime
    print(f"{log:<7} {program:<10} {cpu:7.2f} cpu s {took:7.2f} s {used.ru_maxrss / 1024:8.1f} MB", flush=True)


def ratios(rows):
    cpu = {}
    for row in open(rows):
        log, program, seconds = row.split()[:3]
        cpu.setdefault((log, program), []).append(float(seconds))
    for (log, program), peer in cpu.items():
        if program != "flowfence":
            each = sorted(own / other for own, other in zip(cpu[log, "flowfence"], peer))
            print(f"{log}: flowfence / {program} median {statistics.median(each):.2f}, {each[0]:.2f} to {each[-1]:.2f}")


if sys.argv[1] == "--ratios":
    ratios(sys.argv[2])
else:
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
