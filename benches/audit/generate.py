#!/usr/bin/env python3
"""A large cluster and its traffic, for scripts/bench-audit: generate.py WORKLOADS EDGES DIRECTORY

Writes DIRECTORY/cluster.json (objects as kubectl prints them) and DIRECTORY/traffic.pcap. Fifty workloads a namespace,
two pods each, on nodes of a hundred pods; every tenth workload has a policy of its own. Ten edges a workload: one to DNS, one outside, the
rest to others on one of three ports, a tenth of those on a port that nobody declares. Each edge is three connections, of
the pods in turn, over an hour; every hundredth is refused instead. The seed is fixed."""

import json
import os
import random
import struct
import sys

START = 1_780_315_200
HOUR = 3_600
PORTS = [8080, 8443, 9090]
REPLICAS = 2


def address(pod):
    node, host = divmod(pod, 100)
    return f"10.{node // 250 + 1}.{node % 250}.{host + 10}"


def pack(text):
    return bytes(int(part) for part in text.split("."))


def pod(workload, replica):
    number = workload * REPLICAS + replica
    name, namespace, ip = f"w{workload}", f"ns{workload // 50}", address(number)
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"{name}-5d4f8c7b9-{replica:05}", "namespace": namespace, "uid": f"{name}-{replica}",
                         "creationTimestamp": "2026-06-01T11:00:00Z",
                         "labels": {"app": name, "tier": f"t{workload % 7}", "pod-template-hash": "5d4f8c7b9"},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d4f8c7b9",
                                              "uid": name, "controller": True}]},
            "spec": {"nodeName": f"n{number // 100}",
                     "containers": [{"name": "main", "ports": [{"containerPort": port} for port in PORTS]}]},
            "status": {"phase": "Running", "startTime": "2026-06-01T11:00:00Z", "podIP": ip, "podIPs": [{"ip": ip}],
                       "hostIP": f"192.168.{number // 100 // 250}.{number // 100 % 250 + 1}"}}


def objects(workloads):
    for namespace in range((workloads + 49) // 50):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns{namespace}", "labels": {
            "kubernetes.io/metadata.name": f"ns{namespace}", "env": ["production", "test"][namespace % 2]}}}
    for node in range((workloads * REPLICAS + 99) // 100 + 1):
        cidr = f"10.{node // 250 + 1}.{node % 250}.0/24"
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{node}"}, "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
               "status": {"addresses": [{"type": "InternalIP", "address": f"192.168.{node // 250}.{node % 250 + 1}"}]}}
    for workload in range(workloads):
        name, namespace = f"w{workload}", f"ns{workload // 50}"
        meta = {"name": name, "namespace": namespace, "labels": {"app": name}}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}}}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {
            "clusterIP": f"172.20.{workload // 250}.{workload % 250 + 1}", "selector": {"app": name},
            "ports": [{"name": f"p{port}", "port": port, "targetPort": port} for port in PORTS]}}
        for replica in range(REPLICAS):
            yield pod(workload, replica)
        if workload % 10 == 0:
            yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                   "metadata": {"name": f"allow-{name}", "namespace": namespace},
                   "spec": {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"],
                            "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"tier": f"t{tier}"}}}
                                                  for tier in range(4)],
                                         "ports": [{"port": 8080}, {"port": 8443}]}]}}


class Capture:
    def __init__(self, path):
        self.file = open(path, "wb", buffering=1 << 20)
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))

    def frame(self, at, source, destination, protocol, segment):
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 63, protocol, 0)
        data = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + head + source + destination + segment
        self.file.write(struct.pack("<IIII", START + at // 1_000_000, at % 1_000_000, len(data), len(data)) + data)

    def connection(self, at, client, server, port, to, refused):
        def tcp(out, flags, sequence, acknowledged, payload=b""):
            ends = (port, to) if out else (to, port)
            segment = struct.pack(">HHIIBBHHH", *ends, sequence, acknowledged, 0x50, flags, 64_000, 0, 0) + payload
            self.frame(at, *((client, server) if out else (server, client)), 6, segment)
        mine, theirs = at & 0x7FFFFFFF, (at * 7) & 0x7FFFFFFF
        tcp(True, 2, mine, 0)
        if refused:
            return tcp(False, 0x14, 0, mine + 1)
        tcp(False, 0x12, theirs, mine + 1)
        tcp(True, 0x10, mine + 1, theirs + 1)
        tcp(True, 0x18, mine + 1, theirs + 1, b"question")
        tcp(False, 0x18, theirs + 1, mine + 9, b"answer")
        tcp(True, 0x11, mine + 9, theirs + 7)
        tcp(False, 0x11, theirs + 7, mine + 10)

    def exchange(self, at, client, server, port, to):
        for out in (True, False):
            ends = (port, to) if out else (to, port)
            segment = struct.pack(">HHHH", *ends, 16, 0) + b"question"
            self.frame(at, *((client, server) if out else (server, client)), 17, segment)


def edges(workloads, many):
    dice = random.Random(8)
    seen = set()
    for number in range(many):
        source = number % workloads
        kind = number // workloads
        if kind == 0:
            yield source, ("dns", 0, 53)
        elif kind == 1:
            yield source, ("outside", source % 20_000, 443)
        else:
            while True:
                to = (source + dice.randrange(1, workloads)) % workloads
                port = dice.choice(PORTS) if dice.randrange(10) else 7000 + dice.randrange(50)
                if (source, to, port) not in seen:
                    seen.add((source, to, port))
                    break
            yield source, ("workload", to, port)


def main():
    workloads, many, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    with open(os.path.join(directory, "cluster.json"), "w") as file:
        file.write('{"apiVersion":"v1","kind":"List","items":[')
        for number, item in enumerate(objects(workloads)):
            file.write((",\n" if number else "\n") + json.dumps(item, separators=(",", ":")))
        file.write("\n]}\n")
    addresses = [pack(address(pod)) for pod in range(workloads * REPLICAS)]
    flows = []
    for number, (source, (kind, to, port)) in enumerate(edges(workloads, many)):
        for turn in range(3):
            at = (number * 7_919 + turn * 1_200_007 * 997) % (HOUR * 1_000_000)
            flows.append((at, source * REPLICAS + turn % REPLICAS, kind, to, port, number % 100 == 99, number * 3 + turn))
    flows.sort()
    capture = Capture(os.path.join(directory, "traffic.pcap"))
    for at, pod_number, kind, to, port, refused, number in flows:
        client, own = addresses[pod_number], 32_768 + number % 28_000
        if kind == "dns":
            capture.exchange(at, client, addresses[0], own, 53)
        elif kind == "outside":
            capture.connection(at, client, bytes([198, 18 + to // 10_000, to // 250 % 250, to % 250 + 1]), own, port, refused)
        else:
            capture.connection(at, client, addresses[to * REPLICAS + number % REPLICAS], own, port, refused)
    capture.file.close()


main()
