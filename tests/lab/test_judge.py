"""The judge keeps to the words of the project: each test is a claim."""
import unittest

from flowlab.judge import judge

PODS = {"web-1": "10.244.1.2", "api-1": "10.244.2.2", "api-2": "10.244.1.3", "idle-1": "10.244.2.3"}
NODES = {"web-1": "node1", "api-1": "node2", "api-2": "node1", "idle-1": "node2", "dns-1": "node1"}


def held(pod, ip):
    namespace, name = ("kube-system", "dns-1") if pod == "dns-1" else ("shop", pod)
    return {"ip": ip, "from": 0, "to": None, "pod": f"{namespace}/{name}", "owner": f"ReplicaSet/{name[:-2]}-5d",
            "node": NODES[pod]}


def connection(client, server, port, proto="tcp", **more):
    return {"t": 1.0, "proto": proto, "src": "0.0.0.0", "dst": "0.0.0.0", "dport": port, "src_name": client,
            "dst_name": server, "replied": True, "established": proto == "tcp" or None, **more}


def truth(*connections):
    pods = {**PODS, "dns-1": "10.244.1.9"}
    return {"addresses": [held(p, ip) for p, ip in pods.items()], "connections": list(connections)}


def row(src, dst, port, result, proto="tcp", **more):
    """A try; kinds follow from the names."""
    def kind(name):
        return name.split("/")[0] if name.startswith(("node/", "external/")) else "pod"
    return {"src": src, "src_kind": kind(src), "src_node": "node1", "dst": dst, "dst_kind": kind(dst),
            "dst_node": "node2", "ip": "10.244.2.2", "port": port, "proto": proto, "listens": True, "self": False,
            "result": result, **more}


WEB_API = connection("shop/web-1", "shop/api-1", 9090)


