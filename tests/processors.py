"""What the native engine may be told to compile for on this machine, and a way to run all tests in another's tiles.

``CLEARPROP_TEST_TILES=avx2 pytest`` takes this processor for one with the tiles of AVX2; avx512 and neon likewise.  So
what a test says of one processor's tiles it says of that processor by name: `target.tiles`.
"""

import functools
import os
from dataclasses import replace

from clearprop.engine.native import target, tuning
from clearprop.engine.native.target import avx2, avx512, neon

KINDS = {"avx512": avx512, "avx2": avx2, "neon": neon}


def in_tiles_of(kind, host):
    """This machine with the tiles of another kind of processor."""
    return replace(host, tiles=kind.tiles)


def tuned(**changes):
    """The table of what the native engine is tuned with, changed in all its rows: to take the place of `tuning.TABLE`.

    Programs made from then on have these numbers.
    """
    return {key: replace(row, **changes) for key, row in tuning.TABLE.items()}


def take_for(wanted):
    """From now on this machine is taken for one with the tiles of the processor of that name."""
    ask = target.host_target
    host, name = ask()
    if host is not None:
        kind = KINDS[wanted]()
        processor = kind if (name, wanted) == ("avx512", "avx2") else in_tiles_of(kind, host)
        target.host_target = functools.cache(lambda: (processor, processor.name))
        target.host_target.__wrapped__ = ask.__wrapped__  # what tests ask about other processors


def processors():
    """By name: this processor as it is, with its narrower registers, and with the tiles of every other kind.

    Tiles decide where weights lie and in which portions they are worked on.  So all that is ours of the code for
    another processor runs here, though LLVM writes it with this one's instructions.
    """
    host, name = target.host_target()
    if host is None:
        return {}
    found = {name: host}
    if name == "avx512":
        found["avx2"] = avx2()
    for other in (kind() for kind in KINDS.values()):
        if all(other.tiles != known.tiles for known in found.values()):
            found[f"{name} in tiles of {other.name}"] = in_tiles_of(other, host)
    return found


if os.environ.get("CLEARPROP_TEST_TILES"):
    take_for(os.environ["CLEARPROP_TEST_TILES"])
HOST, *OTHERS = processors().values() or [None]
