"""A FreeSWITCH that brings a recorded call to a controller: it answers what it is told and tells what was recorded."""

import gevent
from gevent import socket

from callctl.esl.wire import Event

from .grammar import head_end, packets, set_by
from .inbound import api_response, command_reply
from .recordings import changed, events, frame_of, framed, messages

GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Disposition: disconnect\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
STARTS = frozenset(("bridge", "conference", "echo"))
ENDS = frozenset(("hangup", "respond"))
NO_COMMAND = "-ERR command not found"  # what FreeSWITCH says to nearly all where the socket is not `full`
QUIET = 0.1  # seconds without a command after which nothing more is expected


def channel_data(name, **headers):
    """The channel data of a recorded call as a frame, with headers changed."""
    return changed(Event(messages(name)[0].raw), **headers).raw + b"\n\n"


def timeline(name):
    """Events and linger notices of a case, in order, in two parts: up to the controller's own hangup, and after it."""
    told = [message for message in messages(name)[1:] if not message.is_reply and b"disconnect\n" not in message.raw]
    places = [place for place, message in enumerate(told) if _is_hangup(message)]
    cut = places[0] if places else len(told)
    return told[:cut], told[cut:]


def _is_hangup(message):
    event = message.event() if message.is_event else None
    return event is not None and event.name == "CHANNEL_EXECUTE" and event.get("Application") in ENDS


class OutboundSwitch:
    """One call over one socket. `executed` and `variables` are what it was told; `refuses` a command by its beginning.

    `everything` sends events that were not asked for too; otherwise only those of the subscription are sent.
    `only_connect` ends the socket after the channel data.
    """

    def __init__(self, sock, name, connect=None, refuses=None, everything=False, only_connect=False):
        self.sock = sock
        self.connect = connect or channel_data(name)
        self.before, self.after = timeline(name)
        self.refuses = refuses or {}
        self.everything = everything
        self.only_connect = only_connect
        self.quiet = QUIET
        self.subscribed = set()
        self.variables = {}
        self.executed = []
        self.commands = []
        self.exited = False

    def play(self):
        """Serve until the controller closes, or nothing more is to be told and it says nothing more."""
        pending = b""
        try:
            while data := self._heard():
                pending += data
                while taken := self._whole(pending):
                    pending = pending[taken:]
        except OSError:
            pass
        finally:
            self.sock.close()

    def _heard(self):
        for patience in (self.quiet if self.commands else None, 0):
            self.sock.settimeout(patience)
            try:
                return self.sock.recv(65536)
            except (TimeoutError, BlockingIOError):
                continue
        return b""

    def _whole(self, pending):
        """Carry out the first whole command of what came; the bytes it took, 0 where none is whole."""
        stripped = pending.lstrip(b"\n")
        end = head_end(stripped)
        if end is None:
            return 0
        length = packets(stripped[:end])[0].headers.get("content-length", "0")
        if len(stripped) < end + int(length):
            return 0
        taken = len(pending) - len(stripped) + end + int(length)
        self._obey(packets(stripped[: end + int(length)])[0])
        return taken

    def _obey(self, packet):
        command = packet.command
        self.commands.append(command if packet.headers == {} else f"{command} {packet.headers['execute-app-name']}")
        refusal = next((text for start, text in self.refuses.items() if self.commands[-1].startswith(start)), None)
        if command == "connect":
            self._send(self.connect)
            if self.only_connect:
                self.sock.shutdown(socket.SHUT_RDWR)
        elif command == "exit":
            self.exited = True
            self._send(command_reply("+OK bye") + GOODBYE)
        elif command.startswith("api "):
            self._api(command, refusal)
        else:
            self._send(command_reply(refusal or "+OK"))
            if refusal is None:
                self._follow(packet)

    def _api(self, command, refusal):
        if refusal is None and command.startswith("api uuid_setvar_multi"):
            self.variables |= set_by(command)[1]
        if refusal == NO_COMMAND:
            self._send(command_reply(refusal))
        else:
            self._send(api_response(refusal or "+OK\n"))

    def _follow(self, packet):
        if packet.command.startswith("event plain "):
            self.subscribed.update(packet.command.split()[2:])
        elif packet.command == "sendmsg":
            app = packet.headers["execute-app-name"]
            self.executed.append((app, packet.body))
            if app in STARTS:
                self._tell(self.before, packet.headers.get("event-uuid", ""))
                self.before = []
            elif app in ENDS and not self.before:
                self._tell(self.after, "")
                self.after = []

    def _tell(self, told, event_uuid):
        for message in told:
            if isinstance(message, bytes) or not message.is_event:
                self._send(message if isinstance(message, bytes) else frame_of(message))
                continue
            event = message.event()
            if self.everything or event.name in self.subscribed:
                known = {f"variable_{name}": value for name, value in self.variables.items()}
                renamed = {"Application_UUID": event_uuid} if event.get("Application-UUID") == "bridge-1" else {}
                self._send(framed(changed(event, **known, **renamed)))

    def _send(self, data):
        self.sock.sendall(data)


def brought(handle, make_session, name, **options):
    """Bring a recorded call to `handle` and see it to its end; the switch, with what it was told."""
    ours, theirs = socket.socketpair()
    switch = OutboundSwitch(theirs, name, **options)
    playing = gevent.spawn(switch.play)
    session = make_session(ours)
    try:
        handle(session)
    finally:
        session.stop()
        playing.join()
    return switch


def end_of(name):
    """The A-leg's last event of a case."""
    return next(found for found in reversed(events(name)) if found.name == "CHANNEL_HANGUP_COMPLETE")
