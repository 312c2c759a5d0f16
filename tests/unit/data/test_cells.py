"""Numbers, dates and times as people write them: what a column means, in SQL and in Python."""

import datetime
import itertools
import math
import re
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from clearprop import read_table
from clearprop.data import Preparation
from clearprop.data.cells import Cell, teach
from clearprop.data.columns import Date, Number, TimeOfDay
from clearprop.data.dates import MONTH_NAMES, DateStyle, date_style, read_date, read_time, time_of_day
from clearprop.data.mistakes import not_a_date, not_a_number, not_a_time
from clearprop.data.numbers import CURRENCIES, PLAIN, NumberStyle, check_marks, folded, number_style
from clearprop.data.table import Origin, Table
from clearprop.errors import ConfigurationError, DataError
from clearprop.formats import plain_rows


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        teach(connection)
        yield connection


COUNTER = itertools.count()


def table_of(database, separator="", **columns):
    """A table of text columns, each as long as the others; much faster than reading a file."""
    rows = list(zip(*columns.values(), strict=True))
    own = {name: f"c{i}" for i, name in enumerate(columns)}
    relation = f"cells{next(COUNTER)}"
    database.execute(f"CREATE TABLE {relation} ({', '.join(f'{cell} VARCHAR' for cell in own.values())})")
    database.executemany(f"INSERT INTO {relation} VALUES ({', '.join('?' * len(own))})", rows)
    cells = {name: Cell(cell, "VARCHAR") for name, cell in own.items()}
    origin = Origin("t", len(rows), lambda row: f":{row + 1}", separator)
    return Table("t", cells, (origin,), relation, database, None, 0, len(rows))


def floats_in(table, name, style):
    """What SQL reads, NaN for what is no number."""
    return [float(x) for x in table.values(f"coalesce({style.of(table.cell(name))}, 'nan'::DOUBLE)")]


# ------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("cells", "numbers", "said"),
    [
        (["4,0", "5,5"], [4, 5.5], "decimal comma"),
        (["70.00 CHF", "1'234.50 CHF"], [70, 1234.5], "thousands with apostrophes, in CHF"),
        (["180 cm", "175 cm"], [180, 175], "in cm"),
        (["26.9 °C", "−3 °C"], [26.9, -3], "in °C"),
        (["5€", "7€"], [5, 7], "in €"),
        (["134.7万", "1.5亿"], [1347000, 150000000], ""),
        (["13.5k", "900", "1.2M", "3B"], [13500, 900, 1.2e6, 3e9], ""),
        (["13.5 K", "14 K"], [13.5, 14], "in K"),  # kelvin
        (["£5m", "£6.5 bn"], [5e6, 6.5e9], "in £"),
        (["1,2 Mio. €", "3 Mrd. €"], [1.2e6, 3e9], "decimal comma, in €"),
        (["(500)", "20", "500-", "-7"], [-500, 20, -500, -7], ""),
        (["$(500)", "($20.5)", "-$5", "$-6"], [-500, -20.5, -5, -6], "in $"),
        (["１２．５％", "3 %"], [12.5, 3], "in %"),
        (["1.234", "1.234.567"], [1234, 1234567], "decimal comma, thousands with points"),
        (["1,234", "5,67"], [1.234, 5.67], "decimal comma"),
        (["1,234", "0,567"], [1.234, 0.567], "decimal comma"),  # no thousands begin with 0
        (["1,234", "5.6"], [1234, 5.6], "thousands with commas"),
        (["12,34,567", "1,234"], [1234567, 1234], "thousands with commas"),
        (["1\u202f234,5", "1\u00a0234\u2009567"], [1234.5, 1234567], "decimal comma, thousands with blanks"),
        (["Rs.500", "Rs 600"], [500, 600], "in Rs"),
        (["Fr. 5.-", "Fr. 7.50"], [5, 7.5], "in Fr"),  # a price without cents, not minus 5
        (["12,-", "13,50"], [12, 13.5], "decimal comma"),
        (["1,5E+03", "2"], [1500, 2], "decimal comma"),
        ([".5", "5.", "+5"], [0.5, 5, 5], ""),
        (["35 μg/m3", "7 µg/m3"], [35, 7], "in μg/m3"),
        (["3 kg/m²", "4 kg/m²"], [3, 4], "in kg/m²"),
        (["2 years", "2 years", "1 year"], [2, 2, 1], "in years"),
        (["20岁", "30岁"], [20, 30], "in 岁"),
        (["USD 5", "1,000.00 USD"], [5, 1000], "thousands with commas, in USD"),
        (["1.234", "5.678"], [1.234, 5.678], ""),
        (["1e-05", "1.5"], [1e-05, 1.5], ""),
        (["9,990E-10", "1,234E+05"], [9.99e-10, 123400.0], "decimal comma"),  # nobody writes thousands so
    ],
    ids=str,
)
def test_numbers_are_read_as_they_are_written(database, cells, numbers, said):
    table = table_of(database, x=cells)
    style = number_style(table, "x")
    assert floats_in(table, "x", style) == numbers == [style.read(cell) for cell in cells]
    assert style.describe() == said


