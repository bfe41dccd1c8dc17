"""What the applications themselves say: how often they asked, and how often in vain."""
import os
import time

from .api import Api
from .places import owner_name, path, plain, workload
from .system import json_lines
from .truth import attempts


def count(since):
    """Requests, failures by name, and how many went well only at another try, from `since` on."""
    rows = attempts(since)
    failed = [r for r in rows if r["result"] != "ok" and not r["result"].startswith(("early", "retried"))]
    kinds = {k: sum(r["result"].startswith(k) for r in rows) for k in ("early", "retried")}
    return {"requests": len(rows), **kinds, "failed": sorted(
        f"{r['src_name']} -> {r['to']} v{r['family']} {r.get('ip', '')} {r['result']} at +{r['t'] - since:.1f} s"
        for r in failed)}


def callers():
    """The logs of all that asks again and again."""
    for p in Api().running():
        log = path("pods", p["metadata"]["uid"], "call.log")
        if p["spec"].get("restartPolicy", "Always") == "Always" and any(
                c["name"] == "call" for c in p["spec"]["containers"]) and os.path.exists(log):
            yield workload(p), log
    if os.path.exists(path("log", "customers.log")):
        yield "customers", path("log", "customers.log")


def rounds(since):
    """The fewest whole rounds that any caller has gone since then, and who that is."""
    done = {}
    for who, log in callers():
        seen = {r["round"] for r in json_lines(log) if "round" in r and r["t"] >= since}
        done[who] = min(done.get(who, 10**6), max(0, len(seen) - 1))
    return min((n, who) for who, n in done.items())


def wait_rounds(since, wanted, seconds=120):
    end = time.monotonic() + seconds
    while True:
        fewest, who = rounds(since)
        if fewest >= wanted or time.monotonic() > end:
            return fewest, who
        time.sleep(0.5)


def sunk(since, without=()):
    """Who sent datagrams that nobody answers and had them arrive: workload, or address where it is no pod's, and port."""
    holder = {plain(ip): r["pod"].split("/")[0] + "/" + (owner_name(r["owner"]) or r["pod"].split("/")[1])
              for r in json_lines(path("addresses.jsonl")) if r["what"] == "up" and not r["host"] for ip in r["ips"]}
    found, root = set(), path("pods")
    for uid in os.listdir(root):
        for r in json_lines(os.path.join(root, uid, "serve.log")):
            if "sink" in r and r["t"] >= since:
                found.add((holder.get(plain(r["sender"]), r["sender"]), r["sink"]))
    return {(who, port) for who, port in found if who not in without}
