"""Up and down: the control plane, the nodes with proxy and enforcer, the outside, cluster DNS."""
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from . import network
from .api import Api, apply_text
from .places import (AGENT, API_IP, API_PORT, DNS_VIP, ETCD_PORT, EXT, EXT_GW, EXT_HOSTS, EXT_PORTS, HERE, LAB, POD4,
                     POD6, STATE, SVC4, SVC6, TOKEN, node_ip, node_names, node_ns, path, pod_cidr)
from .system import (LabError, alive, daemons, now, read, read_json, sh, spawn, start_time, stop, wait_for, write)
from .wait import wait_pods

TOOLS = ("ip", "iptables", "ip6tables", "ipset", "nft", "conntrack", "tcpdump", "etcd", "openssl", "sysctl", "stdbuf")
KC = "--kubeconfig=" + path("kubeconfig")


def missing():
    """Why the lab cannot run on this machine, or None."""
    if os.geteuid():
        return "it needs root"
    for tool in TOOLS:
        if not shutil.which(tool):
            return f"it needs {tool} (tests/lab/README.md lists the packages)"
    if not os.environ.get("FFLAB_BIN") and not shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin"):
        return "it needs Go 1.25 or newer"
    trial = f"ffl-trial-{os.getpid()}"  # tests ask at once
    try:
        sh("ip", "netns", "add", trial)
        sh("ip", "netns", "del", trial)
    except RuntimeError as e:
        return f"it needs network namespaces ({e})"
    return None


def programs():
    """The directory with klab and dns, built if need be."""
    given = os.environ.get("FFLAB_BIN")
    if given:
        return given
    return subprocess.run([os.path.join(HERE, "build")], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def up(nodes=2, proxy="iptables", cni="bridge", overlay="none", dual=False, enforce=True, dns=True, owner=None):
    """Starts the cluster afresh, unless one just like it is up.  It goes down by itself when process `owner` ends."""
    why = missing()
    if why:
        raise LabError(why)
    want = {"nodes": nodes, "proxy": proxy, "cni": cni, "overlay": overlay, "dual": dual, "enforce": enforce,
            "dns": dns, "bin": programs()}
    have = read_json(path("lab.json"))
    if have == want and alive("apiserver") and alive("kubelet") and owner is None:
        print(f"lab: already up; export KUBECONFIG={path('kubeconfig')}")
        return
    other = (read(path("owner")) + " 0 0").split()
    if start_time(other[0]) == other[1]:
        raise LabError(f"in use by process {other[0]}")
    t0 = time.monotonic()
    down(quiet=True)
    os.makedirs(STATE, exist_ok=True)
    write(path("lab.json"), json.dumps(want))
    if owner:
        write(path("owner"), f"{owner} {start_time(owner)}")
        spawn("guard", [sys.executable, LAB, "guard"])
    network.up(want)
    control_plane(want)
    api = Api()
    for node in node_names(want):
        make_node(api, want, node)
    spawn("kubelet", [sys.executable, LAB, "kubelet"])
    for node in node_names(want):
        node_daemons(want, node)
    outside(want)
    if dns:
        cluster_dns(want)
    print(f"lab: up in {time.monotonic() - t0:.1f} s; export KUBECONFIG={path('kubeconfig')}", flush=True)


def service_ranges(conf):
    return SVC4 + ("," + SVC6 if conf["dual"] else "")


def control_plane(conf):
    klab, etcd = os.path.join(conf["bin"], "klab"), f"http://127.0.0.1:{ETCD_PORT}"
    sh("openssl", "genrsa", "-out", path("sa.key"), "2048")
    write(path("tokens.csv"), f"{TOKEN},admin,admin,system:masters\n")
    spawn("etcd", ["etcd", "--data-dir", path("etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
                   "--listen-peer-urls", f"http://127.0.0.1:{ETCD_PORT + 1}", "--unsafe-no-fsync",
                   "--log-level", "error"])
    svc = "--service-cluster-ip-range=" + service_ranges(conf)
    spawn("apiserver", [klab, "apiserver", f"--etcd-servers={etcd}", f"--secure-port={API_PORT}",
                        f"--bind-address={API_IP}", f"--advertise-address={API_IP}", f"--cert-dir={path('certs')}",
                        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                        f"--service-account-key-file={path('sa.key')}",
                        f"--service-account-signing-key-file={path('sa.key')}", svc, "--authorization-mode=RBAC",
                        f"--token-auth-file={path('tokens.csv')}", "--allow-privileged",
                        "--disable-admission-plugins=TaintNodesByCondition"])
    wait_for("apiserver certificate", lambda: os.path.exists(path("certs/apiserver.crt")), 60)
    write(path("kubeconfig"), kubeconfig())
    wait_for("apiserver", lambda: Api().get("/readyz") == "ok", 60)
    spawn("controllers", [klab, "controller-manager", KC, "--leader-elect=false", "--secure-port=0",
                          f"--service-account-private-key-file={path('sa.key')}",
                          f"--root-ca-file={path('certs/apiserver.crt')}", svc,
                          "--controllers=*,-node-lifecycle-controller,-nodeipam,-taint-eviction-controller"])
    spawn("scheduler", [klab, "scheduler", KC, "--leader-elect=false", "--secure-port=0"])


def kubeconfig():
    with open(path("certs/apiserver.crt"), "rb") as f:
        ca = base64.b64encode(f.read()).decode()
    server = f"https://{API_IP}:{API_PORT}"
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}]}, indent=1)


