"""``clearprop reproduce``: the five tutorial posts, their numbers beside ours, and what is wrong in them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clearprop.cli.output import AsJSON, say, say_json, table

if TYPE_CHECKING:
    from clearprop.posts.report import Reproduction

DISAGREES = 5
HEAD = {
    "en": ("number", "post", "here, as published", "here, corrected", ""),
    "zh": ("数字", "文章", "这里：按文章", "这里：修正后", ""),
}
WORDS = {
    "en": {
        "claim": "The post: ",
        "verdict": "In truth: ",
        "findings": "What is wrong, measured:",
        "measured": " [measured on {date}; --full measures again]",
        "summary": "{agreeing} of {printed} printed numbers agree in every digit; {seconds:.1f} s",
        "nothing": "the post prints no numbers; {seconds:.1f} s",
        "unseeded": "no seed",
        "rounded": "to rounding",
        "files": "In {folder}: {count} pictures (PNG and SVG), report.json",
        "wrong": "{count} numbers that must agree do not",
    },
    "zh": {
        "claim": "文章：",
        "verdict": "实际：",
        "findings": "问题与实测影响：",
        "measured": "〔{date} 测得；用 --full 重新测量〕",
        "summary": "文章打印的 {printed} 个数字中有 {agreeing} 个逐位一致；用时 {seconds:.1f} 秒",
        "nothing": "文章没有打印数字；用时 {seconds:.1f} 秒",
        "unseeded": "无种子",
        "rounded": "舍入之内",
        "files": "{folder} 中有 {count} 张图（PNG 和 SVG）以及 report.json",
        "wrong": "有 {count} 个必须一致的数字不一致",
    },
}


def reproduce(
    posts: Annotated[
        list[str] | None, typer.Argument(metavar="[POST]...", help="000 to 004, or all; by default all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for pictures and report.json.")] = None,
    lang: Annotated[str, typer.Option(metavar="en|zh", help="Language of texts and pictures.")] = "en",
    full: Annotated[
        bool, typer.Option("--full", help="Measure all findings now, those that take long too (about a minute more).")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a report that is in the folder.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Run five tutorial posts again: their numbers, our numbers, and which of their insights are bugs.

    000 two moons by single samples; 001 iris by random mini-batches; 002 a small framework; 003 by hand against
    scikit-learn; 004 derivatives, a tape, Himmelblau's function, a long run. Each is run with its defects and
    without; every defect is measured. The exit code is 5 if a number that must agree does not.

    Examples: `clearprop reproduce 003` and `clearprop reproduce all --out posts --lang zh`
    """
    from clearprop.posts import POSTS
    from clearprop.posts.base import LANGUAGES
    from clearprop.posts.report import claim, document, write_pictures, write_report
    from clearprop.posts.report import reproduce as run

    if lang not in LANGUAGES:
        raise typer.BadParameter(f"--lang: {lang!r} is none of {', '.join(LANGUAGES)}")
    keys = list(POSTS) if not posts or "all" in posts else list(dict.fromkeys(posts))
    wanted = [POSTS[key] for key in keys]
    folder = None if out is None else claim(out, wanted, force=force)
    done: list[Reproduction] = []
    files: list[Path] = []
    for one in run(wanted, full=full):
        done.append(one)
        if not as_json:
            _say(one, lang)
        if folder is not None:
            files += write_pictures(one, folder, lang)
    if folder is not None:
        files.append(write_report(done, folder, lang))
    wrong = sum(len(one.wrong) for one in done)
    if as_json:
        say_json(document(done, lang) | {"files": [str(file) for file in files]})
    else:
        if folder is not None:
            say(WORDS[lang]["files"].format(folder=folder, count=len(files) // 2))
        if wrong:
            say(WORDS[lang]["wrong"].format(count=wrong))
    if wrong:
        raise typer.Exit(DISAGREES)


def _say(one: "Reproduction", lang: str) -> None:
    """The post's table and findings."""
    words, post = WORDS[lang], one.post
    say(f"{post.key}  {post.title(lang)}")
    say(words["claim"] + post.claim(lang))
    say(words["verdict"] + post.verdict(lang))
    say()
    rows = []
    for row in one.rows:
        mark = "✓" if row.agrees else "✗" if row.wrong else ""
        if row.agrees is False and not row.wrong:
            mark = words["rounded"] if row.binding else words["unseeded"]
        rows.append((row.name(lang), row.post, row.published, row.corrected, mark))
    say(table([HEAD[lang], *rows]))
    say(
        words["summary" if one.printed else "nothing"].format(
            agreeing=one.agreeing, printed=one.printed, seconds=one.seconds
        )
    )
    say()
    say(words["findings"])
    for found in one.findings:
        when = words["measured"].format(date=found.measured) if found.measured else ""
        say(f"- {found.text(lang)}{when}")
    say()
