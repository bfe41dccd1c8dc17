"""The truth of a watch: the kernels' connections with the names of who held the addresses then."""
import contextlib
import ipaddress
import json
import os
import signal
import time

from . import conntrack
from .api import Api
from .places import (API_IP, EXT_GW, EXT_GW6, EXT_HOSTS, node_addresses, node_ip, node_names, node_ns, path, plain,
                     pod_cidr)
from .system import LabError, conf, json_lines, read_json, spawn, stop, write


def start():
    """One conntrack listener per node, and the tables as they stand."""
    c = conf()
    for node in node_names(c):
        spawn("truth-" + node, ["stdbuf", "-oL", "conntrack", "-E", "-o", "timestamp,id", "-b", "8388608"],
              ns=node_ns(node))
    time.sleep(0.3)
    write(path("watch.json"), json.dumps({"start": time.time(),
                                         "before": {n: conntrack.table(n) for n in node_names(c)}}))


def finish(out):
    """Ends the watch, writes and returns its truth."""
    c, watch = conf(), read_json(path("watch.json"))
    if not watch:
        raise LabError("no watch under way")
    after = {n: conntrack.table(n) for n in node_names(c)}
    for node in node_names(c):
        stop("truth-" + node, signal.SIGINT)
    names, conns = Names(c), []
    for node in node_names(c):
        for flow in conntrack.connections(node, watch["start"], watch["before"][node], after[node]):
            rec = named(c, names, flow)
            if rec:
                conns.append(rec)
        with contextlib.suppress(FileNotFoundError):
            os.remove(path("log", f"truth-{node}.log"))
    os.remove(path("watch.json"))
    doc = {"began": watch["start"], "ended": time.time(), "lab": c, "addresses": names.held,
           "connections": sorted(conns, key=lambda x: x["t"]), "attempts": attempts(watch["start"])}
    with open(out, "w") as f:
        json.dump(doc, f, indent=1)
    return doc


class Names:
    """Who held an address when."""

    def __init__(self, c):
        self.held = []
        for r in json_lines(path("addresses.jsonl")):
            if r["host"]:
                continue
            if r["what"] == "up":
                self.held += [{"ip": plain(ip), "from": r["t"], "to": None, "pod": r["pod"], "owner": r["owner"],
                               "node": r["node"]} for ip in r["ips"]]
            else:
                ips = [plain(ip) for ip in r["ips"]]
                for h in self.held:
                    if h["ip"] in ips and h["pod"] == r["pod"] and h["to"] is None:
                        h["to"] = r["t"]
        fixed = {API_IP: "apiserver", EXT_GW: "external/edge", EXT_GW6: "external/edge"}
        fixed.update((ip, "external/" + name) for name, ips in EXT_HOSTS.items() for ip in ips)
        fixed.update((ip, "node/" + n) for n in node_names(c) for ip in node_addresses(n))
        self.fixed = {plain(ip): name for ip, name in fixed.items()}
        self.services = {}
        for s in Api().items("/api/v1/services"):
            for ip in s["spec"].get("clusterIPs", []):
                for p in s["spec"].get("ports", []):
                    if ip != "None":
                        key = (plain(ip), p.get("protocol", "TCP").lower(), str(p["port"]))
                        self.services[key] = f"{s['metadata']['namespace']}/{s['metadata']['name']}"

    def who(self, ip, t):
        ip = plain(ip)
        for h in reversed(self.held):
            if h["ip"] == ip and h["from"] - 0.05 <= t <= (h["to"] or float("inf")) + 0.05:
                return h["pod"]
        return self.fixed.get(ip, "unknown")


def home(c, ip):
    """The node that an address belongs to: its own or one of its pods'."""
    for n in node_names(c):
        if plain(ip) in map(plain, node_addresses(n)) \
                or ipaddress.ip_address(ip) in ipaddress.ip_network(pod_cidr(n, ":" in ip)):
            return n
    return None


def number(x):
    return None if x is None else int(x)


def named(c, names, f):
    """A kernel's record with names, or None where another node tells it whole."""
    o, r = f["orig"], f["reply"]
    if home(c, o["src"]) not in (None, f["node"]) or ipaddress.ip_address(o["src"]).is_loopback:
        return None
    if home(c, o["src"]) is None and home(c, o["dst"]) not in (None, f["node"]):
        return None                     # from outside it is told where it entered
    # the reply's source is the real destination; its destination is the source after translation
    real, rport = r.get("src", o["dst"]), r.get("sport", o.get("dport"))
    seen, sport = r.get("dst", o["src"]), r.get("dport")
    rec = {"t": round(f["t"], 6), "node": f["node"], "proto": f["proto"].replace("icmpv6", "icmp"),
           "src": o["src"], "sport": number(o.get("sport")), "dst": o["dst"], "dport": number(o.get("dport")),
           "src_name": names.who(o["src"], f["t"]), "dst_name": names.who(real, f["t"]), "replied": f["replied"],
           "established": bool(f.get("established")) if f["proto"] == "tcp" else None,
           "began_before_capture": not f["new"]}
    if (plain(real), rport) != (plain(o["dst"]), o.get("dport")):
        rec["dnat"] = {"dst": real, "dport": number(rport)}
    if (plain(seen), sport) != (plain(o["src"]), o.get("sport")):
        rec["snat"] = {"src": seen, "sport": number(sport), "name": names.who(seen, f["t"])}
    service = names.services.get((plain(o["dst"]), f["proto"], o.get("dport")))
    if service:
        rec["service"] = service
    if "end" in f:
        rec["end"] = round(f["end"], 6)
    if "type" in o:
        rec["icmp"] = [number(o["type"]), number(o.get("code"))]
    return {**rec, **{k: f[k] for k in ("packets", "bytes") if k in f}}


def logs():
    """The logs of what runs in the pods: pod name and file, also of pods that are gone."""
    names = {r["uid"]: r["pod"] for r in json_lines(path("addresses.jsonl"))}
    root = path("pods")
    for uid in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        for name in sorted(os.listdir(os.path.join(root, uid))):
            if name.endswith(".log"):
                yield names.get(uid, uid), os.path.join(root, uid, name)


def attempts(since):
    """What the agents say they tried, with how it went: the only witness of what a policy stopped."""
    out = [{"src_name": who, **r} for who, name in [*logs(), ("external/edge", path("log", "customers.log"))]
           for r in json_lines(name) if "result" in r and r["t"] >= since]
    return sorted(out, key=lambda r: r["t"])
