"""How flowfence watches: what runs on the nodes meanwhile, and the arguments that lead it to the result."""
import contextlib
import os
import signal
import subprocess
import time

from . import record
from .places import node_names, node_ns, path
from .system import LabError, alive, conf, read, spawn, stop

KUBECONFIG = ["--kubeconfig", path("kubeconfig")]


class Tcpdump:
    """Packets by tcpdump on each node."""

    def __init__(self, flowfence, out, iface=None):
        self.flowfence, self.out, self.iface = flowfence, out, iface

    def start(self):
        record.start(self.out, self.iface)

    def finish(self):
        return record.finish()


class Capture(Tcpdump):
    """Packets by flowfence itself, a process and a flow file a node."""

    def start(self):
        self.files = {n: os.path.join(self.out, n) for n in node_names(conf())}
        for node, out in self.files.items():
            with contextlib.suppress(FileNotFoundError):
                os.remove(out)          # it writes over nothing
            iface = self.iface or record.default_iface(conf())
            spawn("capture-" + node, [self.flowfence, "capture", "live:" + iface, "--out", out, "--node", node],
                  ns=node_ns(node))
        time.sleep(0.5)
        self.look()

    def look(self):
        for node in self.files:
            if not alive("capture-" + node):
                said = read(path("log", f"capture-{node}.log"))
                raise LabError(f"the capture of {node} ended early: {said[-500:]}")

    def finish(self):
        self.look()
        for node in self.files:
            stop("capture-" + node, signal.SIGINT)
        return list(self.files.values())


class Kubectl:
    """Objects as kubectl prints them, once before and once after."""

    def __init__(self, flowfence, out):
        self.flowfence, self.files = flowfence, [os.path.join(out, moment) for moment in ("before", "after")]

    def take(self, out):
        record.snapshot(out)

    def start(self):
        self.take(self.files[0])

    def finish(self):
        self.take(self.files[1])
        return [word for f in self.files for word in ("--cluster", f)]


class Snapshot(Kubectl):
    """Objects by flowfence's own verb."""

    def take(self, out):
        with open(out + ".yaml", "w") as f:
            subprocess.run([self.flowfence, "snapshot", *KUBECONFIG], stdout=f, check=True, timeout=60)

    def finish(self):
        return [word + ".yaml" if word in self.files else word for word in super().finish()]


class Live(Kubectl):
    """Objects from the API server itself, whenever flowfence asks."""

    def start(self):
        pass

    def finish(self):
        return [*KUBECONFIG, "--all-namespaces"]


PACKETS = {"tcpdump": Tcpdump, "capture": Capture}
OBJECTS = {"kubectl": Kubectl, "snapshot": Snapshot, "api": Live}


class Watch:
    """Packets and objects together; `kind` is PACKETS+OBJECTS."""

    def __init__(self, kind, flowfence, out, iface=None):
        packets, objects = kind.split("+")
        self.packets, self.objects = PACKETS[packets](flowfence, out, iface), OBJECTS[objects](flowfence, out)

    def start(self):
        self.objects.start()
        self.packets.start()

    def finish(self):
        files = self.packets.finish()
        return [*files, *self.objects.finish()]


KINDS = [f"{p}+{o}" for p in PACKETS for o in OBJECTS]
