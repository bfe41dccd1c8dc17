"""Every promise on a random cluster: G1 the graph is the truth, G3 nothing genuine is cut, G4 nothing else is admitted."""
import json
import os
import sys
import time

from . import cluster, graph, requests
from .api import Api
from .loop import Loop
from .places import AGENT, pod_ns, workload
from .probe import declared
from .random_world import draw
from .system import sh

ROUNDS = 5
KNOCKS = "21,22,23,25,110,143,389,445,3306,3389,5900,8081"


class RandomLoop(Loop):
    def __init__(self, seed, drawn, flowfence, out, kind):
        super().__init__(f"seed {seed}", flowfence, out, kind, drawn.world, drawn.tap)
        self.attacker = drawn.attacker

    def run(self):
        self.deploy()
        seen = self.watch("watch", self.work)
        self.watched = self.truth
        self.compare(seen)
        self.recommend(seen)
        applied, inside = self.enforce()
        self.prove()
        self.run_jobs("1000002")
        self.keep_running(applied, inside)
        return self.told()

    def work(self):
        since = time.time()
        self.run_jobs("1000001")
        if self.attacker:
            self.attack()
        fewest, who = requests.wait_rounds(since, ROUNDS)
        self.expect(f"rounds while watching, the fewest of {who}", fewest >= ROUNDS, True)
        self.expect("requests failed while watching", requests.count(since)["failed"][:20], [])
        pods = Api().running()
        self.listens = {(f"{p['metadata']['namespace']}/{p['metadata']['name']}", *port) for p in pods for port in declared(p)}

    def attack(self):
        """A pod is taken over and looks around."""
        time.sleep(3)
        pods = Api().running()
        me = next(p for p in pods if workload(p) == self.attacker)
        goals = [p["status"]["podIP"] for p in pods if not p["spec"].get("hostNetwork")]
        self.suspects = {self.attacker: time.time()}
        sh(sys.executable, AGENT, "scan", "--timeout", "0.3", "--ports", KNOCKS, *goals, ns=pod_ns(me["metadata"]["uid"]))

    def compare(self, seen):
        drawn = json.loads(self.ask("graph", *seen, "-o", "json"))
        with open(os.path.join(self.out, "graph.json"), "w") as f:
            json.dump(drawn, f, indent=1)
        told = graph.compare(drawn, self.watched, self.listens, self.iface)
        self.figures["edges"] = told["edges"]
        self.expect("edges of the kernels that the graph lacks", told["missing"], [])
        self.expect("edges of the graph that the kernels do not know", told["wrong"], [])


def run(seed, flowfence, out, kind, owner):
    """One seed from nothing to nothing; whether all promises held."""
    drawn, began = draw(seed), time.monotonic()
    flags = " ".join(f"{k} {v}" for k, v in drawn.cluster.items())
    print(f"[seed {seed}] {flags} tap {drawn.tap}; {len(drawn.world.workloads)} workloads, "
          f"{len(drawn.world.services)} services, {len(drawn.world.policies)} policies, "
          f"attacker {drawn.attacker or 'none'}", flush=True)
    cluster.up(**drawn.cluster, owner=owner)
    try:
        return RandomLoop(seed, drawn, flowfence, os.path.join(out, str(seed)), kind).run()
    finally:
        cluster.down(quiet=True)
        print(f"[seed {seed}] lab down, {time.monotonic() - began:.0f} s in all", flush=True)


