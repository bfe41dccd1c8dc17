"""Tries everybody against everything: pods, nodes and the outside, on every port that anybody declares.

open: answered; closed: reached the host, nothing listens; rejected: a filter answered; timeout: silence; otherwise an
errno.  For "do the policies admit it", open and closed are yes, rejected and timeout are no.
"""
import errno
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from .api import Api
from .places import (API_IP, API_PORT, EXT, EXT_GW, EXT_GW6, EXT_HOSTS, EXT_PORTS, node_ip, node_names, node_ns, pod_ns, workload)
from .system import conf, in_ns

SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 = 2, 3
IP_RECVERR, IPV6_RECVERR = 11, 25
NODE_PORT_TRIES = 4                     # kube-proxy picks a backend at random each time


def icmp_error(s, v6):
    """The router or host that answered a socket with an ICMP error, or None."""
    try:
        _, anc, _, _ = s.recvmsg(512, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None
    for level, typ, data in anc:
        if (level, typ) not in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)) or len(data) < 16:
            continue
        if data[4] not in (SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6):
            continue
        off = data[16:]
        if v6:
            return socket.inet_ntop(socket.AF_INET6, off[8:24]) if len(off) >= 24 else "?"
        return socket.inet_ntop(socket.AF_INET, off[4:8]) if len(off) >= 8 else "?"
    return None


def try_one(ip, port, proto, timeout):
    v6 = ":" in ip
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind) as s:
        s.settimeout(timeout)
        s.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, IPV6_RECVERR if v6 else IP_RECVERR, 1)
        try:
            s.connect((ip, port))
            if proto == "udp":
                s.send(b"fflab-probe\n")
                s.recv(2048)
            return "open"
        except socket.timeout:
            off = icmp_error(s, v6)
            return "timeout" if off is None else ("closed" if off == ip else "rejected")
        except OSError as e:
            off = icmp_error(s, v6)
            if off is None:
                return "closed" if e.errno == errno.ECONNREFUSED else errno.errorcode.get(e.errno, str(e.errno)).lower()
            # a host refuses TCP with a reset, so any ICMP is a filter's; for UDP the sender tells host from filter
            return "closed" if proto == "udp" and off == ip else "rejected"


def declared(pod):
    """protocol and port of what a pod says it listens on."""
    return {(p.get("protocol", "TCP").lower(), p["containerPort"])
            for ct in pod["spec"]["containers"] for p in ct.get("ports", [])}


def addresses(pod, dual):
    ips = [i["ip"] for i in pod["status"]["podIPs"]]
    return ips if dual else ips[:1]


def sources(c, pods):
    """Who tries: name, kind, node, namespace, own addresses."""
    for p in pods:
        if not p["spec"].get("hostNetwork"):
            yield {"src": workload(p), "src_kind": "pod", "src_node": p["spec"]["nodeName"],
                   "ns": pod_ns(p["metadata"]["uid"]), "own": addresses(p, True)}
    for n in node_names(c):
        yield {"src": "node/" + n, "src_kind": "node", "src_node": n, "ns": node_ns(n), "own": []}
    yield {"src": "external/edge", "src_kind": "external", "src_node": None, "ns": EXT, "own": []}


def targets(c, api, pods, more):
    """What is tried: every declared port of anybody on every pod, and what lies outside of pods."""
    families = (0, 1) if c["dual"] else (0,)
    ports = {p for pod in pods for p in declared(pod)} | set(more)
    for p in pods:
        if p["spec"].get("hostNetwork"):
            who = {"dst": "node/" + p["spec"]["nodeName"], "dst_kind": "node"}
        else:
            who = {"dst": workload(p), "dst_kind": "pod"}
        for ip in addresses(p, c["dual"]):
            for proto, port in sorted(declared(p) if who["dst_kind"] == "node" else ports):
                yield {**who, "dst_node": p["spec"]["nodeName"], "ip": ip, "port": port, "proto": proto,
                       "listens": (proto, port) in declared(p)}
    for name, ips in EXT_HOSTS.items():
        for f in families:
            for word in EXT_PORTS:
                port, proto = word.split("/")
                yield {"dst": "external/" + name, "dst_kind": "external", "dst_node": None, "ip": ips[f],
                       "port": int(port), "proto": proto, "listens": True}
    for ip in (EXT_GW, EXT_GW6)[:len(families)]:
        yield {"dst": "external/edge", "dst_kind": "external", "dst_node": None, "ip": ip, "port": 53, "proto": "udp",
               "listens": True}
    yield {"dst": "apiserver", "dst_kind": "apiserver", "dst_node": None, "ip": API_IP, "port": API_PORT,
           "proto": "tcp", "listens": True}
    yield from node_ports(c, api, pods)


def node_ports(c, api, pods):
    """Every published port at every node; `backends` are where it may lead."""
    for s in api.items("/api/v1/services"):
        chosen = s["spec"].get("selector") or {}
        backs = [p for p in pods if p["metadata"]["namespace"] == s["metadata"]["namespace"]
                 and chosen and chosen.items() <= p["metadata"].get("labels", {}).items()]
        for port in s["spec"].get("ports", []):
            if "nodePort" not in port or not backs:
                continue
            for n in node_names(c):
                for v6 in ((False, True) if len(s["spec"].get("clusterIPs", [])) > 1 else (False,)):
                    yield {"dst": workload(backs[0]), "dst_kind": "nodeport", "dst_node": n, "ip": node_ip(n, v6),
                           "port": port["nodePort"], "proto": port.get("protocol", "TCP").lower(), "listens": True,
                           "backends": sorted({p["spec"]["nodeName"] for p in backs}),
                           "pod_port": target_port(backs[0], port)}


def target_port(pod, port):
    want = port.get("targetPort", port["port"])
    if isinstance(want, int):
        return want
    return next(p["containerPort"] for ct in pod["spec"]["containers"] for p in ct.get("ports", [])
                if p.get("name") == want)


def jobs(ends, goals):
    """The pairs worth trying: the outside and nodes do not ask the outside, only the outside asks node ports."""
    for e in ends:
        for g in goals:
            if e["src_kind"] == "pod" and g["dst_kind"] == "nodeport":
                continue
            if e["src_kind"] == "node" and g["dst_kind"] != "pod":
                continue
            if e["src_kind"] == "external" and g["dst_kind"] not in ("pod", "nodeport"):
                continue
            for _ in range(NODE_PORT_TRIES if g["dst_kind"] == "nodeport" else 1):
                yield e, g


def probe(more=(), timeout=1.0, width=64):
    """The matrix: one row for each try."""
    c, api = conf(), Api()
    pods = api.running()
    work = list(jobs(list(sources(c, pods)), list(targets(c, api, pods, more))))

    def one(job):
        e, g = job
        try:
            r = in_ns(e["ns"], try_one, g["ip"], g["port"], g["proto"], timeout)
        except OSError as x:
            r = errno.errorcode.get(x.errno, "error").lower()
        row = {k: v for k, v in e.items() if k not in ("ns", "own")}
        return {**row, **g, "self": g["ip"] in e["own"], "result": r}
    t0 = time.monotonic()
    with ThreadPoolExecutor(width) as pool:
        rows = list(pool.map(one, work))
    return {"probes": len(rows), "seconds": round(time.monotonic() - t0, 2), "results": rows}


def tally(rows):
    out = {}
    for r in rows:
        out[r["result"]] = out.get(r["result"], 0) + 1
    return out
