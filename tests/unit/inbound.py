"""What lies outside the small company: two carriers and the numbers that reach it."""

from callctl.directory import Snapshot
from callctl.outside import Carrier, Did, Gateway, Outside, Rewriting, Target
from callctl.routing.numbers import Rule
from tests.unit.company import ACCOUNTS, BASE, ENDPOINTS, ROOMS

PHONE, LAST = Target("endpoint", "1001"), Target("endpoint", "1002@example.net")
ROOM = Target("room", "sales")
URI = Target("uri", "sip:desk@pbx.example.net:5070")
NATIONAL = Rewriting(called=(Rule("0", 1, "44", 10, 11),), caller=(Rule("0", 1, "44", 10, 11),))
CARRIERS = (
    Carrier("c1", gateways=(Gateway("198.51.100.7:5060"),), incoming=NATIONAL),
    Carrier("c2", sources=("198.51.100.128/25",)),
    Carrier("gone", active=False, sources=("192.0.2.9/32",)),
    Carrier("both", sources=("203.0.113.0/24",)),  # a trunk of globex's too
)
DIDS = (
    Did("442079460001", "acme", to=(PHONE, LAST, ROOM)),
    Did("442079460002", "acme", carrier="c1", calls=5, to=(ROOM,)),
    Did("442079460003", "acme", active=False, to=(PHONE,)),
    Did("442079460004", "acme", expires_us=BASE.started_us, to=(PHONE,)),
    Did("442079460005", "acme", to=(URI,)),
    Did("442079460006", "shop", to=(Target("endpoint", "7001"),)),
    Did("442079460007", "acme", to=(Target("number", "00442079460008"),)),
    Did("442079460008", "acme", to=(Target("number", "442079460007"),)),
    Did("442079460009", "acme", to=(Target("number", "102"),)),
)


def directory(*, endpoints=ENDPOINTS, accounts=ACCOUNTS, dids=DIDS, carriers=CARRIERS):
    around = Outside({}, {}, {each.name: each for each in carriers}, {}, {each.number: each for each in dids})
    return Snapshot(9, accounts, endpoints, around, ROOMS)


DIRECTORY = directory()
FROM_C1 = {"source_ip": "198.51.100.7", "asserted": "", "caller": "02079460999"}
