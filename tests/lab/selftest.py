#!/usr/bin/env python3
"""Shows that the lab's enforcer does what Kubernetes says: each case applies one NetworkPolicy and checks the matrix.

Brings the lab up and down; `selftest.py --v6` does it all over IPv6.  One line per case; exits 1 if a pair went another way.
"""
import json
import os
import sys
import time

from flowlab import cluster
from flowlab.api import Api, apply_text, kubectl
from flowlab.probe import probe
from flowlab.wait import barrier, settle

NS = "selftest"
V6 = "--v6" in sys.argv
SERVE = ["$(PYTHON)", "$(AGENT)", "serve", "8080/tcp", "8081/tcp", "8085/tcp", "9000/udp"]
PORTS = [{"name": "http", "containerPort": 8080}, {"containerPort": 8081}, {"containerPort": 8085},
         {"name": "dgram", "containerPort": 9000, "protocol": "UDP"}]
TRIED = ("8080/tcp", "8081/tcp", "8085/tcp", "9000/udp")
ALL = {(s, d, p) for s in "abc" for d in "abc" for p in TRIED if s != d}


def pod(name, node):
    container = {"name": "c", "image": "lab/c", "command": SERVE, "ports": PORTS,
                 "readinessProbe": {"tcpSocket": {"port": 8080}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NS, "labels": {"app": name}},
            "spec": {"nodeSelector": {"kubernetes.io/hostname": node}, "terminationGracePeriodSeconds": 1,
                     "containers": [container]}}


def chosen(name):
    return {"podSelector": {"matchLabels": {"app": name}}}


def ingress(*rules):
    return {**chosen("b"), "policyTypes": ["Ingress"], "ingress": list(rules)}


def egress(*rules):
    return {**chosen("a"), "policyTypes": ["Egress"], "egress": list(rules)}


def to_b(*allowed):
    """Everything but what goes to b, and of that the listed (source, port)."""
    return {x for x in ALL if x[1] != "b" or (x[0], x[2]) in allowed}


def from_a(*allowed):
    return {x for x in ALL if x[0] != "a" or (x[1], x[2]) in allowed}


def cases(ip):
    """Each case: name, policy, the pairs that must be open."""
    net, one = ("fd00:10:244::/48", "/128") if V6 else ("10.244.0.0/16", "/32")
    udp = [{"port": 9000, "protocol": "UDP"}]
    yield "no policy", None, ALL
    yield "ingress deny all", ingress(), to_b()
    yield "ingress from a, TCP 8080", ingress({"from": [chosen("a")], "ports": [{"port": 8080}]}), to_b(("a", "8080/tcp"))
    yield "ingress from c (other node), UDP 9000", ingress({"from": [chosen("c")], "ports": udp}), to_b(("c", "9000/udp"))
    yield "ingress named port", ingress({"ports": [{"port": "http"}]}), to_b(("a", "8080/tcp"), ("c", "8080/tcp"))
    yield "ingress named UDP port", ingress({"ports": [{"port": "dgram", "protocol": "UDP"}]}), \
        to_b(("a", "9000/udp"), ("c", "9000/udp"))
    yield "ingress endPort 8080-8082", ingress({"from": [chosen("a")], "ports": [{"port": 8080, "endPort": 8082}]}), \
        to_b(("a", "8080/tcp"), ("a", "8081/tcp"))
    yield "ingress ipBlock with except", ingress({"from": [{"ipBlock": {"cidr": net, "except": [ip["c"] + one]}}]}), \
        to_b(*[("a", p) for p in TRIED])
    space = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NS}}}
    some = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["c"]}]}}
    yield "ingress namespaceSelector and podSelector", \
        ingress({"from": [{**space, **some}], "ports": [{"port": 8081}]}), to_b(("c", "8081/tcp"))
    yield "egress deny all", egress(), from_a()
    yield "egress to c TCP 8085", egress({"to": [chosen("c")], "ports": [{"port": 8085}]}), from_a(("c", "8085/tcp"))
    yield "egress ipBlock b UDP", egress({"to": [{"ipBlock": {"cidr": ip["b"] + one}}], "ports": udp}), \
        from_a(("b", "9000/udp"))
    yield "egress endPort", egress({"ports": [{"port": 8081, "endPort": 8085}]}), \
        from_a(*[(d, p) for d in "bc" for p in ("8081/tcp", "8085/tcp")])
    yield "egress named port", egress({"to": [chosen("b")], "ports": [{"port": "http"}]}), from_a(("b", "8080/tcp"))


def matrix():
    """(source, destination, port) -> result, among the pods of the test."""
    found = {}
    for r in probe()["results"]:
        port = f"{r['port']}/{r['proto']}"
        ours = r["src"].startswith(NS) and r["dst"].startswith(NS) and r["src"] != r["dst"]
        if ours and port in TRIED and (":" in r["ip"]) == V6:
            found[r["src"].split("/")[1], r["dst"].split("/")[1], port] = r["result"]
    return found


def run():
    apply_text(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}}))
    pods = [pod("a", "node1"), pod("b", "node1"), pod("c", "node2")]
    apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    settle()
    held = Api().items(f"/api/v1/namespaces/{NS}/pods")
    ip = {p["metadata"]["name"]: p["status"]["podIPs"][1 if V6 else 0]["ip"] for p in held}
    bad = 0
    for name, spec, want in cases(ip):
        if spec:
            meta = {"name": "case", "namespace": NS}
            apply_text(json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta,
                                   "spec": spec}))
        began = time.monotonic()
        barrier()
        took, got = time.monotonic() - began, matrix()
        open_ = {k for k, r in got.items() if r == "open"}
        wrong = sorted(open_ ^ want) if len(got) == len(ALL) else f"only {len(got)} pairs were tried"
        bad += bool(wrong)
        print(f"{'BAD ' if wrong else 'ok  '} {name}: {len(open_)} open, {len(got) - len(open_)} shut, "
              f"in force after {took:.2f} s{f'; differ: {wrong}' if wrong else ''}", flush=True)
    kubectl("delete", "namespace", NS, "--wait=false")
    return 1 if bad else 0


def main():
    cluster.up(dual=V6, owner=os.getpid())
    try:
        return run()
    finally:
        cluster.down()


if __name__ == "__main__":
    sys.exit(main())
