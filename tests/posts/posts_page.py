"""Writes docs/posts.md and docs/posts.zh.md from a run of the five posts: ``python tests/posts/posts_page.py``."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from clearprop.posts import POSTS, Row
from clearprop.posts.report import Reproduction, reproduce

DOCS = Path(__file__).parents[2] / "docs"

WORDS = {
    "en": {
        "head": "# The five posts, replayed\n\n"
        "clearprop began with five tutorial posts. Here each is run again, as published and corrected, and what is "
        "wrong in it is measured. This page is written by `python tests/posts/posts_page.py` from a run of {date}; "
        "`clearprop reproduce` makes the same tables on your machine, and `--out DIR` the pictures.\n\n"
        "```python\nfrom clearprop.posts import POSTS\n\n"
        'POSTS["003"].as_published().numbers["loss at 40"]  # the plateau\n'
        'POSTS["003"].corrected().numbers["loss at 99"]  # without the bug\n```\n',
        "summary": "| post | printed numbers | met in every digit | what is wrong |\n| --- | --- | --- | --- |\n",
        "claim": "**The post.** ",
        "verdict": "**In truth.** ",
        "table": "| number | post | here, as published | here, corrected | |\n| --- | ---: | ---: | ---: | --- |\n",
        "findings": "**What is wrong, and by how much**\n",
        "measured": " (measured on {date})",
        "unseeded": "no seed",
        "group": "{name}, {count} numbers",
        "same": "all equal",
    },
    "zh": {
        "head": "# 五篇文章的重现\n\n"
        "clearprop 起源于五篇教程文章。这里把每一篇按原文和修正后各运行一次，并实测其中的问题。本页由 "
        "`python tests/posts/posts_page.py` 根据 {date} 的一次运行生成；`clearprop reproduce --lang zh` "
        "可在你的机器上得到同样的表格，加上 `--out DIR` 还会生成图片。\n\n"
        "```python\nfrom clearprop.posts import POSTS\n\n"
        'POSTS["003"].as_published().numbers["loss at 40"]  # 平台期\n'
        'POSTS["003"].corrected().numbers["loss at 99"]  # 去掉错误之后\n```\n',
        "summary": "| 文章 | 打印的数字 | 逐位一致 | 问题 |\n| --- | --- | --- | --- |\n",
        "claim": "**文章：** ",
        "verdict": "**实际：** ",
        "table": "| 数字 | 文章 | 这里：按文章 | 这里：修正后 | |\n| --- | ---: | ---: | ---: | --- |\n",
        "findings": "**问题与实测影响**\n",
        "measured": "（{date} 测得）",
        "unseeded": "无种子",
        "group": "{name}，{count} 个数字",
        "same": "全部相同",
    },
}


def page(done: Sequence[Reproduction], language: str) -> str:
    """The whole page."""
    words = WORDS[language]
    parts = [words["head"].format(date=datetime.date.today().isoformat())]
    summary = [f"| {r.post.key} | {r.printed} | {r.agreeing} | {r.post.verdict(language)} |" for r in done]
    parts.append(words["summary"] + "\n".join(summary) + "\n")
    for one in done:
        parts.append(f"## {one.post.key} {one.post.title(language)}\n")
        parts.append(words["claim"] + one.post.claim(language) + "\n")
        parts.append(words["verdict"] + one.post.verdict(language) + "\n")
        parts.append(words["table"] + "\n".join(_lines(one.rows, language)) + "\n")
        parts.append(words["findings"])
        findings = [
            f"- {found.text(language)}" + (words["measured"].format(date=found.measured) if found.measured else "")
            for found in one.findings
        ]
        parts.append("\n".join(findings) + "\n")
    return "\n".join(parts)


def _lines(rows: Sequence[Row], language: str) -> list[str]:
    """Table lines; an array that is met in every digit is one line."""
    words, lines = WORDS[language], []
    arrays: dict[str, list[Row]] = {}
    for row in rows:
        name, bracket, _ = row.name.en.partition("[")
        if bracket:
            arrays.setdefault(name, []).append(row)
    for row in rows:
        name, bracket, _ = row.name.en.partition("[")
        if not bracket or not all(one.agrees for one in arrays[name]):
            mark = "✓" if row.agrees else "" if row.agrees is None else words["unseeded"]
            lines.append(f"| {row.name(language)} | {row.post} | {row.published} | {row.corrected} | {mark} |")
        elif row is arrays[name][0]:
            group = words["group"].format(name=f"`{name}`", count=len(arrays[name]))
            lines.append(f"| {group} | {row.post}, … | {row.published}, … | {row.corrected}, … | ✓ {words['same']} |")
    return lines


if __name__ == "__main__":
    runs = list(reproduce(POSTS.values()))
    for language, name in (("en", "posts.md"), ("zh", "posts.zh.md")):
        (DOCS / name).write_text(page(runs, language), encoding="utf-8")