@pytest.mark.parametrize(
    "cells",
    [
        ["Q1", "Q2"],
        ["Room 12", "Room 13"],
        ["v2", "v3"],
        ["1.2.3", "1.2.4"],
        ["10.0.0.1", "10.0.0.2"],
        ["14:55", "15:00"],
        ["12 Main Street", "13 Elm Road"],
        ["1st", "2nd", "3rd"],
        ["27.03.2003", "28.03.2003"],
        ["555 123 456", "555 123 457"],
        ["5 PM", "6 PM"],
        ["12A", "12B", "14A", "15C"],
        ["135-145", "146-155"],
        ["0x1F", "0x2F"],
        ["1_000", "2_000"],
        ["nan", "inf"],
    ],
    ids=str,
)
def test_words_with_digits_are_no_numbers(database, cells):
    table = table_of(database, x=cells)
    style = number_style(table, "x")
    assert np.isnan(floats_in(table, "x", style)).any()


@pytest.mark.parametrize(
    ("cells", "message", "options", "numbers"),
    [
        (["1,234", "5,678"], r"t:1: column 'x': '1,234' may be 1.234 or 1234.*--decimal ,\)", {"decimal": ","}, 1.234),
        (["1,234", "950"], r"--thousands ,\) for 1234", {"thousands": ","}, 1234),
        (["1.234 €", "5.678 €"], r"'1.234 €' may be 1.234 or 1234", {"thousands": "."}, 1234),
        (["1.234 €", "5.678 €"], r"--decimal \.\)", {"decimal": "."}, 1.234),
        (["1.234k", "5.678k"], r"may be 1234 or 1234000", {"decimal": "."}, 1234),
        (["180 cm", "175"], r"t:2: column 'x': '175' has no unit, and 1 cells .* in 'cm'", {"chosen": True}, 180),
        (["12%", "0.15"], r"'0.15' has no unit.*--kind x=number", {"chosen": True}, 12),
    ],
    ids=str,
)
def test_what_nobody_can_know_is_refused_with_the_option_that_decides(database, cells, message, options, numbers):
    table = table_of(database, x=cells)
    with pytest.raises(DataError, match=message):
        number_style(table, "x")
    assert floats_in(table, "x", number_style(table, "x", **options))[0] == numbers


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["70 CHF", "80 EUR", "3 CHF"], r"t:2: column 'x': '80 EUR' is in 'EUR', and '70 CHF' in 'CHF' \(t:1\); write"),
        (["180 cm", "1.75 m"], r"'180 cm' is in 'cm', and '1.75 m' in 'm' \(t:2\)"),
        (["5 kg"] * 19 + ["5 apples"], r"t:20: column 'x': '5 apples' is in 'apples', and '5 kg' in 'kg'"),
    ],
    ids=str,
)
def test_two_units_are_refused_with_a_place_of_each(database, cells, message):
    with pytest.raises(DataError, match=message):
        number_style(table_of(database, x=cells), "x")


def test_an_option_overrules_no_proof(database):
    table = table_of(database, x=["1.5", "1,234.5"])
    assert number_style(table, "x", decimal=",") == NumberStyle(".", ",")
    with pytest.raises(ConfigurationError, match="must differ"):
        check_marks(",", ",")
    with pytest.raises(ConfigurationError, match="decimal=';' must be"):
        number_style(table, "x", decimal=";")


