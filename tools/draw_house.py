"""Draw the house from its own imports into the pages of docs/ that show it: `python tools/draw_house.py [--check]`."""

import argparse
import sys
from itertools import chain
from pathlib import Path

from house import ROOT, arrows, storeys

BEGIN, END = "<!-- drawn by tools/draw_house.py -->", "<!-- end of the drawing -->"
PAGES = {
    ROOT / "docs/architecture.md": "{rooms} rooms on {storeys} storeys, {arrows} arrows, {up} of them upward.",
    ROOT / "docs/architecture.zh.md": "{rooms} 个房间，{storeys} 层，{arrows} 条箭头，其中向上的 {up} 条。",
}


def upward(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows that do not lead to a lower storey."""
    storey = {room: number for number, rooms in enumerate(storeys()) for room in rooms}
    return {(user, used) for user, used in pairs if storey[used] <= storey[user]}


def without_detours(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows that no chain of others replaces."""
    reached: dict[str, set[str]] = {}
    for room in reversed(list(chain.from_iterable(storeys()))):
        below = {used for user, used in pairs if user == room}
        reached[room] = below.union(*(reached.get(used, set()) for used in below))
    return {
        (user, used)
        for user, used in pairs
        if not any(used in reached[between] for start, between in pairs if start == user and between != used)
    }


def flowchart(pairs: set[tuple[str, str]]) -> list[str]:
    """The rooms in Mermaid's language, with the arrows that no others imply."""
    rooms = list(chain.from_iterable(storeys()))
    shown = sorted(without_detours(pairs), key=lambda pair: (rooms.index(pair[0]), rooms.index(pair[1])))
    return ["```mermaid", "flowchart TD", *(f"    {user} --> {used}" for user, used in shown), "```"]


def table(pairs: set[tuple[str, str]]) -> list[str]:
    """All arrows: a row uses the columns marked in it.  Right of the diagonal is down."""
    rooms = list(chain.from_iterable(storeys()))
    width = max(map(len, rooms))
    numbers = [f"{number:2}" for number in range(1, len(rooms) + 1)]
    drawn = [" " * (width + 4) + "".join(numbers), ""]
    for row, user in enumerate(rooms):
        marks = (
            " ■" if row == column else " ●" if (user, used) in pairs else " ·" if column > row else "  "
            for column, used in enumerate(rooms)
        )
        drawn.append(f"{user:<{width}} {numbers[row]} " + "".join(marks).rstrip())
    return ["```text", *drawn, "```"]


def drawing(sentence: str) -> str:
    """What stands between the marks of a page."""
    pairs = set(arrows())
    counted = sentence.format(
        rooms=sum(map(len, storeys())), storeys=len(storeys()), arrows=len(pairs), up=len(upward(pairs))
    )
    return "\n".join([BEGIN, "", counted, "", *flowchart(pairs), "", *table(pairs), "", END])


def redrawn(page: Path) -> str:
    """A page with the house as it stands now."""
    before, rest = page.read_text("utf8").split(BEGIN)
    return before + drawing(PAGES[page]) + rest.split(END)[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="draw nothing; fail if a page shows another house")
    check = parser.parse_args().check
    differing = [page for page in PAGES if redrawn(page) != page.read_text("utf8")]
    for page in differing:
        if check:
            print(f"{page.relative_to(ROOT)} shows another house; run: python tools/draw_house.py", file=sys.stderr)
        else:
            page.write_text(redrawn(page), "utf8")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