def make_node(api, conf, node):
    """A Node object as its kubelet would register it."""
    families = (False, True) if conf["dual"] else (False,)
    cidrs = [pod_cidr(node, v6) for v6 in families]
    addrs = [{"type": "InternalIP", "address": node_ip(node, v6)} for v6 in families]
    addrs.append({"type": "Hostname", "address": node})
    api.post("/api/v1/nodes", {"metadata": {"name": node, "labels": {
        "kubernetes.io/hostname": node, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}},
        "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs}})
    cap = {"cpu": "8", "memory": "16Gi", "pods": "200", "ephemeral-storage": "50Gi"}
    conds = [{"type": t, "status": s, "reason": "Lab", "message": "lab node", "lastHeartbeatTime": now(),
              "lastTransitionTime": now()} for t, s in
             (("Ready", "True"), ("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"))]
    api.merge(f"/api/v1/nodes/{node}/status", {"status": {
        "capacity": cap, "allocatable": cap, "addresses": addrs, "conditions": conds,
        "nodeInfo": {"kubeletVersion": "v1.35.4", "containerRuntimeVersion": "netns://1", "kernelVersion": "lab",
                     "osImage": "lab", "operatingSystem": "linux", "architecture": "amd64", "machineID": node,
                     "systemUUID": node, "bootID": node, "kubeProxyVersion": ""}}})


def node_daemons(conf, node):
    """kube-proxy and the policy enforcer of a node."""
    klab = os.path.join(conf["bin"], "klab")
    write(path(f"proxy-{node}.json"), json.dumps({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
        "mode": conf["proxy"], "hostnameOverride": node, "clusterCIDR": POD4 + ("," + POD6 if conf["dual"] else ""),
        "clientConnection": {"kubeconfig": path("kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
        "nftables": {"minSyncPeriod": "0s", "syncPeriod": "30s"}}))
    spawn("proxy-" + node, [klab, "proxy", "--config=" + path(f"proxy-{node}.json")], ns=node_ns(node))
    if conf["enforce"]:
        spawn("netpol-" + node, [klab, "netpol", KC, "--node=" + node, "--service-cidrs=" + service_ranges(conf)]
              + (["--ipv6"] if conf["dual"] else []), ns=node_ns(node), env=shim())


def shim():
    """kube-router 2.1.0 names IPv6 sets without their prefix in its rules (its issue 1653): put it back."""
    real = shutil.which("ip6tables-restore") or "/usr/sbin/ip6tables-restore"
    write(path("shim/ip6tables-restore"), "#!/bin/sh\n"
          f"sed 's/--match-set KUBE-/--match-set inet6:KUBE-/g' | exec {real} \"$@\"\n", 0o755)
    return {"PATH": path("shim") + ":" + os.environ["PATH"]}


def outside(conf):
    """The outside world: web, NTP-like and stratum-like servers, and a DNS resolver."""
    lines = [f"{ip} {name}" for name, ips in EXT_HOSTS.items() for ip in (ips if conf["dual"] else ips[:1])]
    write(path("ext.hosts"), "\n".join(lines) + "\n")
    write(path("ext.corefile"), f".:53 {{\n errors\n hosts {path('ext.hosts')} {{\n  no_reverse\n }}\n}}\n")
    spawn("ext-dns", [os.path.join(conf["bin"], "dns"), "-conf", path("ext.corefile")], ns=EXT)
    spawn("ext-servers", [sys.executable, AGENT, "serve", *EXT_PORTS], ns=EXT)


def cluster_dns(conf):
    """CoreDNS as a Deployment of kube-system behind the usual service address."""
    write(path("cluster.corefile"), (
        ".:53 {\n errors\n health :8080\n ready :8181\n"
        " kubernetes cluster.local in-addr.arpa ip6.arpa {\n  pods insecure\n  ttl 5\n"
        f"  kubeconfig {path('kubeconfig')}\n }}\n forward . {EXT_GW}\n cache 5\n}}\n"), 0o644)
    labels, ports = {"k8s-app": "kube-dns"}, [("dns", "UDP"), ("dns-tcp", "TCP")]
    container = {"name": "coredns", "image": "lab/coredns", "command": [os.path.join(conf["bin"], "dns")],
                 "args": ["-conf", path("cluster.corefile")],
                 "ports": [{"name": n, "containerPort": 53, "protocol": p} for n, p in ports],
                 "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}}}
    meta = {"namespace": "kube-system", "labels": labels}
    apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", **meta},
         "spec": {"clusterIP": DNS_VIP, "selector": labels,
                  "ports": [{"name": n, "port": 53, "protocol": p, "targetPort": 53} for n, p in ports]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", **meta},
         "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                  "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}}]}))
    wait_pods(60)


def down(quiet=False):
    """Ends everything that the lab started and removes every trace; safe to repeat."""
    mine = [n for n in daemons() if alive(n) != os.getpid()]
    last = [n for n in ("kubelet", "apiserver", "etcd") if n in mine]
    for name in [n for n in mine if n not in last] + last:
        stop(name, seconds=15 if name == "kubelet" else 5)
    for ns in network.list_ns():
        for pid in sh("ip", "netns", "pids", ns, check=False).split():
            with contextlib.suppress(ProcessLookupError):       # only processes inside our own namespaces
                os.kill(int(pid), signal.SIGKILL)
    network.down()
    with contextlib.suppress(OSError):
        os.rmdir("/etc/netns")          # only if nobody else keeps anything there
    shutil.rmtree(STATE, ignore_errors=True)
    if not quiet:
        print("lab: down")


def guard():
    """Takes the lab down as soon as its owner has ended, however it ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pid, born = read(path("owner")).split()
    while start_time(pid) == born:
        time.sleep(0.5)
    down()
