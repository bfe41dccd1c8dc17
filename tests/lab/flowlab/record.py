"""Objects as kubectl prints them, and packets as tcpdump records them."""
import json
import os
import signal
import time

from .api import kubectl
from .places import node_names, node_ns, path
from .system import LabError, conf, read, read_json, spawn, stop, wait_for, write

KINDS = ["namespaces", "nodes", "pods", "services", "endpointslices", "deployments", "replicasets", "daemonsets",
         "statefulsets", "jobs", "cronjobs", "networkpolicies"]


def snapshot(out):
    """All of them in one file."""
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "objects.yaml"), "w") as f:
        f.write(kubectl("get", ",".join(KINDS), "-A", "-o", "yaml"))


def default_iface(c):
    return "cni0" if c["cni"] == "bridge" else "any"


def start(out, iface=None, snaplen=256):
    """A tcpdump on each node, listening when this returns."""
    c, out = conf(), os.path.abspath(out)
    os.makedirs(out, exist_ok=True)
    iface, files = iface or default_iface(c), []
    for node in node_names(c):
        files.append(os.path.join(out, f"{node}.pcap"))
        spawn("dump-" + node, ["tcpdump", "-i", iface, "-U", "-n", "-Z", "root", "-B", "16384", "-s", str(snaplen),
                               "-w", files[-1]], ns=node_ns(node))
    for node in node_names(c):
        log = path("log", f"dump-{node}.log")
        wait_for("tcpdump of " + node, lambda name=log: "listening on" in read(name), 10)
    write(path("capture.json"), json.dumps(files))


def finish():
    """Ends the capture and tells its files."""
    files = read_json(path("capture.json"))
    if not files:
        raise LabError("no capture under way")
    time.sleep(0.5)
    for node in node_names(conf()):
        stop("dump-" + node, signal.SIGINT)
        os.remove(path("log", f"dump-{node}.log"))
    os.remove(path("capture.json"))
    return files
