"""From LLVM IR text to the address of a function in memory.

Each function is compiled, kept on disk and linked by itself, under a name that is a digest of what it does.  Two
networks thus share the kernels they have in common, in one process as well as from one process to the next.

What is on disk is the user's own, so its digest guards against damage, not against an attacker.  It has to: LLVM
trusts an object file, and most damaged ones kill the process.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import secrets
import stat
import struct
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearprop.engine.native.target import Target, host_triple

FORMAT = 1  # of the files in the cache
LIMIT = 64 << 20  # bytes in the cache; a kernel takes 2,000 to 20,000
_MAGIC = b"clearjit"
_HEAD = len(_MAGIC) + hashlib.sha256().digest_size
_CODE = {"opt": 2, "reloc": "pic", "codemodel": "default"}  # optimisation of machine code alone; no IR passes


@dataclass(frozen=True)
class Definition:
    """One function of LLVM IR, with the declarations it needs."""

    name: str  # ends in a digest of the content: an equal name means equal code
    text: str
    calls: tuple[str, ...] = ()  # names of the other definitions it calls


_lock = threading.RLock()  # LLVM is used, and the tables below are filled, by one thread at a time
_addresses: dict[tuple[Target, str], int] = {}
_resources: list[Any] = []  # LLVM unloads code once nobody holds its resource tracker
_links, _writes = itertools.count(), itertools.count()

if hasattr(os, "register_at_fork"):  # a fork waits for a compilation to end, so that no child inherits a half-done one
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def load(target: Target, definitions: Sequence[Definition]) -> dict[str, int]:
    """Put functions into memory, unless they are there, for the rest of the process.

    Parameters
    ----------
    target : Target
        The processor to compile for: this machine, or one with fewer features.
    definitions : sequence of Definition
        Each comes after those it calls.

    Returns
    -------
    dict
        The address of each function by name.
    """
    with _lock:
        new = [definition for definition in definitions if (target, definition.name) not in _addresses]
        folder = cache_folder() if new else None
        for definition in new:
            _addresses[target, definition.name] = _link(target, definition, _object(folder, target, definition))
        return {definition.name: _addresses[target, definition.name] for definition in definitions}


def compile_object(target: Target, definition: Definition) -> bytes:
    """The machine code of one function, as the bytes of an object file; for any target, not only this machine."""
    code: bytes = _machine(target).emit_object(_module(target, definition))
    return code


def assembly(target: Target, definition: Definition) -> str:
    """The machine code of one function, to be read."""
    text: str = _machine(target).emit_assembly(_module(target, definition))
    return text


def _module(target: Target, definition: Definition) -> Any:
    import llvmlite.binding as llvm

    head = f'target datalayout = "{_machine(target).target_data}"\ntarget triple = "{target.triple}"\n'
    module = llvm.parse_assembly(head + definition.text, llvm.create_context())
    module.verify()  # the code generator crashes on what it takes for granted
    return module


@functools.cache
def _machine(target: Target) -> Any:
    import llvmlite.binding as llvm

    if target.triple == host_triple():  # 0.4 ms instead of 9
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(target.triple).create_target_machine(target.cpu, target.features, **_CODE)


# -- linking ---------------------------------------------------------------------------------------------------------


@functools.cache
def _linker(target: Target) -> Any:
    """JITLink, which unlike LLVM's older linker checks that every reference reaches its destination."""
    import llvmlite.binding as llvm

    return llvm.create_lljit_compiler(_machine(target), use_jit_link=True, suppress_errors=True)


def _link(target: Target, definition: Definition, code: bytes) -> int:
    import llvmlite.binding as llvm

    imports = {name: _addresses[target, name] for name in definition.calls if (target, name) in _addresses}
    # LLVM itself would look for the rest in the whole process, and find memset, exp or worse.
    if missing := undefined_symbols(code) - imports.keys():
        raise RuntimeError(f"{definition.name} calls {', '.join(sorted(missing))}, which no kernel defines")
    library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol(definition.name)
    for name, address in imports.items():
        library.import_symbol(name, address)
    tracker = library.link(_linker(target), f"{definition.name} {next(_links)}")  # a name of its own
    _resources.append(tracker)
    return int(tracker[definition.name])


