"""Networks by the addresses they hold: found by as many look-ups as there are lengths of networks, however many."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Generic, TypeVar

T = TypeVar("T")
Network = IPv4Network | IPv6Network


class Networks(Generic[T]):
    """What belongs to networks; several things may belong to one."""

    def __init__(self, pairs: Iterable[tuple[Network, T]]) -> None:
        found: dict[tuple[int, int], dict[int, list[T]]] = {}  # by version and bits that do not count, then by the rest
        for network, value in pairs:
            rest = network.max_prefixlen - network.prefixlen
            group = found.setdefault((network.version, rest), {})
            group.setdefault(int(network.network_address) >> rest, []).append(value)
        self._groups = sorted(found.items())

    def holding(self, address: str) -> list[T]:
        """What belongs to the networks that hold an address, the narrowest first; nothing of what is no address."""
        try:
            source = ip_address(address)
        except ValueError:
            return []
        number = int(source)
        return [
            value
            for (version, rest), group in self._groups
            if version == source.version
            for value in group.get(number >> rest, ())
        ]
