"""Links, addresses and routes: the fabric between nodes, the outside, the nodes, the pods."""
import shutil

from . import places
from .places import EXT, FABRIC, gateway, gateway_mac, node_ip, node_names, node_ns, pod_cidr, vtep_ip, vtep_mac
from .system import sh, write

QUIET = ["net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=100000", "net.ipv4.icmp_msgs_burst=10000",
         "net.ipv6.icmp.ratelimit=0", "net.ipv6.conf.all.accept_dad=0",
         "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
         "net.ipv6.conf.all.accept_redirects=0", "net.ipv6.conf.default.accept_redirects=0",
         "net.ipv6.conf.default.router_solicitations=0"]
ROUTER = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
          "net.ipv6.conf.all.forwarding=1", "net.netfilter.nf_conntrack_acct=1",
          "net.netfilter.nf_conntrack_timestamp=1"]


def ip(ns, *args, quiet=False):
    """`ip` in a namespace, or with None on this machine."""
    return sh("ip", *(["-n", ns] if ns else []), *args, quiet=quiet)


def list_ns():
    """The namespaces of the lab."""
    return [w.split()[0] for w in ip(None, "netns", "list").splitlines() if w.startswith(places.PREFIX)]


def add_ns(ns):
    ip(None, "netns", "add", ns)
    ip(ns, "link", "set", "lo", "up")
    sh("sysctl", "-qw", *QUIET, ns=ns)


def resolver(ns, text):
    write(f"/etc/netns/{ns}/resolv.conf", text, 0o644)


def plug(ns, dev, addrs, fabric_dev):
    """Joins a namespace (or, with ns None, this machine) to the fabric bridge."""
    ip(FABRIC, "link", "add", fabric_dev, "type", "veth", "peer", "name", "tmp0")
    ip(FABRIC, "link", "set", fabric_dev, "master", "br0", "up")
    ip(FABRIC, "link", "set", "tmp0", "netns", ns or "1", "name", dev)
    for a in addrs:
        ip(ns, "addr", "add", a, "dev", dev, *(["nodad"] if ":" in a else []))
    ip(ns, "link", "set", dev, "up")


def up(conf):
    add_ns(FABRIC)
    ip(FABRIC, "link", "add", "br0", "type", "bridge")
    ip(FABRIC, "link", "set", "br0", "up")
    plug(None, places.HOST_LINK, [places.API_IP + "/24"] + ([places.FABRIC6 + "1/64"] if conf["dual"] else []), "host")
    outside_up(conf)
    for node in node_names(conf):
        node_up(conf, node)
    for a in node_names(conf):
        if conf["overlay"] == "vxlan":
            vtep_up(a)
        for b in node_names(conf):
            if a != b:
                route_between(conf, a, b)
    # the outside and this machine reach pods directly as well, so that what lets them in shows
    for node in node_names(conf):
        for ns in (EXT, None):
            ip(ns, "route", "replace", pod_cidr(node), "via", node_ip(node))
            if conf["dual"]:
                ip(ns, "-6", "route", "replace", pod_cidr(node, True), "via", node_ip(node, True))


def outside_up(conf):
    add_ns(EXT)
    plug(EXT, "eth0", [places.EXT_GW + "/24"] + ([places.EXT_GW6 + "/64"] if conf["dual"] else []), "ext")
    resolver(EXT, f"nameserver {places.EXT_GW}\n")
    # an address that nobody holds gets an answer, so that clients that ask too early try again
    ip(EXT, "route", "add", "unreachable", "default")
    ip(EXT, "-6", "route", "add", "unreachable", "default")
    sh("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", ns=EXT)
    for v4, v6 in places.EXT_HOSTS.values():
        ip(EXT, "addr", "add", v4 + "/32", "dev", "lo")
        if conf["dual"]:
            ip(EXT, "addr", "add", v6 + "/128", "dev", "lo")


def node_up(conf, node):
    ns, dual = node_ns(node), conf["dual"]
    add_ns(ns)
    plug(ns, "eth0", [node_ip(node) + "/24"] + ([node_ip(node, True) + "/64"] if dual else []), node)
    sh("sysctl", "-qw", *ROUTER, ns=ns)
    resolver(ns, f"nameserver {places.EXT_GW}\n")
    ip(ns, "route", "add", "default", "via", places.EXT_GW)
    if dual:
        ip(ns, "-6", "route", "add", "default", "via", places.EXT_GW6)
    if conf["cni"] == "bridge":
        ip(ns, "link", "add", "cni0", "address", gateway_mac(node), "type", "bridge")
        ip(ns, "addr", "add", gateway(node) + "/24", "dev", "cni0")
        if dual:
            ip(ns, "addr", "add", gateway(node, True) + "/64", "dev", "cni0", "nodad")
        ip(ns, "link", "set", "cni0", "up")
        # packets between two pods of one node must pass the filter too
        sh("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1", ns=ns)
    masquerade(ns, "iptables", places.POD4)
    if dual:
        masquerade(ns, "ip6tables", places.POD6)


def masquerade(ns, tool, pods):
    """What leaves the pods' networks gets the node's address."""
    nat = (tool, "-w", "-t", "nat")
    sh(*nat, "-N", "LAB-MASQ", ns=ns)
    sh(*nat, "-A", "LAB-MASQ", "-d", pods, "-j", "RETURN", ns=ns)
    sh(*nat, "-A", "LAB-MASQ", "-j", "MASQUERADE", ns=ns)
    sh(*nat, "-A", "POSTROUTING", "-s", pods, "-j", "LAB-MASQ", ns=ns)


