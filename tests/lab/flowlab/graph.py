"""The graph that flowfence drew against what the kernels say: the same edges, no more, no fewer."""
import datetime

from .places import owner_name, plain

VXLAN = 8472


def ids(truth):
    """NAMESPACE/POD -> NAMESPACE/KIND/NAME of its topmost controller."""
    out = {}
    for a in truth["addresses"]:
        namespace, pod = a["pod"].split("/")
        kind, _, name = a["owner"].partition("/")
        stem = owner_name(a["owner"])
        top = {"ReplicaSet": "Deployment", "Job": "CronJob" if stem != name else "Job"}.get(kind, kind)
        out[a["pod"]] = f"{namespace}/{top}/{stem}" if kind else f"{namespace}/Pod/{pod}"
    return out


def end(name, ip, known):
    if name in known:
        return known[name]
    ip = plain(ip)
    if name.startswith("external/"):
        return f"external/{ip}/{128 if ':' in ip else 32}"
    return f"unknown/{ip}" if name == "unknown" else name


def is_connection(c, listens):
    if c["proto"] == "tcp":
        return bool(c["established"])
    return c["replied"] or (c["dst_name"], c["proto"], (c.get("dnat") or c)["dport"]) in listens


def expected(truth, listens, tap):
    """(from, to, protocol, port) of every connection that a tap of this kind on each node shows; those among them that
    must be there, for of what began before nobody may know who opened it."""
    known, home, may, must = ids(truth), {a["pod"]: a["node"] for a in truth["addresses"]}, set(), set()
    for c in truth["connections"]:
        src, dst, port = c["src_name"], c["dst_name"], (c.get("dnat") or c)["dport"]
        if c["proto"] == "icmp" or (c["proto"] == "udp" and port == VXLAN) or not is_connection(c, listens):
            continue
        if src == dst and src in known and not c.get("dnat"):
            continue                    # stays inside of the pod
        if tap == "cni0" and src not in known and dst not in known:
            continue
        if tap == "eth0" and (src not in known or dst not in known or home[src] == home[dst]):
            continue                    # between nodes; what is masked or enters there has other names
        seen_as = c.get("snat", {})
        masked = src not in known and dst in known and seen_as.get("name", "").startswith("node/")
        edge = (seen_as["name"] if masked else end(src, c["src"], known),
                end(dst, (c.get("dnat") or c)["dst"], known), c["proto"].upper(), port)
        may.add(edge)
        if not c["began_before_capture"]:
            must.add(edge)
    return may, must


def found(graph, truth, tap):
    """What the graph has within the time that the truth covers."""
    workloads, out = set(ids(truth).values()), set()
    for e in graph["edges"]:
        if e["connections"] == 0 or e["protocol"] == "ICMP" or e["orientation"] == "unknown":
            continue
        if seconds(e["last"]) < truth["began"] or seconds(e["first"]) > truth["ended"]:
            continue
        if tap != "eth0" or {e["from"], e["to"]} <= workloads:
            out.add((e["from"], e["to"], e["protocol"], e["port"]))
    return out


def seconds(stamp):
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (rest or "0"))


def compare(graph, truth, listens, tap):
    """Edges that are missing, and edges that are wrong, as text."""
    (may, must), have = expected(truth, listens, tap), found(graph, truth, tap)
    missing, wrong = ([f"{a} -> {b} {port}/{proto}" for a, b, proto, port in sorted(edges, key=str)]
                      for edges in (must - have, have - may))
    return {"edges": len(must), "missing": missing, "wrong": wrong}
