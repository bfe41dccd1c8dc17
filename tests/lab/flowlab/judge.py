"""What the policies in force must admit, by the words of the project, and whether a matrix shows just that.

From the kernels' truth alone, not from what flowfence says:

  genuine   TCP with a completed handshake; UDP that was answered, or one way to a port that a pod declares; not ICMP;
            not what a suspect opened first at or after its first knock (withheld)
  fenced    a workload of which any packet was seen beyond its own node's probes, also one that only asks; system
            namespaces are not, and what was never seen is not
  declared  widths on purpose: DNS on both protocols, every node where one was seen, everybody outside at a port that was
            entered by a node port
  own       a pod's talk with its node and with itself: nobody filters it

A row must be admitted if it is genuine or declared, or neither end is fenced; any other row must not be.
"""
from .places import owner_name, plain

OUTSIDE = "external/edge"
ADMITTED, DENIED = ("open", "closed"), ("rejected", "timeout")


def is_system(name):
    return name.startswith("kube-")


def name_of_pod(truth):
    """NAMESPACE/POD -> NAMESPACE/WORKLOAD."""
    return {a["pod"]: a["pod"].split("/")[0] + "/" + (owner_name(a["owner"]) or a["pod"].split("/")[1])
            for a in truth["addresses"]}


class Expectation:
    """The genuine edges, the declared widths and who is fenced."""

    def __init__(self, truth, matrix, suspects=None, blind=False):
        self.workload = name_of_pod(truth)
        self.node = {a["pod"]: a["node"] for a in truth["addresses"]}
        self.listens = {(r["dst"], r["proto"], r["port"]) for r in matrix if r["listens"]}
        self.genuine, self.exposed, self.from_nodes, self.to_nodes, self.withheld = {}, set(), set(), set(), set()
        self.fenced, self.suspects = set(), suspects or {}
        for c in truth["connections"]:
            self.take(c)
        self.withhold()
        self.widen()
        if blind:                       # no tap could see a pod wholly: nothing is fenced
            self.fenced = set()

    def take(self, c):
        src, dst = self.parties(c)
        if self.is_own(c) or (src.startswith("node/") and dst not in self.workload.values()):
            return
        self.fenced.update(w for w in (src, dst) if w in self.workload.values() and not is_system(w))
        port = (c.get("dnat") or c)["dport"]
        if not self.is_connection(c, dst, port):
            return
        if c["src_name"].startswith("external/") and c.get("dnat") and dst in self.workload.values():
            self.exposed.add((dst, c["proto"], port))
            src = OUTSIDE
        key = (src, dst, c["proto"], port)
        self.genuine[key] = min(self.genuine.get(key, c["t"]), c["t"])

    def parties(self, c):
        """The ends as policies know them: workloads, nodes by name, outsiders by address."""
        def party(name, ip):
            if name in self.workload:
                return self.workload[name]
            return f"external/{plain(ip)}" if name.startswith(("external/", "unknown")) else name
        seen_as = c.get("snat", {}).get("name", "")
        real = (c.get("dnat") or c)["dst"]
        src = party(c["src_name"], c["src"])
        if c["src_name"] not in self.workload and seen_as.startswith("node/"):
            src = seen_as               # who comes through a node reaches the pod from that node
        return src, party(c["dst_name"], real)

    def is_own(self, c):
        """A pod's talk with its own node; a pod with itself, unless by way of its service."""
        if c["dst_name"] in self.node and c["src_name"] == "node/" + self.node[c["dst_name"]]:
            return True
        if c["src_name"] in self.node and c["dst_name"] == "node/" + self.node[c["src_name"]]:
            return True
        return c["src_name"] == c["dst_name"] and not c.get("dnat")

    def is_connection(self, c, dst, port):
        if c["proto"] == "tcp":
            return bool(c["established"])
        if c["proto"] == "udp":
            return c["replied"] or (dst, "udp", port) in self.listens
        return False                    # NetworkPolicy v1 cannot say ICMP

    def withhold(self):
        for edge, first in list(self.genuine.items()):
            if edge[0] in self.suspects and first >= self.suspects[edge[0]]:
                self.withheld.add(edge)
                del self.genuine[edge]

    def widen(self):
        for src, dst, proto, port in list(self.genuine):
            if src.startswith("node/") and (dst, proto, port) not in self.exposed:
                self.from_nodes.add((dst, proto, port))
            if dst.startswith("node/"):
                self.to_nodes.add((src, proto, port))
        self.dns = {(src, dst) for src, dst, proto, port in self.genuine if port == 53 and dst in self.workload.values()}

    # ------------------------------------------------------------ questions
    def must_admit(self, row):
        """True or False, or None where nothing is promised."""
        if row["self"] or self.is_rows_own(row):
            return None
        if row["dst_kind"] == "nodeport":
            return self.through_node(row)
        if edge_of(row) in self.genuine or not (row["src"] in self.fenced or row["dst"] in self.fenced):
            return True
        return self.is_declared(row)

    def is_rows_own(self, row):
        return row["src_node"] == row["dst_node"] and "node" in (row["src_kind"], row["dst_kind"])

    def is_declared(self, row):
        at = (row["dst"], row["proto"], row["port"])
        if row["src_kind"] == "pod" and row["dst_kind"] == "node":
            return (row["src"], row["proto"], row["port"]) in self.to_nodes
        if row["src_kind"] == "pod":
            return row["port"] == 53 and (row["src"], row["dst"]) in self.dns
        return at in self.exposed or (row["src_kind"] == "node" and at in self.from_nodes)

    def through_node(self, row):
        at = (row["dst"], row["proto"], row["pod_port"])
        if row["dst"] not in self.fenced or at in self.exposed:
            return True
        return None if at in self.from_nodes and row["backends"] != [row["dst_node"]] else False


def edge_of(row):
    """The edge that a row tries, as the truth would name it."""
    dst = "external/" + plain(row["ip"]) if row["dst_kind"] == "external" else row["dst"]
    return row["src"], dst, row["proto"], row.get("pod_port", row["port"])


def describe(row):
    through = f" through {row['dst_node']}:{row['port']}" if row["dst_kind"] == "nodeport" else ""
    port = row.get("pod_port", row["port"])
    return f"{row['src']} -> {row['dst']} {port}/{row['proto']}{through} [{row['ip']} {row['result']}]"


def judge(truth, matrix, suspects=None, blind=False):
    """The figures of a matrix that was probed with policies in force, and every row that is wrong."""
    rows = [r for r in matrix["results"] if r["result"] in ADMITTED + DENIED]
    expect = Expectation(truth, rows, suspects, blind)
    tried, shown, broken, excess = 0, set(), set(), set()
    for r in rows:
        want, got = expect.must_admit(r), r["result"] in ADMITTED
        if want is None:
            continue
        tried += 1
        if want and not got:
            broken.add(describe(r))
        elif got and not want:
            excess.add(describe(r))
        elif got and edge_of(r) in expect.genuine:
            shown.add(edge_of(r))
    asked = {edge_of(r) for r in rows if expect.must_admit(r) is not None}
    return {"pairs_probed": tried, "genuine": len(expect.genuine), "genuine_open": len(shown),
            "not_probed": sorted(" ".join(map(str, e)) for e in set(expect.genuine) - asked),
            "withheld": sorted(" ".join(map(str, e)) for e in expect.withheld), "fenced": sorted(expect.fenced),
            "broken": sorted(broken), "excess": sorted(excess)}
