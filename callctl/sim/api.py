"""The API commands of the simulated switch (mod_commands.c, and what the recordings show)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from callctl.sim import blocks
from callctl.sim.call import Queued
from callctl.sim.leg import Leg, now_us

if TYPE_CHECKING:
    from callctl.sim.conference import Room
    from callctl.sim.node import SimNode

MODULES = frozenset((
    "mod_event_socket", "mod_sofia", "mod_dptools", "mod_commands", "mod_conference", "mod_dialplan_xml", "mod_opus",
    "mod_spandsp",
))  # fmt: skip
CONTEXT = "callctl"
PEERS = ip_network("127.0.0.0/8")  # who may send calls
# What doctors of installations look at of freeswitch-conf.
PROFILE = {
    "context": CONTEXT, "apply-inbound-acl": "callctl_peers", "auth-calls": "false", "accept-blind-auth": "false",
    "accept-blind-reg": "false", "auth-messages": "true", "disable-transfer": "true",
    "inbound-late-negotiation": "true",
}  # fmt: skip
GLOBALS = {"outbound_redirect_fatal": "true", "sip_ignore_remote_cause": "true", "sip_disable_recording": "true"}
CONFERENCES = ("default",)
NO_CHANNEL = "-ERR No such channel!\n"
Api = Callable[["SimNode", str], str]


def run(node: SimNode, text: str) -> str:
    """The output of `command arguments`."""
    name, _, arguments = text.partition(" ")
    command = COMMANDS.get(name)
    return command(node, arguments.strip()) if command else f"-ERR {name} Command not found!\n"


def _leg(node: SimNode, uuid: str) -> Leg | None:
    call = node.call(uuid)
    if call is not None:
        return None if call.leg.down else call.leg
    attempt = node.legs.get(uuid)
    return None if attempt is None or attempt.leg.down else attempt.leg


def _three(arguments: str) -> list[str]:
    return [*arguments.split(" ", 2), "", ""][:3]


def _status(node: SimNode, _arguments: str) -> str:
    return blocks.read("status.txt").format_map(node.figures())


def _uuid_exists(node: SimNode, uuid: str) -> str:
    return "true" if _leg(node, uuid) else "false"


def _uuid_kill(node: SimNode, arguments: str) -> str:
    uuid, _, cause = arguments.partition(" ")
    done = node.hang_up(uuid, blocks.known_cause(cause or "NORMAL_CLEARING"))
    return "+OK\n" if done else NO_CHANNEL


def _uuid_getvar(node: SimNode, arguments: str) -> str:
    uuid, _, name = arguments.partition(" ")
    leg = _leg(node, uuid)
    return NO_CHANNEL if leg is None else leg.variables.get(name, "_undef_")


def _uuid_setvar(node: SimNode, arguments: str) -> str:
    uuid, name, value = _three(arguments)
    leg = _leg(node, uuid)
    if leg is None:
        return NO_CHANNEL
    leg.variables.set(name, value)
    return "+OK\n"


def _uuid_setvar_multi(node: SimNode, arguments: str) -> str:
    uuid, _, pairs = arguments.partition(" ")
    usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    leg = _leg(node, uuid)
    if leg is None:
        return NO_CHANNEL + usage
    named = [part.partition("=") for part in pairs.split(";")[:64] if part]
    for name, _, value in named:
        leg.variables.set(name, value)
    return "+OK\n" if named else usage


def _uuid_dump(node: SimNode, arguments: str) -> str:
    uuid, _, form = arguments.partition(" ")
    leg = _leg(node, uuid)
    if leg is None:
        return NO_CHANNEL
    text = node.core("CHANNEL_DATA", node.next_sequence()) + leg.data()
    if form != "json":
        return text + "\n"
    return json.dumps(dict(line.split(": ", 1) for line in text.splitlines() if ": " in line))


def _uuid_broadcast(node: SimNode, arguments: str) -> str:
    uuid, path, legs = _three(arguments)
    if not path:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    if _leg(node, uuid) is None:
        return "-ERR invalid uuid\n"
    call = node.call(uuid)
    if call is not None and (not legs or "aleg" in legs or "both" in legs):
        # The message is locked itself; it waits for an application that is, so behind a locked bridge nothing plays.
        call.enqueue(Queued("execute", "playback", path, "", locked=True, loops=1, cause=""))
    return "+OK Message sent\n"


def _seconds(when: str) -> int:
    """`+N` from now, or until N of the clock."""
    return int(when[1:]) if when.startswith("+") else max(0, int(when) - int(time.time()))


def _sched_hangup(node: SimNode, arguments: str) -> str:
    when, uuid, cause = _three(arguments)
    if not uuid or _leg(node, uuid) is None:
        return NO_CHANNEL
    seconds = _seconds(when)
    cause = blocks.known_cause(cause or "ALLOTTED_TIMEOUT")
    if seconds:
        node.arm(uuid, seconds, cause)
    else:
        node.hang_up(uuid, cause)
    return "+OK\n"


def _sched_del(node: SimNode, group: str) -> str:
    return f"+OK Deleted: {node.cancel_tasks(group)}\n"


def _sched_api(node: SimNode, arguments: str) -> str:
    when, group, command = _three(arguments)
    if not command:
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    number = node.schedule(group, _seconds(when), lambda: run(node, command))
    return f"+OK Added: {number}\n"


def _module_exists(_node: SimNode, name: str) -> str:
    return "true" if name in MODULES else "false"


def _global_getvar(node: SimNode, name: str) -> str:
    own = {"switchname": node.name, "hostname": node.name, "local_ip_v4": node.values["address"]}
    return (GLOBALS | own).get(name, "")


def _switchname(node: SimNode, _arguments: str) -> str:
    return node.name


def _strmicroepoch(_node: SimNode, _arguments: str) -> str:
    return str(now_us())


def _fsctl(_node: SimNode, arguments: str) -> str:
    return "+OK api_expansion is off \n" if arguments == "api_expansion" else "-USAGE: fsctl api_expansion\n"


def _sofia(node: SimNode, arguments: str) -> str:
    if arguments != f"status profile {node.values['profile']}":
        return "Invalid Profile!\n"
    url = f"sip:mod_sofia@{node.values['address']}:{node.values['port']}"
    said = {"Name": node.values["profile"], "Dialplan": "XML", "Context": CONTEXT, "URL": url}
    return "".join(f"{label:<17}\t{value}\n" for label, value in said.items())


def _acl(_node: SimNode, arguments: str) -> str:
    address, _, name = arguments.partition(" ")
    return "true" if name == PROFILE["apply-inbound-acl"] and ip_address(address) in PEERS else "false"


def _xml_locate(node: SimNode, arguments: str) -> str:
    if arguments == "configuration configuration name sofia.conf":
        return _profiles("sofia.conf", {node.values["profile"]: PROFILE})
    if arguments == "configuration configuration name conference.conf":
        return _profiles("conference.conf", {name: {} for name in CONFERENCES})
    if arguments != f"dialplan context name {CONTEXT}":
        return "can't find anything\n"
    context = ElementTree.Element("context", name=CONTEXT)
    condition = ElementTree.SubElement(ElementTree.SubElement(context, "extension", name="controller"), "condition")
    for application, data in node.dialplan:
        ElementTree.SubElement(condition, "action", application=application, data=data)
    return ElementTree.tostring(context, encoding="unicode")


def _profiles(name: str, profiles: Mapping[str, Mapping[str, str]]) -> str:
    root = ElementTree.Element("configuration", name=name)
    for own, parameters in profiles.items():
        profile = ElementTree.SubElement(root, "profile", name=own)
        for key, value in parameters.items():
            ElementTree.SubElement(profile, "param", name=key, value=value)
    return ElementTree.tostring(root, encoding="unicode")


def _show(node: SimNode, arguments: str) -> str:
    words = arguments.split()
    if not words or words[0] not in ("channels", "calls"):
        return "-USAGE: show channels|calls [count] [as json]\n"
    written = now_us() - node.listed_after * 1_000_000
    rows = [_row(node, leg) for leg in node.all_legs() if leg.times.created <= written]
    if "json" in words:
        return json.dumps({"row_count": len(rows), "rows": rows} if rows else {"row_count": 0})
    if "count" in words:
        return f"\n{len(rows)} total.\n"
    table = [",".join(rows[0])] + [",".join(row.values()) for row in rows] if rows else []
    return "".join(f"{line}\n" for line in table) + f"\n{len(rows)} total.\n"


def _row(node: SimNode, leg: Leg) -> dict[str, str]:
    created = leg.times.created // 1_000_000
    app, argument = leg.last_app
    return {
        "uuid": leg.uuid, "direction": "outbound" if leg.parent else "inbound",
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)), "created_epoch": str(created),
        "name": leg.name, "state": leg.state, "cid_name": leg.profile["caller_name"],
        "cid_num": leg.profile["caller_number"], "ip_addr": leg.profile["network"],
        "dest": leg.profile["destination"], "application": app, "application_data": argument, "dialplan": "XML",
        "context": "public", "read_codec": leg.codec, "read_rate": str(leg.rate) if leg.codec else "",
        "read_bit_rate": "64000" if leg.codec else "", "write_codec": leg.codec,
        "write_rate": str(leg.rate) if leg.codec else "", "write_bit_rate": "64000" if leg.codec else "",
        "secure": "", "hostname": node.name, "presence_id": "", "presence_data": "", "accountcode": "",
        "callstate": leg.call_state, "callee_name": leg.profile["callee_name"],
        "callee_num": leg.profile["callee_number"], "callee_direction": "", "call_uuid": leg.call_uuid,
        "sent_callee_name": "", "sent_callee_num": "", "initial_cid_name": leg.profile["orig_caller_name"],
        "initial_cid_num": leg.profile["orig_caller_number"], "initial_ip_addr": leg.profile["network"],
        "initial_dest": leg.profile["destination"], "initial_dialplan": "XML", "initial_context": "public",
    }  # fmt: skip


def _conference(node: SimNode, arguments: str) -> str:
    name, _, rest = arguments.partition(" ")
    if name == "list":
        found = [f"+OK Conference {room.name} ({len(room.members)} members)\n{room.listing()}"
                 for room in node.rooms.values()]  # fmt: skip
        return "".join(found) or "+OK No active conferences.\n"
    if name == "json_list":
        return json.dumps([room.json() for room in node.rooms.values()], ensure_ascii=False)
    room = node.rooms.get(name)
    return f"-ERR Conference {name} not found\n" if room is None else _in_room(room, rest)


def _in_room(room: Room, text: str) -> str:
    verb, _, argument = text.partition(" ")
    if verb == "list":
        return room.listing()
    if verb == "count":
        return str(len(room.members))
    if verb in ("kick", "hup"):
        wanted = 0 if argument == "all" else int(argument) if argument.isdecimal() else -1
        return f"+OK kicked {argument}\n" if room.kick(wanted) else f"-ERR Non-Existant ID {argument}\n"
    if verb in ("lock", "unlock"):
        room.locked = verb == "lock"
        return f"+OK {room.name} {verb}ed\n"
    if verb in ("mute", "unmute"):
        return _mute(room, verb, argument)
    return f"-ERR Conference command '{verb}' not found.\n"


def _mute(room: Room, verb: str, argument: str) -> str:
    member = int(argument) if argument.isdecimal() else 0
    if member not in room.members:
        return f"-ERR Non-Existant ID {argument}\n"
    (room.muted.add if verb == "mute" else room.muted.discard)(member)
    return f"+OK {verb} {member}\n"


COMMANDS: dict[str, Api] = {
    "status": _status, "uuid_exists": _uuid_exists, "uuid_kill": _uuid_kill, "uuid_getvar": _uuid_getvar,
    "uuid_setvar": _uuid_setvar, "uuid_setvar_multi": _uuid_setvar_multi, "uuid_dump": _uuid_dump,
    "uuid_broadcast": _uuid_broadcast, "sched_hangup": _sched_hangup, "sched_del": _sched_del,
    "sched_api": _sched_api, "show": _show, "module_exists": _module_exists, "global_getvar": _global_getvar,
    "switchname": _switchname, "conference": _conference, "strmicroepoch": _strmicroepoch, "fsctl": _fsctl,
    "sofia": _sofia, "xml_locate": _xml_locate, "acl": _acl,
}  # fmt: skip
