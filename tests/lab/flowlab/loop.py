"""The closed loop: watch a running application, recommend, apply, let somebody else enforce it, prove it, go on.

    up ─▶ world ─▶ watch ─▶ recommend ─▶ apply ─▶ in force ─▶ probe, judge ─▶ ten rounds ─▶ intruder ─▶ changes
                   truth ─────────────────────────────────────▶ judge
"""
import datetime
import json
import os
import subprocess
import sys
import time

from . import cluster, requests, source, truth
from .api import Api, apply_text, kubectl
from .judge import judge
from .market import market
from .places import AGENT, EXT, node_ip, node_names, workload
from .probe import probe
from .system import LabError, conf, spawn, wait_for
from .wait import barrier, settle

VARIANTS = {
    "bridge": ("capture+api", {}),
    "dual": ("capture+snapshot", {"dual": True, "proxy": "nftables"}),
    "vxlan": ("capture+api", {"overlay": "vxlan", "cni": "ptp"}),
}
WATCHED_ROUNDS, PROVED_ROUNDS = 8, 10
RETRIED = 3                             # of thousands of requests; what is cut fails again
INTRUDER = "shop/intruder"


class Loop:
    def __init__(self, name, flowfence, out, kind="tcpdump+kubectl", world=None, iface=None):
        self.name, self.flowfence, self.kind, self.iface = name, os.path.abspath(flowfence), kind, iface
        self.world, self.by_clock = world or market(), name == "bridge"
        self.suspects = {}              # NAMESPACE/NAME -> its first knock, while being watched
        self.out = os.path.abspath(out)
        os.makedirs(self.out, exist_ok=True)
        self.began, self.wrong, self.figures = time.monotonic(), [], {}

    def say(self, text):
        print(f"[{self.name} {time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def expect(self, claim, found, wanted):
        """Writes down what went another way; the loop goes on, so that one run tells everything."""
        if found != wanted:
            self.wrong.append(f"{claim}: {found!r}")
            self.say(f"WRONG {claim}: {found!r}")

    # ------------------------------------------------------------ steps
    def run(self):
        self.deploy()
        seen = self.watch("watch", self.work)
        self.watched = self.truth
        self.recommend(seen)
        applied, inside = self.enforce()
        self.prove()
        self.keep_running(applied, inside)
        self.intrude()
        self.change(applied)
        return self.told()

    def told(self):
        """Leaves the figures; whether all went as it must."""
        self.figures["seconds"] = round(time.monotonic() - self.began)
        with open(os.path.join(self.out, "figures.json"), "w") as f:
            json.dump({**self.figures, "wrong": self.wrong}, f, indent=1)
        self.say(", ".join(f"{k.replace('_', ' ')} {v}" for k, v in self.figures.items()))
        return not self.wrong

    def deploy(self):
        apply_text(self.world.manifests())
        settle(90)
        c = conf()
        asked = [w.replace("$NODE", f"[{ip}]" if ":" in ip else ip) for w in self.world.customers
                 for n in node_names(c) for ip in ([node_ip(n), node_ip(n, True)] if c["dual"] else [node_ip(n)])]
        if asked:
            spawn("customers", [sys.executable, AGENT, "call", "--every", "1", *asked], ns=EXT,
                  env={"FAMILIES": "4 6" if c["dual"] else "4"})
        self.say(f"{len(Api().running())} pods run")

    def watch(self, name, work):
        """What flowfence sees while `work` goes on, as arguments; the truth of it lies beside."""
        out = os.path.join(self.out, name)
        os.makedirs(out, exist_ok=True)
        watcher = source.Watch(self.kind, self.flowfence, out, self.iface)
        watcher.start()
        truth.start()
        work()
        self.truth = truth.finish(os.path.join(out, "truth.json"))
        return watcher.finish()

    def work(self):
        since = time.time()
        self.run_jobs("1000001")
        fewest, who = requests.wait_rounds(since, WATCHED_ROUNDS)
        self.expect("requests failed while watching", requests.count(since)["failed"][:20], [])
        self.expect(f"rounds while watching, the fewest of {who}", fewest >= WATCHED_ROUNDS, True)
        self.say(f"watched {fewest} rounds")

    def jobs(self):
        return [w for w in self.world.workloads if w.kind == "CronJob"]

    def run_jobs(self, number):
        """One run of every CronJob, made by hand, to its end."""
        since = time.time()
        for w in self.jobs():
            kubectl("create", "job", f"{w.short}-{number}", f"--from=cronjob/{w.short}", "-n", w.namespace)
        self.wait_jobs(since, number)

    def wait_jobs(self, since, number=""):
        """Until every CronJob has run since then, by hand if numbered, else by the clock."""
        for w in self.jobs():
            wait_for(f"a run of {w.name}", lambda w=w: self.ended(w, since, number), 100, 0.5)

    def ended(self, w, since, number):
        pods = [p for p in Api().items(f"/api/v1/namespaces/{w.namespace}/pods") if workload(p) == w.name
                and p["metadata"]["name"].startswith(f"{w.short}-{number}") and moment(p) >= since - 1]
        failed = [p["metadata"]["name"] for p in pods if p["status"].get("phase") == "Failed"]
        self.expect("runs of CronJobs that failed", failed, [])
        return failed or any(p["status"].get("phase") == "Succeeded" for p in pods)

    def ask(self, verb, *args, codes=(0,)):
        """Runs flowfence; its stdout."""
        p = subprocess.run([self.flowfence, verb, *args], capture_output=True, text=True, timeout=120, check=False)
        with open(os.path.join(self.out, f"{verb}.log"), "a") as f:
            f.write(f"$ flowfence {verb} {' '.join(args)}\n{p.stderr}{p.stdout}\n-> {p.returncode}\n")
        if p.returncode not in codes:
            raise LabError(f"flowfence {verb} ended with {p.returncode}: {p.stderr.strip()[-2000:]}")
        return p.stdout

    def recommend(self, seen):
        self.policies = os.path.join(self.out, "policies")
        self.ask("recommend", *seen, "--out", self.policies)
        self.advice = json.loads(self.ask("recommend", *seen, "-o", "json"))
        proof = self.advice["proof"]["alone"]
        self.figures["policies"] = len(self.advice["policies"])
        self.expect("cut by the proof", proof["cut"], [])
        self.expect("excess by the proof", proof["excess"], [])
        self.expect("suspects", sorted(map(short, self.advice["suspects"])), sorted(self.suspects))
        self.expect("withheld from others than suspects", [
            w["edge"] for w in self.advice["withheld"] if short(w["edge"]["from"]) not in self.suspects], [])
        self.say(f"{len(self.advice['policies'])} policies, {proof['observed']} edges observed")

    def enforce(self):
        """Applies the policies as they were written, lets them stand alone; the moments just before and just after."""
        began, t0 = time.time(), time.monotonic()
        if self.advice["policies"]:
            kubectl("apply", "--server-side", "-k", self.policies)
        for policy in self.advice["supersedes"]:
            namespace, name = policy.split("/")
            kubectl("delete", "networkpolicy", name, "-n", namespace)
        barrier()
        self.say(f"in force after {time.monotonic() - t0:.1f} s")
        return began, time.time()

    def prove(self):
        matrix = probe(more=[22])
        if judge(self.watched, matrix, self.suspects, self.iface == "eth0")["broken"]:
            matrix = probe(more=[22], timeout=3)        # a busy machine answers late; what is cut stays cut
        with open(os.path.join(self.out, "matrix.json"), "w") as f:
            json.dump(matrix, f)
        verdict = judge(self.watched, matrix, self.suspects, self.iface == "eth0")
        with open(os.path.join(self.out, "verdict.json"), "w") as f:
            json.dump(verdict, f, indent=1)
        self.figures.update(pairs_probed=verdict["pairs_probed"], genuine=verdict["genuine"],
                            genuine_open=verdict["genuine_open"], genuine_not_probed=len(verdict["not_probed"]),
                            excess=len(verdict["excess"]))
        self.expect("broken", verdict["broken"][:20], [])
        self.expect("excess", verdict["excess"][:20], [])
        alone = [e for e in verdict["not_probed"] if not e.startswith((*[w + " " for w in self.comes_and_goes()], "kube-system/"))
                 and e.split()[0] != e.split()[1]]       # a pod alone asks nobody but itself
        self.expect("genuine, but nobody is there to try it", alone, [])
        self.say(f"{matrix['probes']} probes in {matrix['seconds']} s")

    def comes_and_goes(self):
        return tuple(w.name for w in self.world.workloads if w.kind in ("CronJob", "Job"))

    def keep_running(self, applied, inside):
        fewest, who = requests.wait_rounds(inside, PROVED_ROUNDS)
        self.expect(f"rounds with the policies in force, the fewest of {who}", fewest >= PROVED_ROUNDS, True)
        self.figures["rounds"] = fewest
        self.account(applied, "with the policies in force")
        before, after = (requests.sunk(t, self.comes_and_goes()) for t in (self.watched["began"], inside))
        self.expect("senders whose datagrams no longer arrive", sorted(before - after), [])

    def account(self, applied, when):
        told = requests.count(applied)
        self.figures.update(requests=told["requests"], requests_failed=len(told["failed"]), retried=told["retried"],
                            early=told["early"])
        self.expect("requests that went well only at the second try, at most", max(told["retried"], RETRIED), RETRIED)
        self.expect("requests failed " + when, told["failed"][:20], [])

    def intrude(self):
        """A pod that nobody knew looks around."""
        pods = [p for p in Api().running() if not p["spec"].get("hostNetwork")
                and not p["metadata"]["namespace"].startswith("kube-")]
        goals = {p["status"]["podIP"]: workload(p) for p in pods}
        namespace, name = INTRUDER.split("/")
        ports = "22,80,443,514,3306,5432,6379,7000,7946,8000,8080,8090,9090,9091"

        def scan():
            apply_text(json.dumps({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace, "labels": {"app": "intruder"}},
                "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [
                    {"name": "scan", "image": "lab/scan", "command": [
                        "$(PYTHON)", "$(AGENT)", "scan", "--timeout", "0.3", "--ports", ports, *goals]}]}}))
            wait_for("the scan", lambda: Api().get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"].get("phase")
                     == "Succeeded", 120, 0.5)
        seen = self.watch("intrusion", scan)
        opened = sorted({goals[r["scanned"]] for who, log in truth.logs() if who == INTRUDER
                         for r in truth.json_lines(log) if r.get("open")})
        fenced = {short(p["metadata"]["annotations"]["flowfence.dev/workload"]) for p in self.advice["policies"]}
        self.expect("fenced workloads that the intruder reached", sorted(set(opened) & fenced), [])
        report = json.loads(self.ask("audit", *seen, "-o", "json", codes=(0, 1)))
        found = [f for f in report["findings"] if f["rule"] == "port-scan"]
        self.expect("scanners that audit names", [f["from"] for f in found], [f"{namespace}/Pod/{name}"])
        advice = json.loads(self.ask("recommend", *seen, "-o", "json"))
        self.expect("suspects", advice["suspects"], [f"{namespace}/Pod/{name}"])
        admitting = [e["edges"] for e in advice["evidence"] if "intruder" in json.dumps(e["edges"])]
        self.expect("rules for the intruder", admitting, [])
        self.figures["intruder_reached"] = len(set(opened) & fenced)
        self.say(f"the intruder tried {len(goals)} pods and reached {len(opened)} workloads, "
                 f"{len(set(opened) & fenced)} of them fenced")
        kubectl("delete", "pod", name, "-n", namespace, "--wait=true")

    def change(self, applied):
        """A rollout, a scale-up, the next run of each CronJob."""
        since = time.time()
        kubectl("rollout", "restart", "deployment/api", "-n", "shop")
        kubectl("scale", "deployment/web", "--replicas=4", "-n", "shop")
        self.run_jobs("1000002")
        if self.by_clock:
            self.wait_jobs(applied)
        settle(90)
        fewest, _ = requests.wait_rounds(time.time(), 3)
        self.expect("rounds after the changes", fewest >= 3, True)
        self.account(applied, "through rollout, scale-up and the next job")
        asked = [r for r in truth.attempts(since) if r["src_name"].startswith("shop/web-")]
        self.expect("replicas of web that customers reached", len({r["src_name"] for r in asked}), 4)


def run(name, flowfence, out, kind, owner):
    """One variant from nothing to nothing; whether all went as it must."""
    began = time.monotonic()
    usual, flags = VARIANTS[name]
    cluster.up(**flags, owner=owner)
    try:
        return Loop(name, flowfence, out, kind or usual).run()
    finally:
        cluster.down(quiet=True)
        print(f"[{name}] lab down, {time.monotonic() - began:.0f} s in all", flush=True)


def short(node_id):
    """NAMESPACE/KIND/NAME -> NAMESPACE/NAME."""
    return "/".join(node_id.split("/")[::2])


def moment(pod):
    """When a pod was created, seconds since 1970."""
    text = pod["metadata"]["creationTimestamp"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()