class Words(unittest.TestCase):
    def verdict(self, connections, rows, suspects=None):
        v = judge(truth(*connections), {"results": rows}, suspects)
        return len(v["broken"]), len(v["excess"])

    def test_a_genuine_pair_that_is_shut_is_broken(self):
        self.assertEqual(self.verdict([WEB_API], [row("shop/web", "shop/api", 9090, "rejected")]), (1, 0))
        self.assertEqual(self.verdict([WEB_API], [row("shop/web", "shop/api", 9090, "open")]), (0, 0))

    def test_a_pair_that_nobody_used_must_be_shut_even_where_nothing_listens(self):
        self.assertEqual(self.verdict([WEB_API], [row("shop/web", "shop/api", 22, "closed")]), (0, 1))
        self.assertEqual(self.verdict([WEB_API], [row("shop/web", "shop/api", 22, "timeout")]), (0, 0))

    def test_a_workload_that_only_asks_lets_nobody_in(self):
        self.assertEqual(self.verdict([WEB_API], [row("shop/api", "shop/web", 80, "open")]), (0, 1))

    def test_an_unobserved_workload_is_not_fenced_but_fenced_ones_do_not_reach_it(self):
        self.assertEqual(self.verdict([WEB_API], [row("shop/web", "shop/idle", 80, "open")]), (0, 1))
        self.assertEqual(self.verdict([WEB_API], [row("external/edge", "shop/idle", 80, "open")]), (0, 0))
        self.assertEqual(self.verdict([WEB_API], [row("external/edge", "shop/idle", 80, "rejected")]), (1, 0))

    def test_an_attempt_admits_nothing_and_fences_both_ends(self):
        attempt = {**WEB_API, "established": False}
        self.assertEqual(self.verdict([attempt], [row("shop/web", "shop/api", 9090, "open")]), (0, 1))
        self.assertEqual(self.verdict([attempt], [row("shop/api", "shop/web", 1, "open")]), (0, 1))

    def test_dns_on_one_protocol_admits_both_and_its_system_namespace_is_unfenced(self):
        asked = connection("shop/web-1", "kube-system/dns-1", 53, "udp")
        tcp = row("shop/web", "kube-system/dns", 53, "rejected")
        self.assertEqual(self.verdict([asked], [tcp]), (1, 0))
        self.assertEqual(self.verdict([asked], [row("shop/idle", "kube-system/dns", 53, "open")]), (0, 0))
        self.assertEqual(self.verdict([asked], [row("shop/web", "kube-system/dns", 80, "open")]), (0, 1))

    def test_udp_one_way_to_a_declared_port_is_a_connection(self):
        sent = connection("shop/web-1", "shop/api-1", 514, "udp", replied=False)
        shut = row("shop/web", "shop/api", 514, "timeout", "udp")
        self.assertEqual(self.verdict([sent], [shut]), (1, 0))
        self.assertEqual(self.verdict([sent], [{**shut, "listens": False}]), (0, 0))

    def test_a_node_port_that_was_entered_lets_everybody_outside_in_and_no_pod(self):
        entered = connection("external/edge", "shop/api-1", 30080, dnat={"dst": "10.244.2.2", "dport": 9090},
                             snat={"src": "172.30.0.11", "sport": 1, "name": "node/node1"})
        door = {"dst_kind": "nodeport", "dst_node": "node2", "backends": ["node2"], "pod_port": 9090}
        self.assertEqual(self.verdict([entered], [row("external/edge", "shop/api", 30080, "timeout", **door)]), (1, 0))
        self.assertEqual(self.verdict([entered], [row("external/edge", "shop/api", 9090, "rejected")]), (1, 0))
        self.assertEqual(self.verdict([entered], [row("node/node1", "shop/api", 9090, "rejected")]), (1, 0))
        self.assertEqual(self.verdict([entered], [row("shop/idle", "shop/api", 9090, "open")]), (0, 1))

    def test_a_node_port_that_nobody_entered_is_shut(self):
        door = {"dst_kind": "nodeport", "dst_node": "node1", "backends": ["node2"], "pod_port": 9090}
        self.assertEqual(self.verdict([WEB_API], [row("external/edge", "shop/api", 30080, "open", **door)]), (0, 1))

    def test_one_node_that_asks_declares_all_of_them_and_only_nodes(self):
        asked = connection("node/node1", "shop/api-1", 9090)
        self.assertEqual(self.verdict([asked], [row("node/node3", "shop/api", 9090, "rejected")]), (1, 0))
        self.assertEqual(self.verdict([asked], [row("node/node3", "shop/api", 80, "open")]), (0, 1))
        self.assertEqual(self.verdict([asked], [row("external/edge", "shop/api", 9090, "open")]), (0, 1))

    def test_the_pods_own_node_fences_nothing_and_is_not_judged(self):
        probe = connection("node/node2", "shop/api-1", 9090)
        self.assertEqual(self.verdict([probe], [row("shop/web", "shop/api", 80, "open")]), (0, 0))
        own = row("node/node2", "shop/api", 80, "open", src_node="node2")
        self.assertEqual(self.verdict([WEB_API], [own]), (0, 0))

    def test_a_pod_by_way_of_its_service_to_itself_admits_its_siblings(self):
        itself = connection("shop/api-1", "shop/api-1", 80, dnat={"dst": "10.244.2.2", "dport": 9090})
        self.assertEqual(self.verdict([itself], [row("shop/api", "shop/api", 9090, "rejected")]), (1, 0))
        direct = connection("shop/api-1", "shop/api-1", 9090)
        self.assertEqual(self.verdict([direct, WEB_API], [row("shop/api", "shop/api", 9090, "open")]), (0, 1))
        self.assertEqual(self.verdict([WEB_API], [row("shop/api", "shop/api", 22, "open", self=True)]), (0, 0))

    def test_what_a_suspect_opened_first_after_its_knock_is_withheld(self):
        early, late = {**WEB_API, "t": 1.0}, {**connection("shop/web-1", "shop/api-1", 6379), "t": 9.0}
        rows = [row("shop/web", "shop/api", 9090, "open"), row("shop/web", "shop/api", 6379, "open")]
        self.assertEqual(self.verdict([early, late], rows, {"shop/web": 5.0}), (0, 1))
        self.assertEqual(self.verdict([early, late], rows), (0, 0))

    def test_outsiders_are_told_apart_by_address(self):
        paid = connection("shop/web-1", "external/pay.example.net", 443, dst="203.0.113.10")
        other = row("shop/web", "external/pay.example.net", 443, "open", ip="198.51.100.20")
        self.assertEqual(self.verdict([paid], [other]), (0, 1))
        self.assertEqual(self.verdict([paid], [{**other, "ip": "203.0.113.10", "result": "rejected"}]), (1, 0))

    def test_ping_is_no_connection_that_a_policy_could_name(self):
        ping = connection("shop/web-1", "shop/api-1", None, "icmp")
        self.assertEqual(self.verdict([ping], [row("shop/web", "shop/api", 80, "open")]), (0, 1))

    def test_what_had_no_route_says_nothing_about_policies(self):
        self.assertEqual(self.verdict([WEB_API], [row("shop/web", "shop/api", 9090, "ehostunreach")]), (0, 0))


if __name__ == "__main__":
    unittest.main()