def test_another_column_of_the_file_says_what_its_decimal_mark_is(database):
    for cells, comma, point in [
        (["1.234", "5.678"], NumberStyle(",", "."), PLAIN),
        (["1,234", "950"], NumberStyle(","), NumberStyle(".", ",")),
        (["1.234 kg", "5.678 kg"], NumberStyle(",", ".", "kg"), NumberStyle(".", "", "kg")),
    ]:
        assert number_style(table_of(database, x=cells, z=["1,5", "2"]), "x") == comma
        assert number_style(table_of(database, x=cells, z=["1.5", "2"], separator=";"), "x") == point
        for table in (table_of(database, x=cells, z=["1,5", "2"], u=["1.5", "2"]), table_of(database, x=cells)):
            if cells != ["1.234", "5.678"]:
                with pytest.raises(DataError, match="may be"):
                    number_style(table, "x")


def test_three_decimals_are_what_programs_mean_by_them_but_where_they_decide_for_the_comma(database):
    cells = ["1.234", "5.678"]
    assert number_style(table_of(database, x=cells), "x") == PLAIN
    assert number_style(table_of(database, x=cells, z=["in 1,5 and", "2 words"]), "x") == PLAIN
    with pytest.raises(DataError, match=r"'1\.234' may be 1.234 or 1234"):
        number_style(table_of(database, x=cells, separator=";"), "x")


def test_gaps_and_mistakes_do_not_count_against_a_style(database):
    cells = ["4,0", "n/a", "-", "5,5", None, "k.A.", "…", "#DIV/0!"]
    table = table_of(database, x=cells)
    column = Number.of("x", number_style(table, "x"))
    assert column.style == NumberStyle(",")
    with pytest.raises(DataError, match="t:3: column 'x': 'big' is not a number; correct it"):
        table = table_of(database, x=["4,0", "5,5", "big"])
        read_column(Number.of("x", number_style(table, "x")), table)


def read_column(column, table, fill=False):
    """The features of one column."""
    ((_, values),) = type(column).read(table, [column], fill=fill, unseen=None)
    if isinstance(values, DataError):
        raise values
    return values


def test_new_rows_are_read_in_the_style_of_the_plan(database):
    column = Number.of("x", NumberStyle(",", ".", "CHF"))
    table = table_of(database, x=["1.234,50 CHF", "CHF 7", "8,25", "12,5k CHF"])
    assert read_column(column, table)[:, 0].tolist() == [1234.5, 7.0, 8.25, 12500.0]
    for cell, message in [
        ("7 EUR", "is in 'EUR', the column in 'CHF'"),
        ("1,234.5", "not a number with decimal comma"),
    ]:
        with pytest.raises(DataError, match=message):
            read_column(column, table_of(database, x=["5 CHF", cell]))
    typed = read_table(pd.DataFrame({"x": [1.5, 2.0]}))
    assert read_column(column, typed)[:, 0].tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("135-145", "is a range"),
        ("26–27", "is a range"),
        ("10 to 12 kg", "is a range"),
        ("~5", "is an approximate number"),
        ("ca. 5", "is an approximate number"),
        ("<27.4", "is a bound"),
        (">=3", "is a bound"),
        ("10+ years", "is a bound"),
        ("5 ± 0.2", "is a number and its error"),
        ("1/2", "is a fraction"),
        ("14:55", "is a date or a time"),
        ("1e400", "infinite"),
        ("1_000", "without separators"),
        ("n/a", "have gaps filled"),
        ("1.234,5", "with decimal comma, thousands with points"),
        ("7 EUR", "is in 'EUR', the other cells have no unit"),
        ("blue", "is not a number; correct it"),
    ],
)
def test_a_refused_cell_is_named_for_what_it_is(text, what):
    reason, remedy = not_a_number(text).split("; ", 1)
    assert what in f"{reason}; {remedy}" and remedy
    assert math.isnan(PLAIN.read(text))


MARKS = [
    (".", ""),
    (",", ""),
    (".", ","),
    (",", "."),
    (".", "'"),
    (".", "’"),
    (",", " "),
    (".", "\u202f"),
    (",", "\xa0"),
]
UNITS = ["", "", "", "%", "CHF", "€", "kg", "°C", "km/h", "元", "US$", "mg/dl", "岁", "m3"]


