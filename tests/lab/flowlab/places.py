"""Where everything is: names, addresses, files.  Imports nothing of the lab."""
import ipaddress
import os
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = os.path.join(HERE, "lab")
AGENT = os.path.join(HERE, "agent.py")
STATE = os.environ.get("FFLAB_STATE", "/run/fflab")
PREFIX = "ffl-"                      # every network namespace and link of ours begins so
FABRIC, EXT, HOST_LINK = PREFIX + "fabric", PREFIX + "ext", "ffl0"

API_IP, API_PORT, ETCD_PORT = "172.30.0.1", 6443, 23790
FABRIC4, FABRIC6 = "172.30.0", "fd30::"
EXT_GW, EXT_GW6 = "172.30.0.254", "fd30::fe"
EXT_HOSTS = {                        # the "internet": addresses of the namespace ffl-ext
    "pay.example.net": ["203.0.113.10", "2001:db8:ffff::10"],
    "mirror.example.org": ["198.51.100.20", "2001:db8:ffff::20"],
    "pool.miner.example": ["198.51.100.66", "2001:db8:ffff::66"],
    "ntp.example.net": ["203.0.113.123", "2001:db8:ffff::123"],
}
EXT_PORTS = ["80/tcp", "443/tcp", "3333/tcp", "8080/tcp", "123/udp"]
TOKEN = "fflab-admin"                # a throw-away cluster on an address that only this machine has
POD4, POD6 = "10.244.0.0/16", "fd00:10:244::/48"
SVC4, SVC6 = "10.96.0.0/16", "fd00:10:96::/112"
DNS_VIP = "10.96.0.10"


def path(*parts):
    """A file of the running lab."""
    return os.path.join(STATE, *parts)


def node_names(conf):
    return [f"node{i}" for i in range(1, conf["nodes"] + 1)]


def node_ns(node):
    return PREFIX + node


def pod_ns(uid):
    return f"{PREFIX}p-{uid.replace('-', '')[:8]}"


def node_ip(node, v6=False):
    i = int(node[4:])
    return f"{FABRIC6}{10 + i}" if v6 else f"{FABRIC4}.{10 + i}"


def pod_cidr(node, v6=False):
    i = int(node[4:])
    return f"fd00:10:244:{i}::/64" if v6 else f"10.244.{i}.0/24"


def gateway(node, v6=False):
    i = int(node[4:])
    return f"fd00:10:244:{i}::1" if v6 else f"10.244.{i}.1"


def gateway_mac(node):
    return f"0e:58:0a:f4:{int(node[4:]):02x}:01"


def vtep_ip(node):
    """The address of a node's VXLAN device: the first of its pod range, as flannel has it."""
    return f"10.244.{node[4:]}.0"


def vtep_mac(node):
    return f"02:f1:a0:00:00:{int(node[4:]):02x}"


def node_addresses(node):
    """Every address that a packet of this node itself may come from."""
    return [node_ip(node), node_ip(node, True), gateway(node), gateway(node, True), vtep_ip(node)]


def plain(ip):
    """One way to write an address."""
    return str(ipaddress.ip_address(ip))


def command(words):
    """A command of a manifest or scenario, with this interpreter and the agent put in."""
    return [w.replace("$(AGENT)", AGENT).replace("$(PYTHON)", sys.executable) for w in words]


def owner_name(owner):
    """ReplicaSet/web-5d7f4b4c56 -> web; Job/report-29925691 -> report; DaemonSet/agent -> agent."""
    kind, _, name = owner.partition("/")
    stem, _, tail = name.rpartition("-")
    return stem if kind == "ReplicaSet" or (kind == "Job" and tail.isdigit() and len(tail) >= 7) else name


def owner_of(pod):
    refs = pod["metadata"].get("ownerReferences", [])
    return next((o["kind"] + "/" + o["name"] for o in refs if o.get("controller")), "")


def workload(pod):
    """NAMESPACE/NAME of what a pod belongs to."""
    m = pod["metadata"]
    return f"{m['namespace']}/{owner_name(owner_of(pod)) or m['name']}"
