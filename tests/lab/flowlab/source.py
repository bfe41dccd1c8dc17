"""How flowfence watches: what runs on the nodes meanwhile, and the arguments that lead it to the result."""
import os

from . import record


class Pcap:
    """tcpdump on each node, and the objects once before and once after."""

    def __init__(self, flowfence, out, iface=None):
        self.out, self.iface = out, iface

    def start(self):
        record.snapshot(os.path.join(self.out, "before"))
        record.start(self.out, self.iface)

    def finish(self):
        files = record.finish()
        record.snapshot(os.path.join(self.out, "after"))
        return [*files, "--cluster", os.path.join(self.out, "before"), "--cluster", os.path.join(self.out, "after")]


KINDS = {"pcap": Pcap}
