"""Waiting until pods are ready, and until every enforcer filters by what the API server holds."""
import http.client

from .api import Api
from .places import node_names, node_ns
from .system import conf, in_ns, wait_for


def rolled_out(kind, obj):
    spec, st = obj["spec"], obj.get("status", {})
    if st.get("observedGeneration", 0) < obj["metadata"]["generation"]:
        return False
    if kind == "daemonsets":
        want, have = st.get("desiredNumberScheduled"), (st.get("numberReady", 0), st.get("updatedNumberScheduled", 0))
    else:
        want, have = spec.get("replicas", 1), (st.get("readyReplicas", 0), st.get("replicas", 0))
        if kind == "deployments":
            have += (st.get("updatedReplicas", 0),)
    return all(n == want for n in have)


def is_ready(pod):
    return any(x["type"] == "Ready" and x["status"] == "True" for x in pod.get("status", {}).get("conditions", []))


def pods_ready(api):
    for kind in ("deployments", "statefulsets", "daemonsets"):
        if not all(rolled_out(kind, o) for o in api.items(f"/apis/apps/v1/{kind}")):
            return False
    for p in api.items("/api/v1/pods"):
        ended = p.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if not ended and (p["metadata"].get("deletionTimestamp") or not is_ready(p)):
            return False
    return True


def wait_pods(seconds):
    """Until every workload has its pods and every pod is ready or has ended."""
    api = Api()
    wait_for("pods ready", lambda: pods_ready(api), seconds, 0.3)


def barrier(seconds=40):
    """Until each node's enforcer filters by what the API server holds now."""
    c = conf()
    if not c["enforce"]:
        return

    def ask():
        h = http.client.HTTPConnection("127.0.0.1", 9911, timeout=seconds)
        try:
            h.request("GET", "/barrier")
            return h.getresponse().status == 200
        except http.client.HTTPException as e:
            raise OSError(str(e)) from e
        finally:
            h.close()
    for node in node_names(c):
        wait_for("enforcer of " + node, lambda n=node: in_ns(node_ns(n), ask), seconds)


def settle(seconds=60):
    wait_pods(seconds)
    barrier()
