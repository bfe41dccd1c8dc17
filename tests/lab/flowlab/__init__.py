"""A Kubernetes laboratory without containers: a node is a network namespace, a pod is one too.

    places    names and addresses          api        the API server, kubectl
    system    commands, files, daemons     cluster    up, down
    network   links, routes, addresses     kubelet    pods from objects to processes
    wait      until ready, until in force  record     packets, objects
    conntrack, truth                       what the kernels saw
    probe, judge                           what policies admit, and what they should
    world     random clusters              loop       watch, recommend, apply, prove
"""
