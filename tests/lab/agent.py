#!/usr/bin/env python3
"""What runs inside the lab's pods: small servers and clients that speak on real sockets.

  agent.py serve 8080/tcp 9000/udp 514/sink  answers whatever it is sent; a sink (UDP) only writes down who sent
  agent.py call [--every S] [--count N] [--hold S] [--bytes N] HOST:PORT/PROTO ...
  agent.py relay LISTEN/tcp HOST:PORT/tcp    a middle tier: each request makes an upstream one
  agent.py scan --ports 1-1024,3306 HOST ... connects to each port once
  agent.py ping HOST ...                     one ICMP echo each

PROTO is tcp, udp (an answer is expected) or oneway (UDP, none is).  Names are resolved by the pod's own resolv.conf,
once for each family of $FAMILIES ("4", "6" or "4 6").  `call` and `relay` print one JSON line per attempt.  What fails
before a target first answered, in the first seconds of a process, is marked `early`: a cluster needs a moment until a
new pod is known everywhere, and clients try again.
"""
import argparse
import contextlib
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

PATIENCE = 15.0                         # seconds from the start in which a failure may be early
DRAIN = 2.5                             # seconds that a server goes on after it was told to end
PROBE = b"fflab-probe"                  # what even a sink answers
BORN = time.monotonic()
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "oneway": socket.SOCK_DGRAM, "sink": socket.SOCK_DGRAM}
answered = set()


def say(**record):
    print(json.dumps({"t": round(time.time(), 6), **record}), flush=True)


def split(spec):
    hostport, _, proto = spec.partition("/")
    host, _, port = hostport.rpartition(":")
    return host.strip("[]"), int(port), proto or "tcp"


# ---------------------------------------------------------------- servers
def listen(port, proto):
    """A dual-stack socket on every address of the pod."""
    s = socket.socket(socket.AF_INET6, KINDS[proto])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    if proto == "tcp":
        s.listen(128)
    return s


def reply(size):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size


def serve_tcp(s, answer):
    def one(c):
        with c, contextlib.suppress(OSError):
            c.settimeout(300)
            while c.recv(65536):
                c.sendall(answer())
    while True:
        c, _ = s.accept()
        threading.Thread(target=one, args=(c,), daemon=True).start()


def serve_udp(s, sink):
    """Answers from the address that was asked, so that dual-stack clients accept it."""
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    while True:
        data, anc, _, peer = s.recvmsg(65536, 128)
        if sink and not data.startswith(PROBE):
            say(sink=s.getsockname()[1], sender=peer[0].removeprefix("::ffff:"))
            continue
        anc = [(lv, ty, d) for lv, ty, d in anc if (lv, ty) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO)]
        with contextlib.suppress(OSError):
            s.sendmsg([b"ack " + data[:64]], anc, 0, peer)


