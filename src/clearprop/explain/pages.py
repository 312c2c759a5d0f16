"""An explanation as a tree for the terminal, as Markdown, and as a page that folds."""

import html as escape
import io

from clearprop.explain.explanation import Explanation, Group, Number
from clearprop.explain.formula import shown

_STYLE = """
.clearprop { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; color: #1f2328; background: #fff; }
.clearprop details { margin: .2rem 0 .2rem .9rem; }
.clearprop > details { margin-left: 0; border-top: 1px solid #d0d7de; padding-top: .3rem; }
.clearprop summary { cursor: pointer; font-weight: 600; }
.clearprop .definition { color: #59636e; font-style: italic; margin: .1rem 0 .3rem; }
.clearprop table { border-collapse: collapse; margin: .2rem 0 .5rem; font-size: 14px; }
.clearprop td, .clearprop th { padding: .1rem .8rem .1rem 0; text-align: left; vertical-align: top; border: 0; }
.clearprop th { color: #59636e; font-weight: 400; }
.clearprop td { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: 13px; }
.clearprop td.value { font-weight: 600; }
.clearprop td.value, .clearprop td.name, .clearprop td.right, .clearprop td.wrong { white-space: nowrap; }
.clearprop p { margin: .2rem 0; }
.clearprop .right { color: #1a7f37; } .clearprop .wrong { color: #cf222e; font-weight: 700; }
"""


def _witness(explanation: Explanation, number: Number) -> str:
    if number.agrees is None or number.numeric is None:
        return ""
    return f"{explanation.say('numeric')} {shown(number.numeric, 6)} {'✓' if number.agrees else '✗'}"


def _notes(explanation: Explanation, number: Number) -> str:
    notes = [number.note, explanation.say("most") if number.largest else ""]
    return ", ".join(note for note in notes if note)


def _line(explanation: Explanation, number: Number) -> str:
    notes, witness = _notes(explanation, number), _witness(explanation, number)
    return f"{number}{f'  ({notes})' if notes else ''}{f'  [{witness}]' if witness else ''}"


def _more(explanation: Explanation, group: Group) -> str:
    return explanation.say("more", count=str(group.more)) if group.more else ""


def _remark(explanation: Explanation, group: Group) -> str:
    return explanation.say(group.remark, **group.about) if group.remark else ""


def tree(explanation: Explanation, width: int) -> str:
    """Drawn by rich, without colours, so that it can go into a file."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    def grow(branch: Tree, group: Group) -> None:
        lone = not group.title and len(group.numbers) == 1 and not group.more
        limb = branch if lone else branch.add(Text(explanation.title_of(group)))
        for text in (group.formula, _remark(explanation, group)):
            if text:
                limb.add(Text(text))
        for number in group.numbers:
            limb.add(Text(_line(explanation, number)))
        if group.more:
            limb.add(Text(_more(explanation, group)))
        for inner in group.groups:
            grow(limb, inner)

    title, sentences = explanation.heading()
    root = Tree(Text("\n".join([title, *sentences])))
    for group in explanation.groups:
        grow(root, group)
    page = io.StringIO()
    Console(file=page, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(root)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def markdown(explanation: Explanation) -> str:
    """Headings for the parts, a list of numbers under each."""
    title, sentences = explanation.heading()
    lines = [f"# {_literal(title)}", ""]
    for sentence in sentences:
        lines += [_literal(sentence), ""]

    def write(group: Group, level: int) -> None:
        if group.title:
            lines.extend([f"{'#' * min(level, 6)} {_literal(explanation.title_of(group))}", ""])
        elif group.remark:
            lines.extend([f"- {explanation.title_of(group)}: {_remark(explanation, group)}", ""])
        if group.formula:
            lines.extend([f"*{_literal(group.formula)}*", ""])
        if group.title and group.remark:
            lines.extend([_remark(explanation, group), ""])
        for number in group.numbers:
            notes, witness = _notes(explanation, number), _witness(explanation, number)
            text = f"- `{number}`{f' ({_literal(notes)})' if notes else ''}{f', {witness}' if witness else ''}"
            lines.append(text)
        if group.more:
            lines.append(f"- {_more(explanation, group)}")
        if group.numbers:
            lines.append("")
        for inner in group.groups:
            write(inner, level + 1)

    for group in explanation.groups:
        write(group, 2)
    return "\n".join(lines).rstrip() + "\n"


def _literal(text: str) -> str:
    """Text in which Markdown finds nothing to mark up."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)


def html(explanation: Explanation) -> str:
    """A whole page, without scripts and without anything from elsewhere."""
    language = {"zh": "zh-Hans"}.get(explanation.language, explanation.language)
    title = escape.escape(explanation.heading()[0])
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n</head>\n'
        f"<body>\n{fragment(explanation)}\n</body>\n</html>\n"
    )


def fragment(explanation: Explanation) -> str:
    """The page's contents: what a notebook shows."""
    title, sentences = explanation.heading()
    head = f"<h2>{escape.escape(title)}</h2>\n" + "\n".join(f"<p>{escape.escape(s)}</p>" for s in sentences)
    parts = "\n".join(_fold(explanation, group, outer=True) for group in explanation.groups)
    return f'<div class="clearprop">\n<style>{_STYLE}</style>\n{head}\n{parts}\n</div>'


def _fold(explanation: Explanation, group: Group, *, outer: bool) -> str:
    inner = []
    if group.formula:
        inner.append(f'<p class="definition">{escape.escape(group.formula)}</p>')
    if group.remark:
        name = f"{group.about['name']}: " if not group.title else ""
        inner.append(f"<p>{escape.escape(name + _remark(explanation, group))}</p>")
    if group.numbers:
        inner.append(_table(explanation, group))
    inner += [_fold(explanation, one, outer=False) for one in group.groups]
    contents = "\n".join(inner)
    if not group.title:
        return contents
    opened = " open" if outer or group.title not in ("gradients", "passed") else ""
    return f"<details{opened}><summary>{escape.escape(explanation.title_of(group))}</summary>\n{contents}\n</details>"


def _table(explanation: Explanation, group: Group) -> str:
    formulas = any(number.formula for number in group.numbers)
    witnesses = any(number.agrees is not None for number in group.numbers)
    heads = [
        explanation.say("name"),
        *([explanation.say("formula"), explanation.say("numbers")] if formulas else []),
        explanation.say("value"),
    ]
    heads += [explanation.say("numeric")] if witnesses else []
    rows = ["<tr>" + "".join(f"<th>{escape.escape(head)}</th>" for head in heads) + "</tr>"]
    for number in group.numbers:
        notes = _notes(explanation, number)
        name = number.name + (f" ({notes})" if notes else "") + (" ←" if number.replaces else "")
        cells = [f'<td class="name">{escape.escape(name)}</td>']
        if formulas:
            cells += [f"<td>{escape.escape(text)}</td>" for text in (number.formula, number.numbers)]
        cells.append(f'<td class="value">{shown(number.value, 6)}</td>')
        if number.agrees is not None:
            kind, mark = ("right", "✓") if number.agrees else ("wrong", "✗")
            cells.append(f'<td class="{kind}">{shown(number.numeric, 6)} {mark}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    if group.more:
        rows.append(f'<tr><td colspan="{len(heads)}">{escape.escape(_more(explanation, group))}</td></tr>')
    return "<table>\n" + "\n".join(rows) + "\n</table>"
