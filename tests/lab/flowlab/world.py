"""Worlds: what runs in a cluster, as a short table that becomes manifests."""
import json
from dataclasses import dataclass, field

AGENT = ["$(PYTHON)", "$(AGENT)"]


@dataclass
class Workload:
    """One row of a world.

    `serves` are PORT/PROTO, or NAME=PORT/PROTO for a named port; with `relays`, the first one asks these in turn for each
    request that it gets; `calls` are asked again and again whatever comes in.
    """
    name: str                           # NAMESPACE/NAME
    kind: str = "Deployment"
    serves: list = field(default_factory=list)
    relays: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    replicas: int = 1
    labels: dict = field(default_factory=dict)
    node: str = ""
    spread: bool = False
    host: bool = False
    every: float = 1.0
    hold: float = 0.0
    env: dict = field(default_factory=dict)

    @property
    def namespace(self):
        return self.name.split("/")[0]

    @property
    def short(self):
        return self.name.split("/")[1]

    def ports(self):
        """(name or None, port, agent's word) of each port."""
        for word in self.serves:
            name, _, rest = word.rpartition("=")
            port, proto = rest.split("/")
            yield name or None, int(port), proto

    def containers(self):
        listed = [{"containerPort": port, "protocol": "TCP" if proto == "tcp" else "UDP", **({"name": n} if n else {})}
                  for n, port, proto in self.ports()]
        words = [f"{port}/{proto}" for _, port, proto in self.ports()]
        probe = next(({"tcpSocket": {"port": port}, "initialDelaySeconds": 2}
                      for _, port, proto in self.ports() if proto == "tcp"), None)
        if self.relays:
            front, words = words[0], words[1:]
            yield self.container("relay", ["relay", front, *self.relays], listed, probe)
            listed, probe = [], None
        if words:
            yield self.container("serve", ["serve", *words], listed, probe)
        if self.calls:
            once = ["--count", "1"] if self.kind in ("CronJob", "Job") else ["--every", str(self.every)]
            yield self.container("call", ["call", *once, "--hold", str(self.hold), *self.calls], [], None)

    def container(self, name, args, ports, probe):
        return {"name": name, "image": f"lab/{self.short}", "command": AGENT + args, "ports": ports,
                "env": [{"name": k, "value": v} for k, v in sorted(self.env.items())],
                **({"readinessProbe": probe} if probe else {})}

    def pod_labels(self):
        return self.labels or {"app": self.short}

    def pod_spec(self):
        spec = {"terminationGracePeriodSeconds": 4, "containers": list(self.containers())}
        if self.host:
            spec["hostNetwork"] = True
        if self.node:
            spec["nodeSelector"] = {"kubernetes.io/hostname": self.node}
        if self.spread:
            spec["topologySpreadConstraints"] = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
                                                  "whenUnsatisfiable": "DoNotSchedule",
                                                  "labelSelector": {"matchLabels": self.pod_labels()}}]
        return spec

    def manifest(self):
        meta = {"name": self.short, "namespace": self.namespace}
        template = {"metadata": {"labels": self.pod_labels()}, "spec": self.pod_spec()}
        if self.kind == "Pod":
            return {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "labels": self.pod_labels()},
                    "spec": self.pod_spec()}
        if self.kind == "CronJob":
            template["spec"]["restartPolicy"] = "Never"
            return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta,
                    "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}}
        spec = {"selector": {"matchLabels": self.pod_labels()}, "template": template}
        if self.kind != "DaemonSet":
            spec["replicas"] = self.replicas
        if self.kind == "StatefulSet":
            spec["serviceName"] = self.short
        if self.kind == "Deployment":
            spec["strategy"] = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        return {"apiVersion": "apps/v1", "kind": self.kind, "metadata": meta, "spec": spec}


@dataclass
class Service:
    """Ports are PORT:TARGET/PROTO, or PORT:TARGET/PROTO@NODEPORT; a target may be a port's name."""
    name: str
    of: Workload
    ports: list
    headless: bool = False

    def manifest(self):
        namespace, short = self.name.split("/")
        ports, published = [], False
        for i, word in enumerate(self.ports):
            rest, _, node_port = word.partition("@")
            front, proto = rest.split("/")
            port, target = front.split(":")
            published = published or bool(node_port)
            ports.append({"name": f"p{i}", "port": int(port), "protocol": proto.upper(),
                          "targetPort": int(target) if target.isdigit() else target,
                          **({"nodePort": int(node_port)} if node_port else {})})
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": short, "namespace": namespace},
                "spec": {"selector": self.of.pod_labels(), "ports": ports, "ipFamilyPolicy": "PreferDualStack",
                         **({"type": "NodePort"} if published else {}),
                         **({"clusterIP": "None"} if self.headless else {})}}


@dataclass
class World:
    workloads: list
    services: list
    customers: list = field(default_factory=list)       # IP:PORT/PROTO with $NODE for each node in turn
    policies: list = field(default_factory=list)

    def manifests(self):
        """Everything but the workloads that come last, in the order in which it is to be applied."""
        spaces = sorted({w.namespace for w in self.workloads})
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": [
            *[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": {"team": n}}} for n in spaces],
            *[s.manifest() for s in self.services], *self.policies, *[w.manifest() for w in self.workloads]]})