def drain():
    """A server that is told to end goes on for a moment: until nobody is sent to it any more."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    time.sleep(DRAIN)
    os._exit(0)


def start(port, proto, answer):
    s = listen(port, proto)
    args = (s, answer) if proto == "tcp" else (s, proto == "sink")
    threading.Thread(target=serve_tcp if proto == "tcp" else serve_udp, args=args, daemon=True).start()


def serve(a):
    for word in a.ports:
        port, proto = word.split("/")
        start(int(port), proto, lambda: reply(a.bytes))
    drain()


def relay(a):
    def answer():
        for spec in a.targets:
            for family in families():
                attempt(spec, family, a)
        return reply(200)
    port, proto = a.listen.split("/")
    start(int(port), proto, answer)
    drain()


# ---------------------------------------------------------------- clients
def families():
    return [{"4": socket.AF_INET, "6": socket.AF_INET6}[f] for f in os.environ.get("FAMILIES", "4").split()]


def exchange(spec, family, a, rec):
    host, port, proto = split(spec)
    info = socket.getaddrinfo(host, port, family, KINDS[proto])
    addr = random.choice(info)[4]
    rec["ip"] = addr[0]
    with socket.socket(family, KINDS[proto]) as s:
        s.settimeout(a.timeout)
        if a.from_port:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", a.from_port))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))      # no TIME_WAIT
        s.connect(addr)
        rec["sport"] = s.getsockname()[1]
        end = time.monotonic() + a.hold
        while True:
            s.sendall(b"PING " + host.encode() + b"\r\n" + b"p" * a.bytes)
            if proto == "oneway":
                return
            rec["got"] = rec.get("got", 0) + len(s.recv(65536))
            if time.monotonic() >= end:
                return
            time.sleep(min(a.beat, max(0, end - time.monotonic())))


def attempt(spec, family, a, **more):
    """One request, written down; True if it went well.  Like most clients it tries again once: a cut lasts, a moment in
    which an enforcer rewrites its rules does not."""
    if not has_family(split(spec)[0], family):
        return True
    for last in (False, True):
        rec = {"to": spec, "family": 4 if family == socket.AF_INET else 6, **more}
        try:
            exchange(spec, family, a, rec)
            answered.add((spec, family))
            rec["result"] = "ok"
        except OSError as e:
            early = (spec, family) not in answered and time.monotonic() < BORN + PATIENCE
            rec["result"] = ("early " if early else "" if last else "retried ") + type(e).__name__
        say(**rec)
        if not rec["result"].startswith("retried"):
            break
        time.sleep(0.3)
    return rec["result"] == "ok"


def has_family(host, family):
    """Whether a host is an address of this family, or a name."""
    for f in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(f, host)
            return f == family
    return True


def call(a):
    n, good = 0, True
    while True:
        n += 1
        for spec in a.targets:
            for family in families():
                ok = attempt(spec, family, a, round=n)
                while a.count and not ok and (spec, family) not in answered and time.monotonic() < BORN + PATIENCE:
                    time.sleep(0.3)
                    ok = attempt(spec, family, a, round=n)
                good = ok and good
        if a.count and n >= a.count:
            return 0 if good else 1
        time.sleep(a.every * random.uniform(0.8, 1.2))


def ping(a):
    for host in a.targets:
        addr = (socket.gethostbyname(host), 0)
        body = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xffff, 1) + b"fflab---"
        total = sum(struct.unpack("!8H", body))
        total = (total >> 16) + (total & 0xffff)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.settimeout(a.timeout)
            s.sendto(body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + body[4:], addr)
            try:
                s.recv(200)
                print("alive", host, flush=True)
            except OSError:
                print("silent", host, flush=True)


def scan(a):
    ports = []
    for w in a.ports.split(","):
        lo, _, hi = w.partition("-")
        ports += range(int(lo), int(hi or lo) + 1)
    for host in a.targets:
        for port in ports:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as s:
                s.settimeout(a.timeout)
                say(scanned=host, port=port, open=s.connect_ex((host, port)) == 0)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    s = p.add_subparsers(dest="verb", required=True)
    x = s.add_parser("serve")
    x.add_argument("--bytes", type=int, default=200)
    x.add_argument("ports", nargs="+")
    x.set_defaults(fn=serve)
    for name, fn in (("call", call), ("relay", relay), ("scan", scan), ("ping", ping)):
        x = s.add_parser(name)
        x.set_defaults(fn=fn)
        if name == "relay":
            x.add_argument("listen")
        if name == "scan":
            x.add_argument("--ports", required=True)
        x.add_argument("--every", type=float, default=2)
        x.add_argument("--count", type=int, default=0)
        x.add_argument("--hold", type=float, default=0)
        x.add_argument("--beat", type=float, default=1)
        x.add_argument("--bytes", type=int, default=0)
        x.add_argument("--from-port", type=int, default=0)
        x.add_argument("--timeout", type=float, default=2)
        x.add_argument("targets", nargs="+")
    a = p.parse_args()
    sys.exit(a.fn(a) or 0)


if __name__ == "__main__":
    main()
