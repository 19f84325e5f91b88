"""A controller on greenswitch as its README shows it, which decides nothing: every call is answered and bridged."""

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402
import sys  # noqa: E402

import gevent.event  # noqa: E402
from greenswitch.esl import OutboundESLServer, OutboundSession, OutboundSessionHasGoneAway  # noqa: E402

TARGET = "sofia/internal/1002@127.0.0.1:5090"


class Application:
    """One call."""

    def __init__(self, session: OutboundSession) -> None:
        self.session = session
        self.ended = gevent.event.Event()

    def run(self) -> None:
        """Set up, bridge, and wait for the call's last event."""
        session = self.session
        session.register_handle("CHANNEL_HANGUP_COMPLETE", lambda _event: self.ended.set())
        try:
            session.connect()
            session.myevents()
            session.linger()
            session.call_command("set", "hangup_after_bridge=true")
            session.call_command("answer")
            session.call_command("bridge", TARGET)
            self.ended.wait()
        except OutboundSessionHasGoneAway:
            pass


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    host, _, port = sys.argv[1].rpartition(":")
    OutboundESLServer(host, int(port), Application, max_connections=1_000_000).listen()