@st.composite
def written_columns(draw):
    """Quantities, how a person writes them, and the marks."""
    decimal, thousands = draw(st.sampled_from(MARKS))
    unit, places = draw(st.sampled_from(UNITS)), draw(st.integers(0, 4))
    numbers = draw(st.lists(st.integers(-(10**9), 10**9) | st.integers(-9999, 9999), min_size=1, max_size=8))
    quantities = [Decimal(number).scaleb(-draw(st.integers(0, places))) for number in numbers]
    front = unit in CURRENCIES and draw(st.booleans())
    between = draw(st.sampled_from(["", " ", "\xa0"])) if unit != "m3" else " "
    minus, full_width = draw(st.sampled_from(["-", "−", "()"])), draw(st.booleans())
    grouping = "indian" if thousands == "," and draw(st.booleans()) else "western"
    power = draw(st.sampled_from(["", "", "", "万", "k", "Mio."])) if not unit else ""
    cells = []
    for quantity in quantities:
        whole, _, fraction = f"{abs(quantity):f}".partition(".")
        text = grouped(whole, thousands, grouping) + (decimal + fraction if fraction else "") + power
        if full_width:
            text = text.translate(str.maketrans("0123456789.,", "０１２３４５６７８９．，"))
        text = (unit + between + text if front else text + between + unit) if unit else text
        if quantity < 0:
            text = f"({text})" if minus == "()" else minus + text
        cells.append(text)
    exponent = {"": 0, "万": 4, "k": 3, "Mio.": 6}[power]
    return [float(f"{quantity}e{exponent}") for quantity in quantities], cells, decimal, thousands


def grouped(whole, mark, grouping):
    """Digits in groups of three; in India of two, but for the last."""
    head, tail, size = whole[:-3], whole[-3:], 2 if grouping == "indian" else 3
    groups = [head[max(0, end - size) : end] for end in range(len(head), 0, -size)][::-1]
    return mark.join([*groups, tail])


THOUSANDS = {"’": "'", "\u202f": " ", "\xa0": " "}


@settings(max_examples=250, deadline=None)
@given(column=written_columns())
@example(column=([1234.0], ["1,234"], ".", ","))
@example(column=([1.234], ["1,234"], ",", ""))
@example(column=([1e6], ["１．０００．０００"], ",", "."))
@example(column=([1234.0], ["1.234"], ",", "."))
def test_a_written_column_is_read_exactly_or_refused_with_an_option_that_reads_it_exactly(database, column):
    quantities, cells, decimal, thousands = column
    table = table_of(database, x=cells)
    numbers = {re.sub("[^0-9.,'’ \u202f\xa0]", "", folded(cell)) for cell in cells}
    assume(not all(re.fullmatch(r"\d{3}([ .\u202f\xa0]\d{3}){2,}[ \xa0]?", number) for number in numbers))  # telephones
    style = None
    try:
        style = number_style(table, "x")
    except DataError as error:
        said = re.search(r"decimal='(.)'.*thousands='(.)'", str(error))
        assert said, error
        options = {"decimal": decimal} if said[1] == decimal else {"thousands": THOUSANDS.get(thousands, thousands)}
        style = number_style(table, "x", **options)
    if style == PLAIN and all(re.fullmatch(r"-?[1-9]\d{0,2}(\.\d{3})?", cell) for cell in cells):
        style = (
            number_style(table, "x", thousands=thousands) if thousands == "." else style
        )  # what programs mean by 1.234
    assert floats_in(table, "x", style) == quantities == [style.read(cell) for cell in cells]


PIECES = st.sampled_from(
    [
        *"0123456789",
        *"0123456789",
        *".,-+()'’ %",
        "1.234",
        "1,234",
        "12,34,567",
        "1 234",
        "0.5",
        "007",
        "e5",
        "E-3",
        "\xa0",
        "\u202f",
        "−",
        "–",
        "１",
        "２",
        "．",
        "，",
        "％",
        "￥",
        "$",
        "€",
        "CHF",
        "Fr.",
        "kg",
        "kg/m²",
        "m3",
        "years",
        "k",
        "K",
        "M",
        "m",
        "B",
        "bn",
        "Mio.",
        "万",
        "亿",
        "千",
        "_",
        "x",
        "inf",
        "nan",
        "1e400",
        "\n",
        "\t",
        "~",
        "<",
        "±",
    ]
)
GARBAGE = st.lists(PIECES, min_size=1, max_size=6).map("".join) | st.text(max_size=8)
STYLES = [NumberStyle(d, t, u) for d, t in [*MARKS[:5], (",", " ")] for u in ("", "kg", "years", "€", "Fr", "K", "m3")]


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(GARBAGE, min_size=1, max_size=30), style=st.sampled_from(STYLES))
def test_sql_and_python_read_the_same_number_in_any_text(database, cells, style):
    cells = [cell.replace("\0", "") for cell in cells]
    table = table_of(database, x=cells)
    in_python = [style.read(cell) for cell in cells]
    np.testing.assert_array_equal(floats_in(table, "x", style), in_python)
    known = {"x": [cell for cell, value in zip(cells, in_python, strict=True) if not math.isnan(value)]}
    written = {"pattern": style.pattern, "decimal": style.decimal, "thousands": style.thousands}
    exported = plain_rows.number({"x": ["1", *known["x"]]}, "x", **written)
    assert exported[1:, 0].tolist() == [value for value in in_python if not math.isnan(value)]


