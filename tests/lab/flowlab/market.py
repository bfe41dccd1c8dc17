"""The world of the closed loop: two nodes, one of everything that policies have to get right."""
from .places import EXT_HOSTS, node_ip
from .world import Service, Workload, World

MIRROR = EXT_HOSTS["mirror.example.org"][0]


def market():
    web = Workload("shop/web", serves=["http=8080/tcp"], relays=["api.shop:80/tcp"], replicas=2, spread=True,
                   labels={"app": "web", "tier": "front"})
    solo = Workload("shop/solo", serves=["8090/tcp", "9053/udp"], node="node1")
    api = Workload("shop/api", serves=["grpc=9090/tcp", "9091/tcp"], replicas=2, spread=True,
                   relays=["store-0.store.data:6379/tcp", "inventory.shop:7000/tcp"], calls=["api.shop:81/tcp"])
    inventory = Workload("shop/inventory", serves=["7000/tcp"], calls=["db.data:5433/tcp"], hold=0.8, every=0.4)
    blog = Workload("shop/blog", serves=["8000/tcp"])
    store = Workload("data/store", kind="StatefulSet", serves=["redis=6379/tcp", "7946/tcp"], replicas=2,
                     calls=["store-0.store.data:7946/tcp", "store-1.store.data:7946/tcp"])
    db = Workload("data/db", serves=["pg=5432/tcp"])
    statsd = Workload("ops/statsd", serves=["8125/udp", "8126/tcp"])
    syslog = Workload("ops/syslog", serves=["514/sink"])
    nodes = [node_ip(n) + ":9100/tcp" for n in ("node1", "node2")]
    return World(
        workloads=[
            web, solo, api, inventory, blog, store, db, statsd, syslog,
            Workload("shop/pay", calls=["pay.example.net:443/tcp"]),
            Workload("shop/worker", replicas=2, calls=["store-any.data:6380/tcp", "statsd.ops:8125/udp",
                                                       "syslog.ops:514/oneway"]),
            Workload("shop/report", kind="CronJob", calls=["db.data:5433/tcp", "mirror.example.org:443/tcp"]),
            Workload("ops/agent", kind="DaemonSet", host=True, serves=["9100/tcp"], calls=[MIRROR + ":443/tcp"]),
            Workload("ops/watcher", kind="DaemonSet", calls=["web-pods.shop:8080/tcp", *nodes]),
            Workload("ops/operator", calls=["kubernetes.default.svc:443/tcp"], env={"FAMILIES": "4"}),
            Workload("ops/clock", calls=["ntp.example.net:123/udp"], env={"RES_OPTIONS": "use-vc"}),
        ],
        services=[
            Service("shop/web", web, ["80:http/tcp@30080"]),
            Service("shop/web-pods", web, ["8080:8080/tcp"], headless=True),
            Service("shop/solo", solo, ["80:8090/tcp@30081", "9053:9053/udp@30053"]),
            Service("shop/api", api, ["80:grpc/tcp", "81:9091/tcp"]),
            Service("shop/inventory", inventory, ["7000:7000/tcp"]),
            Service("shop/blog", blog, ["80:8000/tcp@30082"]),
            Service("data/store", store, ["6379:6379/tcp", "7946:7946/tcp"], headless=True),
            Service("data/store-any", store, ["6380:redis/tcp"]),
            Service("data/db", db, ["5433:pg/tcp"]),
            Service("ops/statsd", statsd, ["8125:8125/udp"]),
            Service("ops/syslog", syslog, ["514:514/udp"]),
        ],
        customers=["$NODE:30080/tcp", "$NODE:30081/tcp", "$NODE:30053/udp"])
