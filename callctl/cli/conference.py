"""`callctl conference`: rooms wherever they are hosted, asked of the nodes themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from callctl.call import conference as rooms
from callctl.call.conference import Member, MemberAct, OpenRoom, RoomAct
from callctl.call.nodes import Nodes
from callctl.cli.output import Context, age, pass_context


@click.group()
def conference() -> None:
    """Conference rooms, on whichever node they are.

    会议室，无论它们在哪个节点。
    """


@contextmanager
def _nodes(context: Context) -> Iterator[Nodes]:
    """All nodes; what is said of those that answer is said, and then it is exit 3 if others do not."""
    with Nodes(context.settings) as nodes:
        yield nodes
    for why in nodes.away.values():
        click.echo(f"callctl: {why}", err=True)
    if nodes.away:
        sys.exit(3)


@conference.command("list")
@pass_context
def list_(context: Context) -> None:
    """Rooms that are open.

    已开启的会议室。
    """
    with _nodes(context) as nodes:
        found = rooms.open_rooms(nodes)
        if context.as_json:
            for room in found:
                context.json(asdict(room))
            return
        columns = context.words("ROOM NODE MEMBERS MOST LOCKED SINCE", "会议室 节点 人数 上限 锁定 时长").split()
        context.table(columns, [_room_row(context, room) for room in found])


@conference.command()
@click.argument("room")
@pass_context
def show(context: Context, room: str) -> None:
    """Who is in a room: each by the UUID of his own call, whichever node that is on.

    会议室中的成员：以各自呼叫的 UUID 标识，无论该呼叫在哪个节点。
    """
    with Nodes(context.settings) as nodes:
        found = rooms.in_room(nodes, room)
    for place, members in found:
        if context.as_json:
            context.json({**asdict(place), "members": [_member(member) for member in members]})
            continue
        locked = context.words(", locked", "，已锁定") if place.locked else ""
        said = f"Room {place.room} on {place.node}{locked}", f"节点 {place.node} 上的会议室 {place.room}{locked}"
        click.echo(context.words(*said))
        columns = context.words("CALL NODE ACCOUNT CALLER SINCE STATE", "呼叫 节点 账户 主叫 时长 状态").split()
        context.table(columns, [_member_row(context, member) for member in members])


@conference.command()
@click.argument("room")
@click.argument("call")
@pass_context
def kick(context: Context, room: str, call: str) -> None:
    """End a member's call; the beginning of its UUID is enough.

    将成员移出会议室并结束其呼叫；UUID 的开头部分即可。
    """
    with Nodes(context.settings) as nodes:
        place, member = rooms.the_member(room, rooms.in_room(nodes, room), call)
        rooms.put_out(nodes, place, member)
    _done(context, "kick", place, member, "is put out of", "已被移出")


@conference.command()
@click.argument("room")
@click.argument("call")
@pass_context
def mute(context: Context, room: str, call: str) -> None:
    """Let nobody hear a member.

    使成员静音。
    """
    _act_on_member(context, room, call, "mute", "is muted in", "已被静音")


@conference.command()
@click.argument("room")
@click.argument("call")
@pass_context
def unmute(context: Context, room: str, call: str) -> None:
    """Let a member be heard again.

    取消成员静音。
    """
    _act_on_member(context, room, call, "unmute", "is heard again in", "已取消静音")


@conference.command()
@click.argument("room")
@pass_context
def lock(context: Context, room: str) -> None:
    """Let nobody more in, until the room is unlocked or empty.

    锁定会议室：在解锁或无人之前不再允许加入。
    """
    _act_on_room(context, room, "lock", "is locked", "已锁定")


@conference.command()
@click.argument("room")
@pass_context
def unlock(context: Context, room: str) -> None:
    """Let callers in again.

    解锁会议室。
    """
    _act_on_room(context, room, "unlock", "is unlocked", "已解锁")


@conference.command()
@click.argument("room")
@pass_context
def end(context: Context, room: str) -> None:
    """End the calls of all who are in a room.

    结束会议室：挂断其中所有成员的呼叫。
    """
    with Nodes(context.settings) as nodes:
        found = rooms.in_room(nodes, room)
        for place, members in found:
            rooms.end(nodes, place, members)
    for place, _ in found:
        _done(context, "end", place, None, "is ended", "已结束")


def _act_on_member(context: Context, room: str, call: str, act: MemberAct, en: str, zh: str) -> None:
    with Nodes(context.settings) as nodes:
        place, member = rooms.the_member(room, rooms.in_room(nodes, room), call)
        rooms.act_on_member(nodes, place, member, act)
    _done(context, act, place, member, en, zh)


def _act_on_room(context: Context, room: str, act: RoomAct, en: str, zh: str) -> None:
    with Nodes(context.settings) as nodes:
        places = [place for place, _ in rooms.in_room(nodes, room)]
        for place in places:
            rooms.act_on_room(nodes, place, act)
    for place in places:
        _done(context, act, place, None, en, zh)


def _done(context: Context, act: str, place: OpenRoom, member: Member | None, en: str, zh: str) -> None:
    """Say what was done: of a member, or else of the room."""
    if context.as_json:
        whose = {"call": member.call} if member else {}
        context.json({"done": act, "room": place.room, "node": place.node, **whose})
        return
    room = f"节点 {place.node} 上的会议室 {place.room}"
    if member:
        said = f"Call {member.call} {en} room {place.room} on {place.node}.", f"{room}中的呼叫 {member.call} {zh}。"
    else:
        said = f"Room {place.room} on {place.node} {en}.", f"{room}{zh}。"
    click.echo(context.words(*said))


def _member(member: Member) -> dict[str, Any]:
    """A member as machines read it; FreeSWITCH's number is nobody's business."""
    return {name: value for name, value in asdict(member).items() if name != "number"}


def _member_row(context: Context, member: Member) -> tuple[str, ...]:
    states = []
    if member.muted:
        states.append(context.words("muted", "静音"))
    if member.talking:
        states.append(context.words("talking", "发言"))
    return member.call, member.node, member.account, member.caller, age(member.seconds), ", ".join(states)


def _room_row(context: Context, room: OpenRoom) -> tuple[object, ...]:
    locked = context.words("yes", "是") if room.locked else ""
    return room.room, room.node, room.members, room.max_members, locked, age(room.seconds)