def test_numbers_of_programs_are_read_to_the_bit(database):
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=2000) * 10.0 ** rng.integers(-300, 300, 2000), rng.integers(-(10**9), 10**9, 2000)):
        cells = [repr(value) for value in values.tolist()]
        table = table_of(database, x=cells)
        assert number_style(table, "x") == PLAIN
        assert floats_in(table, "x", PLAIN) == values.tolist()


# ------------------------------------------------------------------------------------------------------ dates and times


def dates_in(table, name, style):
    """What SQL reads, None for what is no date."""
    found = table.values(f"coalesce({style.of(table.cell(name))}::VARCHAR, '')")
    return [datetime.datetime.fromisoformat(text) if text else None for text in found]


@pytest.mark.parametrize(
    ("cell", "when"),
    [
        ("2003-03-27", "2003-03-27"),
        ("2003-03-27T14:55:30.25", "2003-03-27 14:55:30.25"),
        ("2003-03-27T14:55:30Z", "2003-03-27 14:55:30"),
        ("2003-03-27 14:55:30+02:00", "2003-03-27 12:55:30"),
        ("2003-03-27 14:55:30.123456789", "2003-03-27 14:55:30.123456"),
        ("20030327", "2003-03-27"),
        ("27.03.2003 14:55", "2003-03-27 14:55"),
        ("27.3.2003, 14:55 Uhr", "2003-03-27 14:55"),
        ("27.03.03", "2003-03-27"),
        ("27.03.69", "1969-03-27"),
        ("27.03.68", "2068-03-27"),
        ("19-Jan-2018", "2018-01-19"),
        ("19 January 2018", "2018-01-19"),
        ("Jan 19, 2018", "2018-01-19"),
        ("January 19th, 2018", "2018-01-19"),
        ("19. Januar 2018", "2018-01-19"),
        ("1er février 2018", "2018-02-01"),
        ("19 de enero de 2018", "2018-01-19"),
        ("3. März 2018", "2018-03-03"),
        ("Fri, 19 Jan 2018 15:00:00 +0100", "2018-01-19 14:00"),
        ("2018年01月19日 15:09", "2018-01-19 15:09"),
        ("2018年1月19日15时09分", "2018-01-19 15:09"),
        ("2018/1/19 下午 3:09:00", "2018-01-19 15:09"),
        ("2018/1/19 3:09 PM", "2018-01-19 15:09"),
        ("2018/1/19 12:09 am", "2018-01-19 00:09"),
        ("２０１８／０１／１９", "2018-01-19"),
        ("31.02.2003", None),
        ("2003-13-01", None),
        ("2003-03-27 24:00", None),
        ("2003-03-27 13:00 PM", None),
        ("2003-03-27 (BC)", None),
        ("epoch", None),
        ("0000-01-01", None),
        ("03/04/2005", None),  # day and month in an order that nobody gave
    ],
)
def test_a_date_is_read_as_it_is_written(database, cell, when):
    wanted = None if when is None else datetime.datetime.fromisoformat(when)
    assert dates_in(table_of(database, x=[cell]), "x", DateStyle()) == [wanted] == [read_date(cell, "ymd")]


@pytest.mark.parametrize(
    ("cells", "style"),
    [
        (["27/04/2005", "05/06/2005"], DateStyle("dmy")),
        (["04/27/2005", "05/06/2005"], DateStyle("mdy")),
        (["27-04-2005 14:55", "05-06-2005"], DateStyle("dmy", clock=True)),
        (["03.04.2005", "05.06.2005"], DateStyle("dmy")),
        (["03.27.2005", "05.06.2005"], DateStyle("mdy")),
        (["27/03/99", "01/02/03"], DateStyle("dmy", short=True)),
        (["2005-04-27 00:00:00", "2005-04-28 00:00"], DateStyle()),
        (["18-01-19", "31-12-99"], DateStyle("dmy", short=True)),
    ],
    ids=str,
)
def test_one_cell_proves_the_order_of_its_column(database, cells, style):
    table = table_of(database, x=cells)
    assert date_style(table, "x") == style
    assert None not in dates_in(table, "x", style)


