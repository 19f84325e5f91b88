"""The platform around one real FreeSWITCH, with the addresses of two edges."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.freeswitch.phones import HOST, Edge
from tests.freeswitch.switch import Switch
from tests.integration.platform import Platform, children, wait
from tests.ports import free_port


@dataclass
class World:
    """The platform around one real switch."""

    platform: Platform
    switch: Switch
    edges: list[Edge]

    @property
    def serve(self):
        return self.platform.serves[0]

    def record(self, caller):
        """The only row of a caller's call, once it is final."""
        sql = "SELECT call_uuid FROM cdr WHERE sip_call_id = %s"
        rows = wait(lambda: self.platform.rows(sql, caller.call_id), "the call is recorded")
        return self.platform.final(rows[0]["call_uuid"])

    def legs(self, row):
        """The rows of a call's attempts, once each has ended."""
        sql = "SELECT * FROM cdr_leg WHERE call_uuid = %s AND leg IS NOT NULL AND ended_at IS NOT NULL ORDER BY leg"
        return wait(
            lambda: (legs := self.platform.rows(sql, row["call_uuid"])) and len(legs) == row["attempts"] and legs,
            "the legs are recorded",
        )

    def top_up(self, amount, reference):
        """Give the prepaid account money."""
        done = self.serve.run("account", "topup", "prepaid", amount, "--reference", reference)
        assert done.code == 0, done.err

    def balance(self):
        """Of the prepaid account."""
        return self.platform.rows("SELECT balance FROM account_balance WHERE account = 'prepaid'")[0]["balance"]

    def kill_controller(self):
        """As a power cut does."""
        parts = children(self.serve.pid)
        for pid in (self.serve.pid, *parts):
            os.kill(pid, signal.SIGKILL)
        self.serve.process.wait()
        wait(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in parts), "the parts are gone")


@contextmanager
def around_a_switch(services, folder, company, ring) -> Iterator[World]:
    """Everything started, and that company configured; phones ring for so many seconds."""
    controller = f"{HOST}:{free_port()}"
    switch = Switch(folder / "switch", f"{HOST}:{free_port()}|{controller}")
    edges = [Edge(switch.sip_port), Edge(switch.sip_port)]
    settings = {
        "nodes": [switch.entry],
        "edges": [
            {"name": f"kam{number}", "server_id": number, "address": f"{HOST}:{edge.port}"}
            for number, edge in enumerate(edges, 1)
        ],
        "esl": {"listen": controller},
        "calls": {"ring_timeout": ring},
        "money": {"rated": ["onnet"], "slice": 10, "warn_before": 3},
    }
    with Platform(folder / "platform", services, settings=settings) as platform:
        serve = platform.serve()
        serve.set_up(company(edges) if callable(company) else company)
        try:
            switch.start()
            serve.start()
            yield World(platform, switch, edges)
        finally:
            switch.stop()
            for edge in edges:
                edge.close()
