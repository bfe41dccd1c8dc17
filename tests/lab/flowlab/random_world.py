"""Random clusters: the same seed, the same cluster, the same traffic.

Everything that a promise may not depend on is drawn: nodes, links, overlay, proxy, families, where the taps are, kinds,
labels, services, named ports, node ports, who asks whom, DNS over TCP, today's policies, and whether somebody scans.
"""
import random
from dataclasses import dataclass

from .places import EXT_HOSTS, node_ip
from .world import Service, Workload, World

WORDS = ["amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heron", "iris", "jade", "kelp", "lotus"]
SPACES = ["north", "south", "east", "west"]
TCP = [80, 1883, 3000, 5000, 5432, 6379, 8080, 8443, 9090, 9200, 11211, 27017]
UDP = [514, 1812, 5060, 8125, 9053]
OUTSIDE = [f"{name}:443/tcp" for name in list(EXT_HOSTS)[:2]] + ["ntp.example.net:123/udp"]


@dataclass
class Draw:
    """What a seed stands for."""
    cluster: dict
    tap: str
    world: World
    attacker: str                       # NAMESPACE/NAME of who scans in the middle of the watch, or nothing


def cluster_of(rng):
    cluster = {"nodes": rng.choice([2, 2, 3]), "proxy": rng.choice(["iptables", "nftables"]),
               "cni": rng.choice(["bridge", "ptp"]), "overlay": rng.choice(["none", "vxlan"]),
               "dual": rng.random() < 0.3}
    tap = rng.choice(["cni0", "any", "any", "eth0"] if cluster["cni"] == "bridge" else ["any", "any", "eth0"])
    return cluster, tap


def labels_of(rng, name, space):
    return rng.choice([
        {"app": name}, {"app": name, "tier": rng.choice(["front", "back"])}, {"k8s-app": name},
        {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": space},
        {"app": space, "component": name}])


def servers_of(rng, names, spaces):
    for name in names:
        space = rng.choice(spaces)
        ports = [f"{p}/tcp" for p in rng.sample(TCP, rng.choice([1, 1, 2, 3]))]
        ports += [f"{p}/{rng.choice(['udp', 'udp', 'sink'])}" for p in rng.sample(UDP, rng.choice([0, 0, 1]))]
        if rng.random() < 0.3:
            ports[0] = "main=" + ports[0]
        kind = rng.choice(["Deployment", "Deployment", "StatefulSet", "DaemonSet"])
        yield Workload(f"{space}/{name}", kind=kind, serves=ports, replicas=rng.choice([1, 1, 2, 3]),
                       labels=labels_of(rng, name, space), every=0.7)


def services_of(rng, servers):
    """For each server a service with all its ports; a service's own ports differ from the pods', unless headless."""
    node_port = 30100
    for w in servers:
        headless, published = rng.random() < 0.2, rng.random() < 0.35
        ports = []
        for i, (name, port, proto) in enumerate(w.ports()):
            wire = "tcp" if proto == "tcp" else "udp"
            front = port if headless else 4000 + 10 * i + rng.randrange(10)
            node_port += 1
            ports.append(f"{front}:{port if headless else name or port}/{wire}"
                         + (f"@{node_port}" if published and not headless else ""))
        yield Service(f"{w.name}-{rng.choice(['svc', 'api', 'x'])}", w, ports, headless)


def ask(rng, service):
    """A target behind a service."""
    i = rng.randrange(len(service.ports))
    front = service.ports[i].split(":")[0]
    proto = list(service.of.ports())[i][2]
    namespace, name = service.name.split("/")
    return f"{name}.{namespace}:{front}/{'oneway' if proto == 'sink' else proto}"


def clients_of(rng, names, spaces, services, nodes):
    for name in names:
        space = rng.choice(spaces)
        kind = rng.choice(["Deployment", "Deployment", "CronJob", "Pod", "StatefulSet", "DaemonSet"])
        calls = [ask(rng, s) for s in rng.sample(services, min(len(services), rng.choice([1, 2, 3])))]
        if rng.random() < 0.4:
            calls.append(rng.choice(OUTSIDE))
        env = {"RES_OPTIONS": "use-vc"} if rng.random() < 0.2 else {}
        if rng.random() < 0.25:
            calls, env = [*calls, "kubernetes.default.svc:443/tcp"], {**env, "FAMILIES": "4"}
        if rng.random() < 0.3:
            calls += [node_ip(n) + ":9100/tcp" for n in nodes]
        yield Workload(f"{space}/{name}", kind=kind, calls=calls, replicas=rng.choice([1, 2]), env=env, every=0.7,
                       labels=labels_of(rng, name, space))


def policies_of(rng, servers):
    """What people wrote before: too wide, or about nothing; none of it is in anybody's way."""
    if rng.random() < 0.4:
        return
    anybody = [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
    for w in rng.sample(servers, min(2, len(servers))):
        rule = rng.choice([{}, {"from": anybody}])
        yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
               "metadata": {"name": f"{w.short}-by-hand", "namespace": w.namespace},
               "spec": {"podSelector": {"matchLabels": w.labels}, "policyTypes": ["Ingress"], "ingress": [rule]}}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
           "metadata": {"name": "stale", "namespace": servers[0].namespace},
           "spec": {"podSelector": {"matchLabels": {"app": "long-gone"}}, "policyTypes": ["Ingress", "Egress"]}}


def draw(seed):
    rng = random.Random(seed)
    cluster, tap = cluster_of(rng)
    nodes = [f"node{i + 1}" for i in range(cluster["nodes"])]
    words = rng.sample(WORDS, len(WORDS))
    spaces = rng.sample(SPACES, rng.choice([2, 3]))
    servers = list(servers_of(rng, words[:rng.choice([3, 4, 5])], spaces))
    services = list(services_of(rng, servers))
    clients = list(clients_of(rng, words[5:5 + rng.choice([3, 4, 5])], spaces, services, nodes))
    for i, w in enumerate(servers):     # servers ask, too: those further on, and sometimes themselves
        later = [s for s in services if servers.index(s.of) > i]
        if later and rng.random() < 0.5:
            w.calls.append(ask(rng, rng.choice(later)))
        own = [s for s in services if s.of is w and not s.headless]
        if own and w.kind != "DaemonSet" and rng.random() < 0.25:
            w.calls.append(ask(rng, own[0]))
    agent = Workload("ops/agent", kind="DaemonSet", host=True, serves=["9100/tcp"],
                     calls=[ask_ip(rng, cluster)])
    entered = [s for s in services if "@" in s.ports[0] and rng.random() < 0.7]
    customers = [f"$NODE:{word.split('@')[1]}/{'tcp' if '/tcp' in word else 'oneway' if is_sink(s, i) else 'udp'}"
                 for s in entered for i, word in enumerate(s.ports)]
    attacker = rng.choice(clients).name if rng.random() < 0.4 else ""
    world = World([*servers, *clients, agent], services, customers, list(policies_of(rng, servers)))
    if attacker and next(w for w in clients if w.name == attacker).kind == "CronJob":
        attacker = ""                   # it may not run at the right moment
    return Draw(cluster, tap, world, attacker)


def ask_ip(rng, cluster):
    return f"{rng.choice(list(EXT_HOSTS.values()))[0]}:443/tcp"


def is_sink(service, i):
    return list(service.of.ports())[i][2] == "sink"