def test_an_order_that_no_cell_proves_is_refused_with_both_readings(database):
    table = table_of(database, x=["03/04/2005", "05/06/2005"])
    with pytest.raises(
        DataError,
        match=r"t:1: column 'x': '03/04/2005' may be 3 April 2005 or 4 March 2005.*--day-first.*--month-first",
    ):
        date_style(table, "x")
    assert dates_in(table, "x", date_style(table, "x", day_first=True))[0] == datetime.datetime(2005, 4, 3)
    assert dates_in(table, "x", date_style(table, "x", day_first=False))[0] == datetime.datetime(2005, 3, 4)
    with pytest.raises(DataError, match=r"18 January 2019 or a date with its year in front.*four digits"):
        date_style(table_of(database, x=["18-01-19", "18-01-20"]), "x")
    assert date_style(table_of(database, x=["03/04/2005", *["word"] * 9]), "x") == DateStyle()  # a mistake among words


FORMATS = [
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y/%m/%d %H:%M", "%Y.%m.%d", "%Y年%m月%d日 %H:%M"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y %I:%M %p", "%d.%m.%y", "%m/%d/%y"),
    *("%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y %I:%M:%S %p", "%Y-%b-%d", "%a, %d %b %Y %H:%M:%S +0000"),
]


@settings(max_examples=250, deadline=None)
@given(
    moments=st.lists(
        st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2060, 12, 31)), min_size=1, max_size=8
    ),
    format=st.sampled_from(FORMATS),
)
def test_a_column_of_dates_is_read_exactly_or_refused_with_an_option_that_does(database, moments, format):
    cells = [moment.strftime(format) for moment in moments]
    wanted = [datetime.datetime.strptime(cell, format).replace(tzinfo=None) for cell in cells]
    table = table_of(database, x=cells)
    try:
        style = date_style(table, "x")
    except DataError as error:
        assert "--day-first" in str(error)
        style = date_style(table, "x", day_first=format.startswith("%d"))
    assert dates_in(table, "x", style) == wanted == [read_date(cell, style.order) for cell in cells]
    assert style.clock == any(moment.time() != datetime.time() for moment in wanted)


DATE_PIECES = st.sampled_from(
    [
        *"0123456789",
        *"-/.,: T",
        "2018",
        "19",
        "01",
        "12",
        "31",
        "0000",
        "Jan",
        "march",
        "Dezember",
        "août",
        "de",
        "Z",
        "2018-01-19",
        "27.03.2003",
        "03/04/05",
        "2018年1月19日",
        "14:55",
        "2:30",
        ":30.5",
        " PM",
        "am",
        "下午",
        "+02:00",
        " Uhr",
        "15时09分",
        "UTC",
        "-0530",
        "24:00",
        "Fri, ",
        "20180119",
        "１９",
        "\xa0",
        "st",
        "h",
        "x",
        "\n",
    ]
)
DATE_GARBAGE = st.lists(DATE_PIECES, min_size=1, max_size=6).map("".join) | st.text(max_size=8)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(DATE_GARBAGE, min_size=1, max_size=30), order=st.sampled_from(["ymd", "dmy", "mdy"]))
def test_sql_and_python_read_the_same_date_and_time_in_any_text(database, cells, order):
    cells = [cell.replace("\0", "") for cell in cells]
    table = table_of(database, x=cells)
    assert dates_in(table, "x", DateStyle(order)) == [read_date(cell, order) for cell in cells]
    seconds = table.values(f"coalesce({time_of_day(table.cell('x'))}, 'nan'::DOUBLE)")
    np.testing.assert_array_equal(np.asarray(seconds, dtype=float), [read_time(cell) for cell in cells])


