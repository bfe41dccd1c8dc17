"""What the kernels of the nodes say: conntrack's tables and events, as one record per connection."""
import re

from .places import node_ns, path
from .system import read, sh

EVENT = re.compile(r"^\[(\d+)\.(\d+)\s*\]\s+\[(\w+)\]\s+(\w+)\s+\d+\s+(.*)$")
ENTRY = re.compile(r"^(\w+)\s+\d+\s+(.*id=\d+.*)$")
TUPLE = ("src", "dst", "sport", "dport", "packets", "bytes", "type", "code")


def table(node):
    """The node's conntrack table now, as lines."""
    return [line for fam in ("ipv4", "ipv6")
            for line in sh("conntrack", "-L", "-f", fam, "-o", "id", ns=node_ns(node), check=False).splitlines()]


def parse_flow(text):
    """The words after protocol and number -> id, original tuple, reply tuple."""
    pairs = re.findall(r"(\w+)=(\S+)", text)
    key = [v for k, v in pairs if k == "id"][-1]        # an ICMP tuple has an id of its own before it
    seen, orig, repl = set(), {}, {}
    for k, v in pairs:
        if k in TUPLE:
            (repl if k in seen else orig)[k] = v
            seen.add(k)
    return key, orig, repl


def counts(orig, repl):
    return {k: [int(orig.get(k, 0)), int(repl.get(k, 0))] for k in ("packets", "bytes")}


def stood_before(line, node, start):
    m = ENTRY.match(line)
    if not m:
        return None, None
    key, orig, repl = parse_flow(m[2])
    return key, {"t": start, "node": node, "proto": m[1], "orig": orig, "reply": repl, "new": False,
                 "replied": "[UNREPLIED]" not in line, "established": "ESTABLISHED" in line or "ASSURED" in line,
                 "had": counts(orig, repl)}


def connections(node, start, before, after):
    """Events and the tables before and after -> one record per connection that had packets meanwhile."""
    flows, order = {}, []
    for line in before:
        key, flow = stood_before(line, node, start)
        if flow:
            flows[key] = flow
            order.append(flow)
    for line in read(path("log", f"truth-{node}.log")).splitlines():
        m = EVENT.match(line)
        if m:
            follow(flows, order, node, m)
    for line in after:
        m = ENTRY.match(line)
        key, orig, repl = parse_flow(m[2]) if m else (None, {}, {})
        if key in flows:
            flows[key].update(counts(orig, repl))
    return [f for f in order if f["new"] or ("packets" in f and f["packets"] != f.get("had", {}).get("packets"))]


def follow(flows, order, node, m):
    """Takes in one event."""
    t, what, proto, rest = int(m[1]) + int(m[2]) / 1e6, m[3], m[4], m[5]        # microseconds come unpadded
    key, orig, repl = parse_flow(rest)
    f = flows.get(key)
    if f is None:
        f = flows[key] = {"t": t, "node": node, "proto": proto, "orig": orig, "reply": repl, "replied": False,
                          "new": what == "NEW"}
        order.append(f)
    elif what == "NEW":                 # began while the first table was being read
        f.update(t=t, new=True)
    if "[UNREPLIED]" not in rest and what != "NEW":
        f["replied"] = True
    if "ESTABLISHED" in rest or "ASSURED" in rest:
        f["established"] = True
    if what == "DESTROY":
        f.update(counts(orig, repl), end=t)
        flows.pop(key, None)
