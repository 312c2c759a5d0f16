"""J. Numbers and dates as people write them: what is read, and what nobody can know."""

from cases import Case

_TRAIN = "train t.csv --target y --epochs 1 --out r"


def column(id: str, what: str, cells: list[str], exit: int, message: str, more: str = "", z: float = 0.5) -> Case:
    """A table of 40 rows: the cells again and again, a column of plain numbers, and two classes."""
    rows = [f'"{cells[i % len(cells)]}",{(i * 7) % 11 + z},{"no" if i % 3 else "yes"}' for i in range(40)]
    text = "\n".join(["x,z,y", *rows, ""])
    return Case(id, what, command=f"{_TRAIN}{more}", files={"t.csv": text}, exit=exit, message=message)


J = [
    column("J1", "a decimal comma", ["4,0", "5,25", "6,5"], 0, "x +number .*decimal comma"),
    column("J2", "a currency behind", ["70.00 CHF", "80.50 CHF", "9.10 CHF"], 0, "in CHF"),
    column("J3", "a unit behind", ["180 cm", "175 cm", "169 cm"], 0, "in cm"),
    column("J4", "thousands and magnitudes", ["$1,234.50", "$13.5k", "($500)"], 0, r"thousands with commas, in \$"),
    column("J5", "a comma that may be decimal, beside decimal points", ["1,234", "5,678"], 0, "thousands with commas"),
    column(
        "J6",
        "no cell and no column tells the mark",
        ["1,234", "5,678"],
        3,
        r"t\.csv:2: column 'x': '1,234' may be 1.234 or 1234.*--decimal ,\).*--thousands ,\)",
        z=0,
    ),
    column(
        "J7", "two units", ["180 cm", "1.75 m"], 3, r"t\.csv:2: column 'x': '180 cm' is in 'cm', and '1.75 m' in 'm'"
    ),
    column(
        "J8",
        "some cells without the unit",
        ["180 cm", "175 cm", "169"],
        3,
        r"t\.csv:4: column 'x': '169' has no unit, and .* cells of this column are in 'cm'; .*--kind x=number",
    ),
    column("J8b", "the same, said", ["180 cm", "175 cm", "169"], 0, "in cm", " --kind x=number"),
    column(
        "J9", "a range among numbers", ["27", "28", "31", "26-27"], 3, r"t\.csv:5: .* '26-27' is a range, no number"
    ),
    column("J10", "an approximate number", ["27", "28", "~5"], 3, "'~5' is an approximate number"),
    column("J11", "a bound", ["27", "28", "<27.4"], 3, "'<27.4' is a bound, no number"),
    column(
        "J12",
        "day or month first",
        ["03/04/2005", "05/06/2006"],
        3,
        "'03/04/2005' may be 3 April 2005 or 4 March 2005.*--day-first.*--month-first",
    ),
    column("J12b", "the same, said", ["03/04/2005", "05/06/2006"], 0, "month first", " --month-first"),
    column("J13", "a cell that proves the order", ["03/04/2005", "27/06/2006"], 0, "day first"),
    column("J14", "times of the day", ["27.03.2003 14:55", "1.4.2003 8:00"], 0, "time of day"),
    column(
        "J15",
        "a day that there is not",
        ["27.03.2003", "1.4.2003", "31.02.2003"],
        3,
        r"t\.csv:4: .* '31.02.2003' is no day of the calendar",
    ),
    column("J16", "times alone", ["14:55", "2:30 PM", "8:00"], 0, r"x +time .*time of day \(sine, cosine\)"),
    column("J17", "durations", ["14:55", "8:00", "36:00:00"], 3, "'36:00:00' is a duration, no time of day"),
    Case(
        "J18",
        "the same mark for decimals and thousands",
        command=f"{_TRAIN} --decimal , --thousands ,",
        files={"t.csv": "x,y\n1,no\n2,yes\n"},
        exit=2,
        message="must differ",
    ),
]
