"""Rates as CSV: what each column means, and every fault by file and line."""

from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl import rates_csv
from callctl.errors import ConfigError
from callctl.rates_csv import read
from callctl.rating.tariff import Rate, Step


def rates(text: str | bytes) -> list[tuple[int, str, str, Rate]]:
    return list(read(BytesIO(text.encode() if isinstance(text, str) else text), "r.csv", lambda rate: rate))


def microseconds(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000


def test_defaults():
    assert rates("prefix,rate\n44,0.1\n") == [(2, "44", "", Rate("", (Step(0, Decimal("0.1"), 60, 1),)))]


def test_every_column():
    header = "expires,effective,free,grace,per,minimum,increment,connect_fee,rate,destination,prefix"
    row = '2027-01-01T00:00:00+08:00,2026-01-01,5,4,30,18,6,0.5,0.02,"Hong Kong, S.A.R.",+852'
    assert rates(f"{header}\r\n{row}\r\n") == [
        (
            2,
            "852",
            "Hong Kong, S.A.R.",
            Rate(
                "",
                (Step(0, Decimal("0.02"), 30, 18), Step(18, Decimal("0.02"), 30, 6)),
                connect_fee=Decimal("0.5"),
                grace_seconds=4,
                free_seconds=5,
                effective_us=microseconds(2026, 1, 1),
                expires_us=microseconds(2026, 12, 31, 16),
            ),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        "Prefix,Destination,ppm,ppc,minimal,resolution,grace,multiplier,addition,status",
        "prefix,destination,rate,connection_charge,minimal_time,resolution_time,grace_period,rate_multiplier,"
        "rate_addition,rates_status",
    ],
)
def test_the_columns_of_ov500(header):
    (found,) = rates(f"{header}\n93,Afghanistan,0.1232,0.2,30,6,2,1.5,0.01,1\n")
    assert found[:3] == (2, "93", "Afghanistan")
    price = Decimal("0.1848")
    steps = (Step(0, price, 60, 30), Step(30, price, 60, 6))
    assert found[3] == Rate("", steps, connect_fee=Decimal("0.21"), grace_seconds=2)


def test_terms_are_made_once_for_all_that_share_them():
    made = []
    file = BytesIO(b"prefix,rate\n1,0.1\n2,0.1\n3,0.2\n")
    assert [row[3] for row in read(file, "r.csv", lambda rate: made.append(rate) or len(made))] == [1, 1, 2]


def test_line_numbers_count_lines_not_rows():
    found = rates('\ufeffprefix,rate,destination\n\n44,1,"two"\n\n45,1,three\n')
    assert [(line, prefix) for line, prefix, *_ in found] == [(3, "44"), (5, "45")]


FAULTS = [
    ("", 1, "the header lacks prefix"),
    ("prefix,rate\n", 2, "there are no rates behind the header"),
    ("prefix,rate,colour\n", 1, "there is no column 'colour'; known are prefix"),
    ("prefix,rate,ppm\n", 1, "column rate is there twice"),
    ("prefix,destination\n", 1, "the header lacks rate"),
    ("prefix,rate\n1,1\n2\n", 3, "there are 1 cells where the header has 2"),
    ("prefix,rate\n,1\n", 2, "prefix '' is not 1 to 20 digits"),
    ("prefix,rate\n4x,1\n", 2, "prefix '4x'"),
    ("prefix,rate\n\u0664,1\n", 2, "prefix"),
    ("prefix,rate\n1,\n", 2, "rate '' is no amount"),
    ("prefix,rate\n1,-1\n", 2, "rate '-1' is no amount"),
    ('prefix,rate\n1,"0,5"\n', 2, "rate '0,5' is no amount"),
    ("prefix,rate\n1,NaN\n", 2, "rate 'NaN' is no amount"),
    ("prefix,rate\n1,1e3\n", 2, "rate '1e3' is no amount"),
    ("prefix,rate\n1,0.12345678901\n", 2, "with 10 decimals at most"),
    ("prefix,rate,multiplier\n1,0.123456789,1.123\n", 2, "rate times multiplier has more than 10 decimals"),
    ("prefix,rate,increment\n1,1,0\n", 2, "increment '0' is no whole number of seconds from 1"),
    ("prefix,rate,per\n1,1,0\n", 2, "per '0'"),
    ("prefix,rate,grace\n1,1,86401\n", 2, "grace '86401'"),
    ("prefix,rate,minimum\n1,1,1.5\n", 2, "minimum '1.5'"),
    ("prefix,rate,effective\n1,1,tomorrow\n", 2, "effective 'tomorrow' is no moment"),
    ("prefix,rate,effective,expires\n1,1,2026-01-02,2026-01-01\n", 2, "expires before it is effective"),
    ("prefix,rate,status\n1,1,0\n", 2, "status is not 1"),
    ("prefix,rate,destination\n1,1," + "x" * 101 + "\n", 2, "longer than 100 characters"),
    ('prefix,rate,destination\n1,1,a\n2,1,"open\n3,1,b\n', 3, "unexpected end of data"),
    (b"prefix,rate,destination\n1,1,a\n2,1,\xd6\xd0\xb9\xfa\n", 3, "this is not UTF-8"),
    (b"prefix,rate\n1,1\n" + b"2" * 70_000, 3, "the line is longer than"),
]


@pytest.mark.parametrize(("text", "line", "said"), FAULTS)
def test_a_fault_is_one_sentence_with_its_line(text, line, said):
    with pytest.raises(ConfigError) as caught:
        rates(text)
    assert str(caught.value).startswith(f"r.csv:{line}: ")
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


HEADERS = (b"", b"prefix,rate\n", b"prefix,rate,destination,effective,multiplier,minimum\n")


CELLS = st.text("0123456789.,-+:T\"\n\r e", max_size=200).map(str.encode)


@given(st.sampled_from(HEADERS), st.binary(max_size=200) | CELLS)
def test_whatever_the_bytes_it_is_rates_or_a_sentence(header, data):
    try:
        found = rates(header + data)
    except ConfigError as error:
        assert str(error).startswith("r.csv:")  # noqa: PT017  either outcome is right
    else:
        assert found


def said(data):
    try:
        return rates(data)
    except ConfigError as error:
        return str(error)


BYTES = st.text('19,."\n\r中\ufeff', max_size=200).map(str.encode) | st.binary(max_size=20)


@given(st.sampled_from((*HEADERS, b"\xef\xbb\xbfprefix,rate\n")), BYTES, BYTES, st.integers(1, 50))
def test_how_much_is_read_at_once_changes_nothing(header, first, second, size):
    data = header + first + second
    whole = said(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rates_csv, "_BLOCK", size)
        assert said(data) == whole


def test_the_first_of_two_faults_is_named():
    for second in (b"\xff", b"2" * 70_000, b"2\n"):
        assert said(b"prefix,rate\n1,1\n2,x\n3,1\n" + second).startswith("r.csv:3: rate 'x'")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_longest_line(end):
    longest = (1 << 16) - 1 - len(end)
    row = b"1,1" + b" " * (longest - 3) + end
    for before in (0, 20_000, 50_000, 60_000, 70_000, 120_000):  # in a block that is read, and across the ends of two
        head = b"prefix,rate\n" + b"1,1\n" * before
        assert len(said(head + row)) == before + 1
        assert said(head + row[:3] + b" " + row[3:]).startswith(f"r.csv:{before + 2}: the line is longer")


def test_more_terms_than_are_kept(monkeypatch):
    monkeypatch.setattr(rates_csv, "_KEPT", 3)
    found = rates("prefix,rate\n" + "".join(f"{row},0.{row % 7}\n" for row in range(1, 50)))
    assert [rate.steps[0].price for *_, rate in found] == [Decimal(f"0.{row % 7}") for row in range(1, 50)]
