"""Tries everybody against everything: pods, nodes and the outside, on every port that anybody declares.

open: answered; closed: reached the host, nothing listens; rejected: a filter answered; timeout: silence; otherwise an
errno.  For "do the policies admit it", open and closed are yes, rejected and timeout are no.
"""
import errno
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from .api import Api
from .places import (API_IP, API_PORT, EXT, EXT_GW, EXT_GW6, EXT_HOSTS, EXT_PORTS, node_ip, node_names, node_ns, pod_ns, workload)
from .system import conf, in_ns

SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 = 2, 3
IP_RECVERR, IPV6_RECVERR = 11, 25
WIDTH = 48                              # sockets at a time in each namespace
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


class Try:
    """One socket on its way."""

    def __init__(self, ip, port, proto):
        self.ip, self.v6, self.proto, self.result = ip, ":" in ip, proto, None
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET6 if self.v6 else socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if self.v6 else (socket.IPPROTO_IP, IP_RECVERR)
        self.socket.setsockopt(level, option, 1)
        try:
            self.socket.connect((ip, port))
            if proto == "udp":
                self.socket.send(b"fflab-probe\n")
        except BlockingIOError:
            pass
        except OSError as e:
            self.fail(e.errno)

    def ready(self):
        """Something happened to it."""
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.fail(error)
        elif self.proto == "tcp":
            self.result = "open"
        else:
            try:
                self.socket.recv(2048)
                self.result = "open"
            except BlockingIOError:
                pass
            except OSError as e:
                self.fail(e.errno)

    def fail(self, error):
        off = icmp_error(self.socket, self.v6)
        if off is None:
            self.result = "closed" if error == errno.ECONNREFUSED else errno.errorcode.get(error, str(error)).lower()
        else:
            # a host refuses TCP with a reset, so any ICMP is a filter's; for UDP the sender tells host from filter
            self.result = "closed" if self.proto == "udp" and off == self.ip else "rejected"


def try_all(goals, timeout):
    """What each (address, port, protocol) says to a socket of this namespace, many at a time."""
    results, waiting, todo = {}, {}, list(enumerate(goals))[::-1]
    poll = select.epoll()
    while todo or waiting:
        while todo and len(waiting) < WIDTH:
            i, goal = todo.pop()
            t = Try(*goal)
            if t.result:
                results[i] = t.result
                t.socket.close()
                continue
            waiting[t.socket.fileno()] = (i, t, time.monotonic() + timeout)
            poll.register(t.socket, select.EPOLLIN | (select.EPOLLOUT if t.proto == "tcp" else 0))
        for fd, _ in poll.poll(0.05):
            waiting[fd][1].ready()
        for fd, (i, t, until) in list(waiting.items()):
            if t.result or time.monotonic() > until:
                results[i] = t.result or "timeout"
                poll.unregister(t.socket)
                t.socket.close()
                del waiting[fd]
    poll.close()
    return [results[i] for i in range(len(goals))]


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
    numbers = {port for pod in pods for _, port in declared(pod)} | set(more)
    ports = {(proto, port) for port in numbers for proto in ("tcp", "udp")}
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


def tries(end, goal):
    """How often it is worth trying: nodes and the outside do not ask the outside, only the outside asks node ports."""
    asked = {"pod": ("pod", "node", "external", "apiserver"), "node": ("pod",), "external": ("pod", "nodeport")}
    if goal["dst_kind"] not in asked[end["src_kind"]]:
        return 0
    return NODE_PORT_TRIES if goal["dst_kind"] == "nodeport" else 1


def heard(goal, result):
    """Behind a node port the node's address is on what a filter answers, too; but there something listens."""
    return "rejected" if (goal["dst_kind"], goal["proto"], result) == ("nodeport", "udp", "closed") else result


def probe(more=(), timeout=1.0):
    """The matrix: one row for each try; `more` are ports that nobody declares."""
    c, api = conf(), Api()
    pods = api.running()
    ends, goals = list(sources(c, pods)), list(targets(c, api, pods, more))

    def all_of(end):
        mine = [g for g in goals for _ in range(tries(end, g))]
        found = in_ns(end["ns"], try_all, [(g["ip"], g["port"], g["proto"]) for g in mine], timeout)
        who = {k: v for k, v in end.items() if k not in ("ns", "own")}
        return [{**who, **g, "self": g["ip"] in end["own"], "result": heard(g, r)} for g, r in zip(mine, found)]
    t0 = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        rows = [row for some in pool.map(all_of, ends) for row in some]
    return {"probes": len(rows), "seconds": round(time.monotonic() - t0, 2), "results": rows}


def tally(rows):
    out = {}
    for r in rows:
        out[r["result"]] = out.get(r["result"], 0) + 1
    return out
