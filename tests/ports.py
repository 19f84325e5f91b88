"""Ports of loopback that a test may listen on."""

from __future__ import annotations

import random
import socket

# Neither FreeSWITCH's media, nor the private services', nor what the kernel gives to outgoing connections.
PORTS = range(12_000, 16_000)
_given: set[tuple[str, int]] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody has there by UDP or TCP; never one that this process was given before."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket(family) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
            except OSError:
                continue
        if (host, port) not in _given:
            _given.add((host, port))
            return port
    raise AssertionError(f"{host} has no free port")
