"""Which edges are left out because they no longer answer."""

from datetime import datetime

import gevent
import pytest
from gevent import socket

from callctl.call.world import Facts
from callctl.live import edges
from callctl.live.board import Board
from callctl.live.edges import down, mark_name, usable, watch
from callctl.routing.location import Contact
from callctl.settings import Edge, Settings


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path / "board", [mark_name("a"), mark_name("b")])


@pytest.fixture
def quick(monkeypatch):
    """All times a hundredth."""
    for name in ("EVERY", "ANSWER", "DOWN_AFTER"):
        monkeypatch.setattr(edges, name, getattr(edges, name) / 100)


class Answering:
    """An edge's address, where OPTIONS are answered while `answer` says something."""

    def __init__(self, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answer = b"SIP/2.0 405 Method Not Allowed\r\n\r\n"
        self.asked = []
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        shown = f"[{host}]" if ":" in host else host
        self.edge = Edge(name="a", server_id=1, address=f"{shown}:{self._socket.getsockname()[1]}")
        self._greenlet = gevent.spawn(self._serve)

    def _serve(self):
        while True:
            data, where = self._socket.recvfrom(65_535)
            self.asked.append(data.decode())
            if self.answer:
                self._socket.sendto(self.answer, where)

    def close(self):
        self._greenlet.kill()
        self._socket.close()


def until(condition):
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.005)


@pytest.fixture
def watched(board, quick):
    made = []

    def start(answering):
        made.append((answering, gevent.spawn(watch, answering.edge, board)))
        return answering

    yield start
    for answering, greenlet in made:
        greenlet.kill()
        answering.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_edge_that_gives_any_answer_is_up(watched, board, host):
    there = watched(Answering(host))
    until(lambda: board.fresh(mark_name("a"), 1))
    assert there.asked[0].startswith(f"OPTIONS sip:{there.edge.address} SIP/2.0\r\nVia: SIP/2.0/UDP ")
    assert not down("a", board)


def test_an_edge_that_stops_answering_is_down_until_it_answers_again(watched, board):
    there = watched(Answering())
    until(lambda: board.fresh(mark_name("a"), 1))
    answer, there.answer = there.answer, b""
    until(lambda: down("a", board))
    there.answer = b"nonsense"
    gevent.sleep(0.2)
    assert down("a", board)
    there.answer = answer
    until(lambda: not down("a", board))


def test_an_edge_whose_host_says_that_nobody_is_there_is_down_too(watched, board):
    there = watched(Answering())
    until(lambda: board.fresh(mark_name("a"), 1))
    there.close()
    until(lambda: down("a", board))


def test_an_edge_that_never_answered_is_not_known_to_be_down(watched, board):
    there = watched(Answering())
    there.answer = b""
    until(lambda: len(there.asked) > 3)
    gevent.sleep(0.2)
    assert not down("a", board)


def test_edges_that_are_down_are_left_out_unless_all_are(board, monkeypatch):
    monkeypatch.setattr(edges, "DOWN_AFTER", 0.05)
    board.mark(mark_name("a"))
    board.mark(mark_name("b"))
    assert usable(["a", "b", "never-asked"], board) == {"a", "b", "never-asked"}
    gevent.sleep(0.1)
    board.mark(mark_name("b"))
    assert usable(["a", "b"], board) == {"b"}
    assert usable(["a"], board) == {"a"}, "it is rather we who hear nothing"
    gevent.sleep(0.1)
    assert usable(["a", "b"], board) == {"a", "b"}


class Rows:
    """A callee registered at both edges."""

    def contacts(self, user, _domain):
        now = datetime(2026, 1, 1)  # noqa: DTZ001  as MySQL gives it
        return [
            Contact(f"r{number}", f"sip:{user}@192.0.2.{number}", None, None, None, number, 1.0, now, 1, None, 0)
            for number in (1, 2)
        ]


def test_neither_callees_nor_carriers_are_called_by_an_edge_that_is_down(board, monkeypatch):
    monkeypatch.setattr(edges, "DOWN_AFTER", 0.05)
    settings = Settings(
        edges=(
            Edge(name="a", server_id=1, address="127.0.0.1:5060"),
            Edge(name="b", server_id=2, address="127.0.0.2:5060"),
        )
    )
    known = Facts(settings, None, Rows(), None, None, None, None, None, board)
    board.mark(mark_name("a"))
    gevent.sleep(0.1)
    board.mark(mark_name("b"))
    found = known.locate("1001", "example.net")
    assert [target.edge for target in found.targets] == ["b"]
    assert (found.contacts, found.unusable) == (2, ("edge a no longer answers",))
    assert known.answering(["a", "b"]) == {"b"}
