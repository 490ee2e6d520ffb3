#!/usr/bin/env python3
"""Ports for servers that start later. Prints one when run."""

import random
import socket

# Below those that Linux gives to outgoing connections (ip_local_port_range), any of which may be in use when the server starts,
# and below those of the stand-ins in tests/packs/wso2.
RANGE = range(10000, 25000)


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    ports = set()
    while len(ports) < count:
        port = random.choice(RANGE)
        if is_free(port):
            ports.add(port)
    return list(ports)


if __name__ == "__main__":
    print(*free_ports(1))