def undefined_symbols(code: bytes) -> set[str]:
    """Names that an object file (ELF, or Mach-O on a Mac) uses and does not define, from its table of symbols."""
    if code.startswith(b"\x7fELF"):
        (start,), (size, count) = struct.unpack_from("<Q", code, 40), struct.unpack_from("<HH", code, 58)
        sections = [struct.unpack_from("<4xI16xQQI", code, start + size * k) for k in range(count)]
        _, start, size, link = next(section for section in sections if section[0] == 2)  # SHT_SYMTAB
        names, prefix = sections[link][1], b""
        symbols = struct.iter_unpack("<IxxH16x", code[start : start + size])
        undefined = [name for name, section in symbols if section == 0 and name]
    else:
        offset = 32
        while struct.unpack_from("<I", code, offset) != (2,):  # LC_SYMTAB
            offset += struct.unpack_from("<4xI", code, offset)[0]
        start, count, names = struct.unpack_from("<8xIII", code, offset)
        prefix = b"_"  # before every name of C
        symbols = struct.iter_unpack("<IB11x", code[start : start + 16 * count])
        undefined = [name for name, kind in symbols if kind & 0xEF == 1]  # N_UNDF | N_EXT
    return {code[names + k : code.index(b"\0", names + k)].removeprefix(prefix).decode() for k in undefined}


# -- the cache on disk: whatever is wrong with it, the function is compiled again -------------------------------------


def cache_folder() -> Path | None:
    """The user's folder of compiled functions, made if need be; None where there is none that can be trusted."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = base / "clearprop" / f"native-{FORMAT}"
        if not folder.is_absolute():
            return None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except (OSError, RuntimeError):  # the latter: nobody knows the home
        return None
    return folder if stat.S_ISDIR(status.st_mode) and _private(status) else None


def _private(status: os.stat_result) -> bool:
    return sys.platform == "win32" or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _object(folder: Path | None, target: Target, definition: Definition) -> bytes:
    if folder is None:
        return compile_object(target, definition)
    key = _key(target, definition)
    path = folder / key.hex()
    code = _read(path, key)
    if code is None:
        code = compile_object(target, definition)
        _write(path, key, code)
    return code


def _key(target: Target, definition: Definition) -> bytes:
    """Digest of all that decides what the code generator writes."""
    import llvmlite
    import llvmlite.binding as llvm

    generator = (FORMAT, llvmlite.__version__, llvm.llvm_version_info, sorted(_CODE.items()))
    processor = (target.triple, target.cpu, target.features)
    return hashlib.sha256(f"{generator} {processor} {definition.text}".encode()).digest()


def _sealed(key: bytes, code: bytes) -> bytes:
    """What a file holds.  The digest covers the key, as one file may be copied over another."""
    return _MAGIC + hashlib.sha256(key + code).digest() + code


def _unsealed(key: bytes, data: bytes) -> bytes | None:
    """The code in a file; None if a single bit is not as it was written."""
    code = data[_HEAD:]
    return code if data == _sealed(key, code) else None


def _read(path: Path, key: bytes) -> bytes | None:
    try:
        with open(path, "rb") as file:
            private = _private(os.fstat(file.fileno()))
            data = file.read(LIMIT) if private else b""
    except OSError:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used just now, for `_prune`
    return _unsealed(key, data)


def _write(path: Path, key: bytes, code: bytes) -> None:
    # No wait for the disk as in clearprop.files.atomic: after a power cut the file is whole, missing or found damaged.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with contextlib.suppress(OSError):
        try:
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(_sealed(key, code))
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if next(_writes) % 1000 == 0:  # so only a process that compiles looks through the folder, and once
            _prune(path.parent)


def _prune(folder: Path) -> None:
    """Drop the least recently used half of the files, and whatever crashes have left, once there are too many."""
    files = []
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):  # another process prunes too
            files.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
    total = sum(size for _, size, _ in files)
    if total <= LIMIT:
        return
    for _, size, path in sorted(files):
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
        if total <= LIMIT // 2:
            return
