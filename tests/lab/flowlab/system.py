"""Commands, files, threads in namespaces, and daemons that can be found again."""
import contextlib
import ctypes
import datetime
import json
import os
import signal
import subprocess
import threading
import time

from .places import path, STATE


class LabError(Exception):
    """Something that the person at the keyboard should read."""


def sh(*cmd, ns=None, check=True, quiet=False, stdin=None, timeout=60):
    """Runs one command, in network namespace ns if given; returns its stdout."""
    if ns:
        cmd = ("ip", "netns", "exec", ns) + cmd
    p = subprocess.run(cmd, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if check and p.returncode:
        if quiet:
            return None
        raise RuntimeError(f"{' '.join(cmd)}: rc {p.returncode}: {p.stderr.strip() or p.stdout.strip()}")
    return p.stdout


def write(name, text, mode=0o600):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    tmp = name + ".tmp"
    with open(tmp, "w") as f:
        f.write(text)
    os.chmod(tmp, mode)
    os.replace(tmp, name)


def read(name, default=""):
    try:
        with open(name, errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return default


def read_json(name, default=None):
    text = read(name)
    return json.loads(text) if text else default


def json_lines(name):
    """The JSON objects among the lines of a log; a last line that is only half there is left out."""
    for line in read(name).splitlines():
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def conf():
    c = read_json(path("lab.json"))
    if not c:
        raise LabError("not up (run: lab up)")
    return c


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def wait_for(what, fn, seconds=30, step=0.1):
    """Calls fn until it returns something true; raises after the given time."""
    end, last = time.monotonic() + seconds, None
    while True:
        try:
            r = fn()
            if r:
                return r
        except (OSError, RuntimeError) as e:
            last = e
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {seconds} s{f' ({last})' if last else ''}")
        time.sleep(step)


_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def in_ns(ns, fn, *args):
    """Runs fn in a fresh thread that has entered network namespace ns."""
    out = {}

    def body():
        try:
            if ns:
                fd = os.open(f"/run/netns/{ns}", os.O_RDONLY)
                try:
                    if _libc.setns(fd, CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), f"setns {ns}")
                finally:
                    os.close(fd)
            out["r"] = fn(*args)
        except BaseException as e:      # handed to the caller
            out["e"] = e
    t = threading.Thread(target=body)
    t.start()
    t.join()
    if "e" in out:
        raise out["e"]
    return out["r"]


def spawn(name, cmd, ns=None, env=None):
    """Starts a daemon of the lab once; its pid file holds pid and start time."""
    if alive(name):
        return
    os.makedirs(path("log"), exist_ok=True)
    if ns:
        cmd = ["ip", "netns", "exec", ns] + cmd
    with open(path("log", name + ".log"), "a") as log:
        p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True, env={**os.environ, **(env or {})}, cwd=STATE)
    write(path("pid", name), f"{p.pid} {start_time(p.pid)}")


def start_time(pid):
    """The kernel's start time of a process, or None: tells a reused pid apart."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return None


def alive(name):
    words = read(path("pid", name)).split()
    if len(words) != 2:
        return None
    return int(words[0]) if start_time(words[0]) == words[1] else None


def daemons():
    return sorted(os.listdir(path("pid"))) if os.path.isdir(path("pid")) else []


def stop(name, sig=signal.SIGTERM, seconds=5):
    pid = alive(name)
    if pid:
        for s in (sig, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, s)
            end = time.monotonic() + seconds
            while alive(name) and time.monotonic() < end:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                time.sleep(0.05)
            if not alive(name):
                break
    with contextlib.suppress(FileNotFoundError):
        os.remove(path("pid", name))