def vtep_up(node):
    ns = node_ns(node)
    ip(ns, "link", "add", "flannel.1", "type", "vxlan", "id", "1", "dstport", "8472", "local", node_ip(node),
       "dev", "eth0", "nolearning")
    ip(ns, "link", "set", "flannel.1", "address", vtep_mac(node))
    ip(ns, "addr", "add", vtep_ip(node) + "/32", "dev", "flannel.1")
    ip(ns, "link", "set", "flannel.1", "up")


def route_between(conf, a, b):
    """How node a reaches the pods of node b."""
    ns = node_ns(a)
    if conf["overlay"] == "vxlan":
        ip(ns, "neigh", "replace", vtep_ip(b), "lladdr", vtep_mac(b), "dev", "flannel.1", "nud", "permanent")
        sh("bridge", "-n", ns, "fdb", "append", vtep_mac(b), "dev", "flannel.1", "dst", node_ip(b))
        ip(ns, "route", "add", pod_cidr(b), "via", vtep_ip(b), "dev", "flannel.1", "onlink")
    else:
        ip(ns, "route", "add", pod_cidr(b), "via", node_ip(b))
    if conf["dual"]:
        ip(ns, "-6", "route", "add", pod_cidr(b, True), "via", node_ip(b, True))


def attach(conf, pod, namespace):
    """Makes a pod's namespace and joins it to its node."""
    ns, node, v4 = pod["ns"], node_ns(pod["node"]), pod["ips"][0]
    add_ns(ns)
    pod["net"] = True
    ip(node, "link", "add", pod["veth"], "type", "veth", "peer", "name", "eth0", "netns", ns)
    mac = "0a:58:%02x:%02x:%02x:%02x" % tuple(int(x) for x in v4.split("."))
    ip(ns, "link", "set", "eth0", "address", mac)
    if conf["cni"] == "bridge":
        ip(ns, "addr", "add", v4 + "/24", "dev", "eth0")
        ip(ns, "link", "set", "eth0", "up")
        ip(node, "link", "set", pod["veth"], "master", "cni0", "up")
        ip(node, "link", "set", pod["veth"], "type", "bridge_slave", "hairpin", "on")
    else:                               # point to point: a /32 pod and a host route, as many CNIs do
        ip(node, "link", "set", pod["veth"], "address", gateway_mac(pod["node"]))
        ip(node, "addr", "add", gateway(pod["node"]) + "/32", "dev", pod["veth"])
        ip(node, "link", "set", pod["veth"], "up")
        ip(ns, "addr", "add", v4 + "/32", "dev", "eth0")
        ip(ns, "link", "set", "eth0", "up")
        ip(ns, "route", "add", gateway(pod["node"]), "dev", "eth0", "scope", "link")
        ip(node, "route", "replace", v4 + "/32", "dev", pod["veth"])
    ip(ns, "route", "add", "default", "via", gateway(pod["node"]))
    if len(pod["ips"]) > 1:
        attach6(conf, pod, mac)
    server = places.DNS_VIP if conf["dns"] else places.EXT_GW
    resolver(ns, f"search {namespace}.svc.cluster.local svc.cluster.local cluster.local\n"
             f"nameserver {server}\noptions ndots:5 timeout:2 attempts:2\n")


def attach6(conf, pod, mac):
    """A /128 and fixed neighbours, on either kind of link.

    kube-router's egress rules would otherwise stop neighbour discovery, and with it all IPv6 of the pod.
    """
    ns, node, v6, gw = pod["ns"], node_ns(pod["node"]), pod["ips"][1], gateway(pod["node"], True)
    dev = "cni0" if conf["cni"] == "bridge" else pod["veth"]
    if dev == pod["veth"]:
        ip(node, "addr", "add", gw + "/128", "dev", dev, "nodad")
    ip(ns, "addr", "add", v6 + "/128", "dev", "eth0", "nodad")
    ip(ns, "-6", "route", "add", gw, "dev", "eth0")
    ip(ns, "-6", "route", "add", "default", "via", gw)
    ip(ns, "neigh", "replace", gw, "lladdr", gateway_mac(pod["node"]), "dev", "eth0", "nud", "permanent")
    ip(node, "-6", "route", "replace", v6 + "/128", "dev", dev)
    ip(node, "neigh", "replace", v6, "lladdr", mac, "dev", dev, "nud", "permanent")


def detach(conf, pod):
    node = node_ns(pod["node"])
    if len(pod["ips"]) > 1 and conf["cni"] == "bridge":
        ip(node, "-6", "route", "del", pod["ips"][1] + "/128", "dev", "cni0", quiet=True)
        ip(node, "neigh", "del", pod["ips"][1], "dev", "cni0", quiet=True)
    ip(None, "netns", "del", pod["ns"], quiet=True)
    ip(node, "link", "del", pod["veth"], quiet=True)
    shutil.rmtree(f"/etc/netns/{pod['ns']}", ignore_errors=True)
    pod["net"] = False


def down():
    """Removes every namespace and link of the lab."""
    for ns in list_ns():
        ip(None, "netns", "del", ns, quiet=True)
        shutil.rmtree(f"/etc/netns/{ns}", ignore_errors=True)
    ip(None, "link", "del", places.HOST_LINK, quiet=True)
