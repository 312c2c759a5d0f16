"""Damage for files: the same for the same seed, whatever the machine."""

import random
from collections.abc import Callable

NASTY = (
    *(b"", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xf0\x9f\x92\xa5", b"\x1b[2J"),
    *(b'"', b'""', b"'", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\n\n", b"\\", b":", b"[", b"{", b"}", b"[" * 99),
    *(b"NaN", b"inf", b"-", b"1e999", b"1e-999", b"0x10", b"1_0", b"9" * 20, b"9" * 400, b"-0", b"True", b"null"),
    *(b"=cmd()", b"2026-02-30", b"a" * 5000, "，".encode(), "一".encode("gbk")),
)
"""What readers stumble over."""


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randrange(len(data) + 1)


def flip_bit(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def set_byte(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: _place(data, rng)]


def drop(data: bytes, rng: random.Random) -> bytes:
    start = _place(data, rng)
    return data[:start] + data[start + rng.randrange(1, 40) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start = _place(data, rng)
    return data[: start + rng.randrange(1, 200)] + data[start:]


def insert(data: bytes, rng: random.Random) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.choice(NASTY) + data[place:]


def replace(data: bytes, rng: random.Random) -> bytes:
    """A nasty thing in place of a word."""
    place = _place(data, rng)
    end = place
    while end < len(data) and data[end : end + 1].isalnum():
        end += 1
    return data[:place] + rng.choice(NASTY) + data[end:]


def swap(data: bytes, rng: random.Random) -> bytes:
    a, b, c = sorted(_place(data, rng) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bit, set_byte, cut, drop, repeat, insert, replace, swap,
)  # fmt: skip


def mutant(data: bytes, seed: int) -> bytes:
    """`data` after one to four mutations."""
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = rng.choice(MUTATIONS)(data, rng) or b"x"
    return data
