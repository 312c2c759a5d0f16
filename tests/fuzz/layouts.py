"""Thirty tables as people and programs write them; the target is y."""

from collections.abc import Callable

ROWS = 30


def lines(header: str, row: Callable[[int], str], end: str = "\n") -> bytes:
    return end.join([header, *map(row, range(ROWS)), ""]).encode()


def kind(i: int) -> str:
    return ("no", "yes")[i * 7 % 3 % 2]


def wide(i: int) -> str:
    return ",".join([*(str(i * k % 13) for k in range(60)), kind(i)])


MIXED = lines(
    '编号,size,"a, b",day,kind,y',
    lambda i: (
        f'{i * 7 % 30},{i / 7:.3f},"{i % 4}.5",2026-01-{1 + i % 28:02},'
        f'"{("red", "blue, dark", "")[i % 3]}",{"yn"[i % 2]}'
    ),
)
"""A little of everything."""

LAYOUTS = [
    MIXED,
    lines("a,b,y", lambda i: f"{i / 7:.2f},{i % 5}.5,{kind(i)}"),
    lines("a;b;y", lambda i: f"{i / 7:.2f};{i % 5}.5;{kind(i)}"),
    lines("a\tb\ty", lambda i: f"{i / 7:.2f}\t{i % 5}.5\t{kind(i)}"),
    lines("a|b|y", lambda i: f"{i / 7:.2f}|{i % 5}.5|{kind(i)}"),
    lines("a,b,y", lambda i: f"{i / 7:.2f},{i % 5}.5,{kind(i)}", "\r\n"),
    lines("\ufeffa,b,y", lambda i: f"{i / 7:.2f},{i % 5}.5,{kind(i)}", "\r\n"),
    lines('"a","b","y"', lambda i: f'"{i / 7:.2f}","{i % 5}.5","{kind(i)}"'),
    lines("a , b , y", lambda i: f"{i / 7:.2f} , {i % 5}.5 , {kind(i)}"),
    lines("y,a", lambda i: f"{i * i / 9},{i / 3}"),
    lines("a,y", lambda i: f"{i / 3:e},{i * i * 1e5:.3e}"),
    lines("a,y", lambda i: f"{i - 15},{i % 3}"),
    lines("a,b,y", lambda i: f"{'' if i % 6 == 1 else i / 4},{('NA', 'x', '?', 'y')[i % 4]},{kind(i)}"),
    lines("colour,shape,y", lambda i: f"{('red', 'blue', 'green')[i % 3]},{('round', 'square')[i % 2]},{kind(i)}"),
    lines("颜色,形状,y", lambda i: f"{('红', '蓝', '绿')[i % 3]},{('圆', '方')[i % 2]},{('是', '否')[i % 2]}"),
    lines("day,y", lambda i: f"2026-0{1 + i % 9}-{1 + i % 28:02},{i % 7}.5"),
    lines("at,y", lambda i: f"2026-03-{1 + i % 28:02}T{i % 24:02}:15:00,{i % 7}.5"),
    lines("day,y", lambda i: f"{1 + i % 28}.{1 + i % 12}.2026,{i % 7}.5"),
    lines("day,y", lambda i: f"2026年{1 + i % 12}月{1 + i % 28}日,{i % 7}.5"),
    lines("ok,y", lambda i: f"{('true', 'False')[i % 2]},{i % 5}.25"),
    lines("zip,y", lambda i: f"0{1000 + i % 4},{i % 5}.25"),
    lines("id,a,y", lambda i: f"{i + 1},{i * 11 % 17},{kind(i)}"),
    lines("text,a,y", lambda i: f'"line one\nline ""{i % 2}""",{i * 11 % 17},{kind(i)}'),
    lines("note,a,y", lambda i: f'"{"long " * 40}{i % 3}",{i * 11 % 17},{kind(i)}'),
    lines(",".join(f"c{k}" for k in range(60)) + ",y", wide),
    lines("a name that is long " * 20 + ",y", lambda i: f"{i * 11 % 17},{kind(i)}"),
    lines("a,constant,y", lambda i: f"{i * 11 % 17},7,{kind(i)}"),
    lines("amount,y", lambda i: f'"{i},{i * 37 % 1000:03}.50",{kind(i)}'),
    lines("price,y", lambda i: f"${i * 3}.99,{kind(i)}"),
    lines("share;y", lambda i: f"{i},5;{kind(i)}"),
]  # fmt: skip
