"""Who is calling? What an edge asserts or the source address tells; never what a caller says of himself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from callctl.case import Case
from callctl.model import Step, failed, passed
from callctl.reason import Reason
from callctl.routing import did
from callctl.settings import Edge, Node, split_address


def check(case: Case) -> Step:
    """Sets the calling endpoint, or marks a call that another node of the core sends on."""
    request, source = case.request, case.request.source_ip
    if request.hop and _node_at(source, case.settings.nodes):
        case.hop = True
        return passed("identify", "identify.hop", source=source, call=request.hop)
    if edge := _edge_at(source, case.settings.edges):
        case.by_edge = True
        if not request.asserted:
            if request.origin:
                return _by_address(case, request.origin)
            return failed("identify", Reason.CALLER_UNKNOWN, "identify.no_aor", edge=edge.name)
        user, _, domain = request.asserted.rpartition("@")
        case.endpoint = case.directory.endpoint_by_aor(user, domain)
        if case.endpoint is None:
            return failed(
                "identify", Reason.CALLER_UNKNOWN, "identify.unknown_aor", edge=edge.name, aor=request.asserted
            )
        return passed(
            "identify", "identify.edge", edge=edge.name, endpoint=case.endpoint.name, account=case.endpoint.account
        )
    return _by_address(case, source)


def _by_address(case: Case, source: str) -> Step:
    """A trunk or a carrier. Who is both brings calls to our DIDs as a carrier, and makes all others as a trunk."""
    carriers = case.directory.carriers_by_source(source)
    active = tuple(carrier for carrier in carriers if carrier.active)
    trunks = case.directory.endpoints_by_source(source)
    if active and (not trunks or did.is_ours(case, active)):
        case.carriers = active
        names = tuple(carrier.name for carrier in active)
        return passed("identify", "identify.carrier", source=source, carriers=names)
    if carriers and not trunks:
        name = carriers[0].name
        return failed("identify", Reason.CALLER_UNKNOWN, "identify.closed_carrier", source=source, carrier=name)
    return _trunk(case, source)


def _trunk(case: Case, source: str) -> Step:
    """Sets the trunk that calls from `source`; the number called is then used without the trunk's prefix."""
    trunks = case.directory.endpoints_by_source(source)
    if not trunks:
        return failed("identify", Reason.CALLER_UNKNOWN, "identify.unknown_source", source=source)
    called = case.request.called
    case.endpoint = next((trunk for trunk in trunks if _dials(called, trunk.prefix)), None)
    if case.endpoint is None:
        prefixes = tuple(trunk.prefix for trunk in trunks)
        return failed(
            "identify", Reason.CALLER_UNKNOWN, "identify.no_prefix", source=source, called=called, prefixes=prefixes
        )
    if case.endpoint.prefix:
        case.request = replace(case.request, called=called.removeprefix(case.endpoint.prefix))
    return passed(
        "identify", "identify.source", source=source, endpoint=case.endpoint.name, account=case.endpoint.account
    )


def _dials(called: str, prefix: str) -> bool:
    return not prefix or (called.startswith(prefix) and called != prefix)


def _edge_at(source: str, edges: Iterable[Edge]) -> Edge | None:
    address = _parsed(source)
    if address is None:
        return None
    for edge in edges:
        if any(address in network for network in edge.sources) or _parsed(_host(edge.address)) == address:
            return edge
    return None


def _node_at(source: str, nodes: Iterable[Node]) -> bool:
    address = _parsed(source)
    return address is not None and any(_parsed(_host(node.sip)) == address for node in nodes)


@lru_cache(1024)
def _host(address: str) -> str:
    return split_address(address)[0]


@lru_cache(4096)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