def test_ranges_of_many_values_are_refused_as_what_they_are_and_few_are_words(tmp_path):
    rows = [f"{i}-{i + 9},{i % 3},{'no' if i % 3 else 'yes'}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["x,z,y", *rows, ""]))
    with pytest.raises(DataError, match=r"t\.csv:2: column 'x': '0-9' is a range, no number.*--kind COLUMN=category"):
        Preparation.fit(read_table(tmp_path / "t.csv"), "y")
    rows = [f"{i % 4}0-{i % 4}9,{i % 3},{'no' if i % 3 else 'yes'}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["x,z,y", *rows, ""]))
    plan = Preparation.fit(read_table(tmp_path / "t.csv"), "y")
    assert plan.feature_names[:4] == ("x=00-09", "x=10-19", "x=20-29", "x=30-39")


def test_names_of_months_are_one_month_each():
    names = [name for name, _ in MONTH_NAMES]
    assert len(set(names)) == len(names) and all(name == name.lower() for name in names)


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("14:55", 53700),
        ("2:30 PM", 52200),
        ("2pm", 50400),
        ("12 am", 0),
        ("14:55:30", 53730),
        ("14 Uhr", 50400),
        ("14h30", 52200),
        ("下午2:30", 52200),
        ("15时09分", 54540),
        ("25:00", math.nan),
        ("14:60", math.nan),
        ("7", math.nan),
    ],
)
def test_a_time_of_day_is_read_as_it_is_written(database, cell, seconds):
    table = table_of(database, x=[cell])
    (found,) = table.values(f"coalesce({time_of_day(table.cell('x'))}, 'nan'::DOUBLE)")
    np.testing.assert_array_equal([float(found), read_time(cell)], [seconds, seconds])


def test_a_clock_is_a_circle_in_dates_and_alone(database):
    table = table_of(database, x=["2018-01-19 06:00", "2018-01-19 12:00"])
    column = Date.of("x", date_style(table, "x"))
    assert column.features[6:] == ("x sine of day", "x cosine of day")
    np.testing.assert_allclose(read_column(column, table)[:, 6:], [[1, 0], [0, -1]], atol=1e-11)
    days = table_of(database, x=["2018-01-19", "2018-01-20 00:00"])
    assert len(Date.of("x", date_style(days, "x")).features) == 6
    times = table_of(database, x=["18:00", "12:00 AM", "14:15"])
    circle = read_column(TimeOfDay("x"), times)
    np.testing.assert_allclose(circle[:2], [[-1, 0], [0, 1]], atol=1e-15)
    np.testing.assert_allclose(plain_rows.time_of_day({"x": ["18:00", "12:00 AM", "14:15"]}, "x"), circle, atol=1e-15)


def test_typed_cells_mean_the_same_as_text(tmp_path):
    moments = pd.to_datetime(["2018-01-19 06:00", "2018-01-20 12:30"])
    times = [moment.time() for moment in moments]
    frame = pd.DataFrame({"when": moments, "time": times, "price": [1.5, 2.0]})
    path = tmp_path / "t.parquet"
    duckdb.connect().execute(
        "COPY (SELECT TIMESTAMP '2018-01-19 06:00' AS \"when\", TIME '06:00' AS time, 1.5 AS price UNION ALL "
        f"SELECT TIMESTAMP '2018-01-20 12:30', TIME '12:30', 2.0) TO '{path}' (FORMAT parquet)"
    )
    text = frame.assign(when=moments.strftime("%d.%m.%Y %H:%M"), time=moments.strftime("%H:%M"), price=["1,5", "2,0"])
    read = []
    for table in map(read_table, (frame, str(path), text)):
        when = Date.of("when", date_style(table, "when"))
        price = Number.of("price", number_style(table, "price"))
        read.append(np.hstack([read_column(c, table) for c in (when, TimeOfDay("time"), price)]))
        assert when.clock
    np.testing.assert_array_equal(read[0], read[1])
    np.testing.assert_array_equal(read[0], read[2])


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        (not_a_date("31.02.2003", DateStyle("dmy")), "no day of the calendar"),
        (not_a_date("02/27/2003", DateStyle("dmy")), "is no date with the day first"),
        (not_a_date("03/04/2005", DateStyle()), "may be day and month or month and day"),
        (not_a_date("14:55", DateStyle()), "a time without a date"),
        (not_a_date("soon", DateStyle()), "is not a date; write it as 2024-01-31"),
        (not_a_date("n/a", DateStyle()), "have gaps filled"),
        (not_a_time("25:30"), "is a duration"),
        (not_a_time("36:00:00"), "is a duration"),
        (not_a_time("noon"), "is not a time of day"),
        (not_a_time("-"), "have gaps filled"),
    ],
)
def test_a_refused_date_or_time_is_named_for_what_it_is(reason, what):
    assert what in reason and "; " in reason
