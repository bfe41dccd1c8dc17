#!/usr/bin/env python3
"""generate.py DIR [EDGES]: a cluster (cluster.json) and its traffic (flows.json, as Hubble tells it) for the page's benchmark.

Workloads of two pods, twenty edges each: one to DNS, one outside, the rest to others of all namespaces. Every second one
has a policy today, which admits what was seen of every second client."""
import json
import pathlib
import random
import sys

out, edges = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
workloads = max(edges // 20, 2)
chance = random.Random(1)


def ip(workload, replica):
    slot = workload * 2 + replica + 10
    return f"10.{slot >> 16}.{slot >> 8 & 255}.{slot & 255}"


def home(workload):
    return f"team-{workload // 25}"


def meta(workload, name, **more):
    return {"name": name, "namespace": home(workload), **more}


def pod(workload, replica):
    labels = {"app.kubernetes.io/name": f"w{workload}", "pod-template-hash": "6f8b9c"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"w{workload}-6f8b9c", "controller": True, "uid": "1"}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": meta(workload, f"w{workload}-6f8b9c-{replica}", labels=labels, ownerReferences=[owner],
                         creationTimestamp="2025-10-01T00:00:00Z"),
        "spec": {"nodeName": f"n{replica}", "containers": [{"name": "c", "ports": [{"containerPort": 8080}]}]},
        "status": {"phase": "Running", "podIP": ip(workload, replica), "podIPs": [{"ip": ip(workload, replica)}],
                   "startTime": "2025-10-01T00:00:01Z"},
    }


drawn = set()
for source in range(1, workloads):
    drawn.add((source, 0, 53, 17))
    drawn.add((source, None, 443, 6))
while len(drawn) < edges:
    source, target = chance.randrange(1, workloads), chance.randrange(1, workloads)
    if source != target:
        drawn.add((source, target, chance.choice([8080, 9090, 5432]), 6))

items = []
for namespace in sorted({home(workload) for workload in range(workloads)}):
    labels = {"kubernetes.io/metadata.name": namespace}
    items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
for node in range(2):
    status = {"addresses": [{"type": "InternalIP", "address": f"192.168.0.{node + 1}"}]}
    items.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{node}"}, "status": status})
for workload in range(workloads):
    items += [pod(workload, replica) for replica in range(2)]
for target in range(2, workloads, 2):
    clients = sorted({source for source, to, _, _ in drawn if to == target})[::2]
    peers = [{
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": home(client)}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": f"w{client}"}},
    } for client in clients]
    select = {"matchLabels": {"app.kubernetes.io/name": f"w{target}"}}
    spec = {"podSelector": select, "policyTypes": ["Ingress"], "ingress": [{"from": peers}] if peers else []}
    items.append({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta(target, f"w{target}"), "spec": spec})

out.mkdir(parents=True, exist_ok=True)
(out / "cluster.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def end(workload, replica):
    if workload is None:
        return {"identity": 2, "labels": ["reserved:world"]}
    return {
        "identity": 1000 + workload, "namespace": home(workload), "pod_name": f"w{workload}-6f8b9c-{replica}",
        "labels": [f"k8s:app.kubernetes.io/name=w{workload}", f"k8s:io.kubernetes.pod.namespace={home(workload)}"],
        "workloads": [{"name": f"w{workload}", "kind": "Deployment"}],
    }


def told(at, node, protocol, client, server, ports, is_reply):
    high, port = ports
    source, target = (server, client) if is_reply else (client, server)
    l4 = {"source_port": port if is_reply else high, "destination_port": high if is_reply else port}
    if protocol == "TCP":
        l4["flags"] = {"SYN": True, **({"ACK": True} if is_reply else {})}
    time = f"2025-10-09T{9 + at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.{'5' if is_reply else '1'}00000000Z"
    flow = {
        "time": time, "verdict": "FORWARDED", "IP": {"source": source[0], "destination": target[0], "ipVersion": "IPv4"},
        "l4": {protocol: l4}, "source": source[1], "destination": target[1], "Type": "L3_L4", "node_name": node,
        "event_type": {"type": 4}, "traffic_direction": "EGRESS", "is_reply": is_reply,
        "trace_observation_point": "TO_ENDPOINT",
    }
    return json.dumps({"flow": flow, "node_name": node, "time": time})


lines = []
for at, (source, target, port, protocol) in enumerate(sorted(drawn, key=str)):
    for replica in range(2):
        client = ip(source, replica), end(source, replica)
        server = ("203.0.113.10", end(None, 0)) if target is None else (ip(target, replica), end(target, replica))
        ports, begin = (32_768 + (at * 2 + replica) % 28_000, port), chance.randrange(3_500)
        for is_reply in (False, True):
            name = "UDP" if protocol == 17 else "TCP"
            lines.append((begin, is_reply, told(begin, f"default/n{replica}", name, client, server, ports, is_reply)))
(out / "flows.json").write_text("".join(line + "\n" for *_, line in sorted(lines)))
