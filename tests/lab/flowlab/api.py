"""The lab's API server: a small HTTPS client, and kubectl."""
import http.client
import json
import os
import ssl
import subprocess
import time

from .places import API_IP, API_PORT, TOKEN, path
from .system import LabError, conf, sh


class ApiError(RuntimeError):
    def __init__(self, status, body):
        super().__init__(f"API {status}: {body[:300]}")
        self.status = status


class Api:
    """A keep-alive client; one per thread."""

    def __init__(self):
        ctx = ssl.create_default_context(cafile=path("certs/apiserver.crt"))
        self.conn = http.client.HTTPSConnection(API_IP, API_PORT, context=ctx, timeout=20)

    def call(self, method, url, body=None, ctype="application/json"):
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": "Bearer " + TOKEN, "Content-Type": ctype, "Accept": "application/json"}
        for attempt in (1, 2):
            try:
                self.conn.request(method, url, data, headers)
                r = self.conn.getresponse()
                text = r.read().decode()
                break
            except (http.client.HTTPException, OSError) as e:
                self.conn.close()
                if attempt == 2:
                    raise RuntimeError(f"API: {e!r}") from e
        if r.status >= 400:
            raise ApiError(r.status, text)
        return json.loads(text) if text.startswith("{") else text

    def get(self, url):
        return self.call("GET", url)

    def items(self, url):
        return self.get(url).get("items") or []

    def post(self, url, body):
        return self.call("POST", url, body)

    def merge(self, url, body):
        return self.call("PATCH", url, body, "application/merge-patch+json")

    def running(self, url="/api/v1/pods"):
        """The pods that run and are not on their way out."""
        return [p for p in self.items(url) if p.get("status", {}).get("phase") == "Running"
                and not p["metadata"].get("deletionTimestamp")]


def klab():
    return os.path.join(conf()["bin"], "klab")


def kubectl(*args, stdin=None, check=True, timeout=90):
    return sh(klab(), "kubectl", "--kubeconfig", path("kubeconfig"), *args, stdin=stdin, check=check, timeout=timeout)


def apply_text(text, *more):
    # a namespace's default service account appears a moment after the namespace
    for attempt in range(20):
        p = subprocess.run([klab(), "kubectl", "--kubeconfig", path("kubeconfig"), "apply", "-f", "-", *more],
                           input=text, capture_output=True, text=True, timeout=90, check=False)
        if p.returncode == 0:
            return p.stdout
        if "serviceaccount" not in p.stderr or attempt == 19:
            raise LabError("apply: " + p.stderr.strip())
        time.sleep(0.25)
    return ""
