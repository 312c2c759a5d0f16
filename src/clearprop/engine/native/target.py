"""Which vector instructions this processor has.

Kernels are written in *logical vectors* of 64 bytes, on every processor; LLVM splits them where registers are narrower.
So layouts in memory and the bits of every result are the same everywhere.  A target decides only how fast.
"""

import functools
from dataclasses import dataclass

LLVMLITE = "0.50"  # the release whose LLVM defines the bits, the intermediate language and the linker

# The level named x86-64-v4 (Skylake server, Zen 4 and later) or x86-64-v3 (Haswell, Zen and later), one by one.  They
# are both what the code generator may use and what the processor must have, so neither depends on a processor's name.
_V3 = {
    *("64bit", "cmov", "cx8", "fxsr", "mmx", "sse", "sse2", "cx16", "sahf", "popcnt", "sse3", "ssse3", "sse4.1"),
    *("sse4.2", "crc32", "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave"),
}
_V4 = _V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


@dataclass(frozen=True)
class Target:
    """A processor as the code generator sees it."""

    name: str
    triple: str  # LLVM's name of architecture, system and object format
    cpu: str  # one of LLVM's generic levels, never a product: it only schedules instructions
    features: str
    tiles: str  # that fill its registers, a row of `tuning.TABLE`: its own name, except in tests


def avx512(triple: str | None = None) -> Target:
    """32 registers of 64 bytes."""
    return _x86("avx512", triple, "x86-64-v4", _V4)


def avx2(triple: str | None = None) -> Target:
    """16 registers of 32 bytes."""
    return _x86("avx2", triple, "x86-64-v3", _V3)


def neon(triple: str | None = None) -> Target:
    """32 registers of 16 bytes."""
    return Target("neon", triple or host_triple(), "generic", "+fp-armv8,+neon", "neon")


def _x86(name: str, triple: str | None, cpu: str, has: set[str]) -> Target:
    # LLVM may be told to avoid 64-byte registers, which slowed the first processors that had them.
    features = ",".join([*(f"+{feature}" for feature in sorted(has)), "-prefer-256-bit"])
    return Target(name, triple or host_triple(), cpu, features, name)


def host_triple() -> str:
    """LLVM's name of this machine."""
    import llvmlite.binding as llvm

    triple: str = llvm.get_process_triple()
    # Objects of Windows' own format refer to its C library (_fltused), so there too they are ELF.
    return f"{triple}-elf" if "windows" in triple else triple


@functools.cache
def host_target() -> tuple[Target | None, str]:
    """The best target that this processor and its system support, and its name; or None, and why there is none."""
    try:
        import llvmlite
        import llvmlite.binding as llvm
    except ImportError:
        return None, "llvmlite is not installed"
    except OSError as error:
        return None, f"llvmlite cannot be loaded: {error}"
    if not llvmlite.__version__.startswith(f"{LLVMLITE}."):
        return None, f"llvmlite {llvmlite.__version__} is installed, but llvmlite {LLVMLITE} is needed"
    architecture = host_triple().partition("-")[0]
    if architecture in ("aarch64", "arm64"):
        return neon(), "neon"  # part of every ARM64
    if architecture != "x86_64":
        return None, f"this processor is neither x86-64 nor ARM64, but {architecture}"
    try:
        # A feature counts only where the operating system saves its registers too.
        present = {feature for feature, there in llvm.get_host_cpu_features().items() if there}
    except RuntimeError:
        return None, "LLVM cannot tell what this processor can do"
    if present >= _V4:
        return avx512(), "avx512"
    if present >= _V3:
        return avx2(), "avx2"
    if present >= {"avx2", "fma"}:
        return None, f"this processor lacks {', '.join(sorted(_V3 - present))}"
    return None, "this processor has no AVX2 with FMA"
