"""One loop for all nodes: makes each bound pod a network namespace with real processes, and reports its status."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from . import network
from .api import Api, ApiError
from .places import command, node_ip, node_ns, owner_of, path, pod_ns
from .system import conf, in_ns, now


class Kubelet:
    def __init__(self):
        self.conf = conf()
        self.api = Api()
        self.pods = {}                  # uid -> record
        self.next = {}
        self.stopping = False

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        while not self.stopping:
            try:
                self.tick()
            except (OSError, RuntimeError, subprocess.SubprocessError) as e:
                print("kubelet:", type(e).__name__, e, file=sys.stderr, flush=True)
            time.sleep(0.1)
        for rec in self.pods.values():
            self.kill(rec)

    def tick(self):
        seen = set()
        for pod in self.api.items("/api/v1/pods"):
            uid = pod["metadata"]["uid"]
            seen.add(uid)
            rec = self.pods.get(uid)
            if not pod["spec"].get("nodeName"):
                continue
            if pod["metadata"].get("deletionTimestamp"):
                self.end(pod, rec)
            elif rec is None and pod.get("status", {}).get("phase") in (None, "Pending"):
                self.start(pod)
            elif rec:
                self.check(pod, rec)
        for uid in [u for u in self.pods if u not in seen]:     # force-deleted
            self.kill(self.pods[uid])
            self.leave(self.pods.pop(uid))

    def url(self, pod, sub=""):
        m = pod["metadata"]
        return f"/api/v1/namespaces/{m['namespace']}/pods/{m['name']}{sub}"

    # ------------------------------------------------------------ start
    def used(self):
        return {ip for r in self.pods.values() if not r["host"] and r["net"] for ip in r["ips"]}

    def pick_ip(self, pod, node):
        """The address that annotation lab/ip asks for, or the next of the node's range, as host-local does."""
        want = (pod["metadata"].get("annotations") or {}).get("lab/ip")
        if want and want not in self.used():
            return want
        for _ in range(253):
            n = self.next.get(node, 2)
            self.next[node] = n + 1 if n < 254 else 2
            ip = f"10.244.{node[4:]}.{n}"
            if ip not in self.used():
                return ip
        raise RuntimeError("no address left on " + node)

    def start(self, pod):
        m, spec, node = pod["metadata"], pod["spec"], pod["spec"]["nodeName"]
        host = bool(spec.get("hostNetwork"))
        rec = {"uid": m["uid"], "ns": node_ns(node) if host else pod_ns(m["uid"]), "host": host, "node": node,
               "veth": "veth" + m["uid"].replace("-", "")[:8], "net": False, "procs": {}, "ready": False,
               "done": False, "name": f"{m['namespace']}/{m['name']}", "restarts": {}, "since": now(),
               "next_probe": time.monotonic() + initial_delay(spec)}
        if host:
            rec["ips"] = [node_ip(node)] + ([node_ip(node, True)] if self.conf["dual"] else [])
        else:
            ip = self.pick_ip(pod, node)
            rec["ips"] = [ip]
            if self.conf["dual"]:
                rec["ips"].append(f"fd00:10:244:{node[4:]}::{int(ip.rsplit('.', 1)[1]):x}")
            self.pods[m["uid"]] = rec
            network.attach(self.conf, rec, m["namespace"])
        self.pods[m["uid"]] = rec
        note("up", rec, owner_of(pod))
        for ct in spec["containers"]:
            self.launch(pod, rec, ct)
        self.check(pod, rec, first=True)

    def launch(self, pod, rec, ct):
        cmd = (ct.get("command") or []) + (ct.get("args") or []) or ["sleep", "infinity"]
        work, m = path("pods", rec["uid"]), pod["metadata"]
        os.makedirs(work, exist_ok=True)
        os.chmod(work, 0o777)
        env = {"PATH": os.environ["PATH"], "HOME": work, "HOSTNAME": m["name"], "POD_NAME": m["name"],
               "POD_NAMESPACE": m["namespace"], "POD_IP": rec["ips"][0], "NODE_NAME": rec["node"],
               "NODE_IP": node_ip(rec["node"]), "PYTHONUNBUFFERED": "1",
               "FAMILIES": "4 6" if self.conf["dual"] else "4"}
        env.update({e["name"]: e["value"] for e in ct.get("env") or [] if "value" in e})
        with open(os.path.join(work, ct["name"] + ".log"), "a") as log:
            rec["procs"][ct["name"]] = subprocess.Popen(
                ["ip", "netns", "exec", rec["ns"]] + command(cmd), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=work, env=env, start_new_session=True)

    # ------------------------------------------------------------ end
    def end(self, pod, rec):
        """A deleted pod: asked to end, waited for through its grace period, then killed and forgotten."""
        if rec:
            if "until" not in rec:
                self.signal(rec, signal.SIGTERM)
                rec["until"] = time.monotonic() + pod["metadata"].get("deletionGracePeriodSeconds", 1)
            if time.monotonic() < rec["until"] and any(p.poll() is None for p in rec["procs"].values()):
                return
            self.kill(rec)
            self.leave(rec)
            self.pods.pop(rec["uid"])
        with contextlib.suppress(ApiError):
            self.api.call("DELETE", self.url(pod), {"gracePeriodSeconds": 0,
                                                    "preconditions": {"uid": pod["metadata"]["uid"]}})

    def signal(self, rec, sig):
        for p in rec["procs"].values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, sig)

    def kill(self, rec):
        self.signal(rec, signal.SIGKILL)
        for p in rec["procs"].values():
            p.wait()
        rec["procs"] = {}

    def leave(self, rec):
        if rec["net"]:
            note("down", rec)
            network.detach(self.conf, rec)

    # ------------------------------------------------------------ watch over
    def check(self, pod, rec, first=False):
        if rec["done"]:
            return
        policy, codes = pod["spec"].get("restartPolicy", "Always"), {}
        for ct in pod["spec"]["containers"]:
            p = rec["procs"].get(ct["name"])
            code = p.poll() if p else None
            if code is None:
                continue
            codes[ct["name"]] = code
            if policy == "Always" or (policy == "OnFailure" and code):
                count, when = rec["restarts"].get(ct["name"], (0, 0.0))
                if time.monotonic() > when + 1:
                    rec["restarts"][ct["name"]] = (count + 1, time.monotonic())
                    self.launch(pod, rec, ct)
        all_ended = len(codes) == len(pod["spec"]["containers"])
        if policy != "Always" and all_ended and (policy == "Never" or not any(codes.values())):
            rec["done"] = True
            self.leave(rec)
            self.status(pod, rec, "Failed" if any(codes.values()) else "Succeeded", codes)
            return
        ready = not codes and rec["ready"]
        if not codes and time.monotonic() > rec["next_probe"]:
            ready = all(is_ready(rec, ct) for ct in pod["spec"]["containers"])
            rec["next_probe"] = time.monotonic() + (5 if ready else 0.2)
        if first or ready != rec["ready"]:
            rec["ready"] = ready
            self.status(pod, rec, "Running", codes)

    def status(self, pod, rec, phase, codes):
        done = phase in ("Succeeded", "Failed")
        t = "True" if rec["ready"] and not done else "False"
        conds = [{"type": k, "status": v, "lastTransitionTime": now()} for k, v in
                 (("PodScheduled", "True"), ("Initialized", "True"),
                  ("PodReadyToStartContainers", "False" if done else "True"), ("ContainersReady", t), ("Ready", t))]
        containers = []
        for ct in pod["spec"]["containers"]:
            cid = f"netns://{rec['uid'].replace('-', '')}{ct['name']}"
            if ct["name"] in codes:
                code = codes[ct["name"]]
                state = {"terminated": {"exitCode": abs(code), "containerID": cid, "startedAt": rec["since"],
                                        "finishedAt": now(), "reason": "Error" if code else "Completed"}}
            else:
                state = {"running": {"startedAt": rec["since"]}}
            containers.append({"name": ct["name"], "image": ct.get("image", ""), "imageID": ct.get("image", ""),
                               "containerID": cid, "ready": t == "True", "started": not done, "state": state,
                               "restartCount": rec["restarts"].get(ct["name"], (0,))[0]})
        hosts = [node_ip(rec["node"])] + ([node_ip(rec["node"], True)] if self.conf["dual"] else [])
        self.api.merge(self.url(pod, "/status"), {"status": {
            "phase": phase, "podIP": rec["ips"][0], "podIPs": [{"ip": i} for i in rec["ips"]],
            "hostIP": hosts[0], "hostIPs": [{"ip": i} for i in hosts], "startTime": rec["since"],
            "conditions": conds, "containerStatuses": containers}})


def note(what, rec, owner=""):
    """Who held which address when: the truth behind every address in a capture."""
    with open(path("addresses.jsonl"), "a") as f:
        f.write(json.dumps({"t": time.time(), "what": what, "pod": rec["name"], "uid": rec["uid"], "ips": rec["ips"],
                            "node": rec["node"], "host": rec["host"], "owner": owner}) + "\n")


def initial_delay(spec):
    return max(ct.get("readinessProbe", {}).get("initialDelaySeconds", 0) for ct in spec["containers"])


def is_ready(rec, ct):
    """A readiness probe, from the node's own address as a kubelet does it."""
    probe = ct.get("readinessProbe") or {}
    act = probe.get("tcpSocket") or probe.get("httpGet")
    if not act:
        return True
    port = act["port"]
    if isinstance(port, str):
        port = next(p["containerPort"] for p in ct.get("ports", []) if p.get("name") == port)

    def connect():
        with socket.create_connection((rec["ips"][0], port), 0.5):
            return True
    try:
        return in_ns(node_ns(rec["node"]), connect)
    except OSError:
        return False
