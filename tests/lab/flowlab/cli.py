"""The command line."""
import argparse
import json
import os
import sys
import time

from . import cluster, random_loop, record, truth
from .api import Api, apply_text, kubectl
from .judge import judge
from .kubelet import Kubelet
from .loop import VARIANTS, run
from .places import command, node_ns, pod_ns, workload
from .probe import probe, tally
from .source import KINDS
from .system import LabError, read_json, sh
from .wait import barrier, settle


def do_up(a):
    cluster.up(a.nodes, a.proxy, a.cni, a.overlay, a.dual, not a.no_enforcer, not a.no_dns, a.owner)


def do_can(_a):
    why = cluster.missing()
    if why:
        print(why)
    return 1 if why else 0


def do_apply(a):
    t0 = time.monotonic()
    for f in a.files:
        with (sys.stdin if f == "-" else open(f)) as fh:
            sys.stdout.write(apply_text(fh.read()))
    settle(a.wait)
    print(f"lab: in force after {time.monotonic() - t0:.1f} s")


def do_exec(a):
    namespace, name = a.pod.split("/")
    for p in Api().running(f"/api/v1/namespaces/{namespace}/pods"):
        if name in (p["metadata"]["name"], workload(p).split("/")[1]):
            ns = node_ns(p["spec"]["nodeName"]) if p["spec"].get("hostNetwork") else pod_ns(p["metadata"]["uid"])
            sys.stdout.write(sh(*command(a.cmd), ns=ns, timeout=a.timeout))
            return
    raise LabError("no running pod " + a.pod)


def do_watch(a):
    """Packets, objects and truth for some seconds."""
    os.makedirs(a.dir, exist_ok=True)
    record.snapshot(os.path.join(a.dir, "before"))
    record.start(a.dir, a.iface, a.snaplen)
    truth.start()
    time.sleep(a.seconds)
    doc = truth.finish(os.path.join(a.dir, "truth.json"))
    files = record.finish()
    record.snapshot(os.path.join(a.dir, "after"))
    print(f"lab: {len(doc['connections'])} connections; {' '.join(files)}")


def do_probe(a):
    doc = probe(a.port, a.timeout)
    with open(a.out, "w") as f:
        json.dump(doc, f)
    print(f"lab: {doc['probes']} probes in {doc['seconds']} s: {tally(doc['results'])}")


def do_judge(a):
    suspects = {w.split("@")[0]: float(w.split("@")[1]) for w in a.suspect}
    doc = judge(read_json(a.truth), read_json(a.matrix), suspects)
    print(json.dumps(doc, indent=1))
    return 1 if doc["broken"] or doc["excess"] else 0


def do_loop(a):
    out = os.path.join(a.out, a.variant)
    return 0 if run(a.variant, a.flowfence, out, a.source, a.owner) else 1


def do_random(a):
    bad = []
    for seed in a.seeds:
        try:
            good = random_loop.run(seed, a.flowfence, a.out, a.source or KINDS[0], a.owner)
        except LabError as e:
            print(f"[seed {seed}] WRONG {e}", flush=True)
            good = False
        bad += [] if good else [seed]
    print(f"lab: {len(a.seeds)} seeds, {len(bad)} wrong {bad or ''}")
    return 1 if bad else 0


def parser():
    p = argparse.ArgumentParser(prog="lab", description="A Kubernetes laboratory without containers.")
    s = p.add_subparsers(dest="verb", required=True)

    def verb(name, fn, text, *positional):
        x = s.add_parser(name, help=text)
        x.set_defaults(fn=fn)
        for word in positional:
            x.add_argument(word)
        return x
    verb("can", do_can, "says why the lab cannot run here, and exits 1 then")
    x = verb("up", do_up, "start the cluster (idempotent)")
    x.add_argument("--nodes", type=int, default=2, choices=range(1, 5))
    x.add_argument("--proxy", choices=["iptables", "nftables"], default="iptables")
    x.add_argument("--cni", choices=["bridge", "ptp"], default="bridge")
    x.add_argument("--overlay", choices=["none", "vxlan"], default="none")
    x.add_argument("--dual", action="store_true", help="IPv4 and IPv6")
    x.add_argument("--no-enforcer", action="store_true")
    x.add_argument("--no-dns", action="store_true")
    x.add_argument("--owner", type=int, help="go down as soon as this process has ended")
    verb("down", lambda _a: cluster.down(), "remove every trace (idempotent)")
    x = verb("apply", do_apply, "kubectl apply, then wait until pods are ready and policies are in force")
    x.add_argument("files", nargs="+")
    x.add_argument("--wait", type=int, default=60)
    verb("settle", lambda _a: settle(), "wait until pods are ready and policies are in force")
    verb("barrier", lambda _a: barrier(), "wait until policies are in force")
    x = verb("kubectl", lambda a: sys.stdout.write(kubectl(*a.args)) and None, "kubectl against the lab")
    x.add_argument("args", nargs=argparse.REMAINDER)
    x = verb("exec", do_exec, "run a command in a pod's network: exec NS/POD-OR-WORKLOAD -- CMD...", "pod")
    x.add_argument("--timeout", type=int, default=60)
    x.add_argument("cmd", nargs="+")
    verb("snapshot", lambda a: record.snapshot(a.dir), "kubectl get -o yaml of each kind into DIR", "dir")
    x = verb("watch", do_watch, "packets, objects and the kernels' own list of connections into DIR", "dir")
    x.add_argument("--seconds", type=float, default=10)
    x.add_argument("--iface", help="cni0, eth0 (between nodes) or any; default cni0, or any with --cni ptp")
    x.add_argument("--snaplen", type=int, default=256)
    x = verb("probe", do_probe, "everybody against everything into the file OUT", "out")
    x.add_argument("--port", type=int, action="append", default=[], help="to try on every pod as well")
    x.add_argument("--timeout", type=float, default=1.0)
    x = verb("judge", do_judge, "what a matrix breaks of, and admits beyond, the truth; exits 1 if any", "truth", "matrix")
    x.add_argument("--suspect", action="append", default=[], metavar="NS/WORKLOAD@TIME", help="and its first knock")
    loop = verb("loop", do_loop, "watch, recommend, apply, prove: from nothing to nothing")
    loop.add_argument("variant", choices=sorted(VARIANTS))
    many = verb("random", do_random, "the promises on random clusters")
    many.add_argument("seeds", type=int, nargs="+")
    for x in (loop, many):
        x.add_argument("--flowfence", required=True, help="the program")
        x.add_argument("--out", required=True, help="where everything is left")
        x.add_argument("--source", choices=KINDS, help="how it watches")
        x.add_argument("--owner", type=int, default=os.getpid())
    verb("kubelet", lambda _a: Kubelet().run(), "(internal)")
    verb("guard", lambda _a: cluster.guard(), "(internal)")
    return p


def main():
    a = parser().parse_args()
    try:
        return a.fn(a) or 0
    except LabError as e:
        print(f"lab: {e}", file=sys.stderr)
        return 1
