"""What the native engine may be told to compile for on this machine."""

from dataclasses import replace

from clearprop.engine.native.target import avx2, avx512, host_target, neon


def processors():
    """By name: this processor as it is, with its narrower registers, and with the tiles of every other kind.

    Tiles decide where weights lie and in which portions they are worked on.  So all that is ours of the code for
    another processor runs here, though LLVM writes it with this one's instructions.
    """
    host, name = host_target()
    if host is None:
        return {}
    found = {name: host}
    if name == "avx512":
        found["avx2"] = avx2()
    for other in (avx512(), avx2(), neon()):
        if all(other.rows != known.rows for known in found.values()):
            shape = {"rows": other.rows, "vectors": other.vectors, "columns": other.columns}
            found[f"{name} in tiles of {other.name}"] = replace(host, **shape)
    return found


HOST, *OTHERS = processors().values() or [None]
