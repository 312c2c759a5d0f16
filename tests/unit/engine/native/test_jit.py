"""From IR text to functions: linking, the object cache under every kind of damage, forks and threads."""

import concurrent.futures
import contextlib
import ctypes
import errno
import mmap
import os
import random
import re
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from clearprop.engine.native import jit, target
from clearprop.engine.native.jit import Definition
from clearprop.engine.native.module import Module
from clearprop.engine.native.scheduler import draw

HOST, REASON = target.host_target()
pytestmark = pytest.mark.skipif(HOST is None, reason=REASON)
on_x86 = pytest.mark.skipif(HOST is not None and HOST.name == "neon", reason="not an x86 processor")
posix = pytest.mark.skipif(os.name != "posix", reason="permissions and signals of POSIX")
names = (f"{os.getpid()}_{k}" for k in range(10**9))  # every definition of these tests is new to the process


def add(constant, calls=()):
    """A function that adds a constant to x, after what `calls` have made of x."""
    name = f"add_{next(names)}"
    lines = [f"declare double @{other}(double)" for other in dict.fromkeys(calls)]
    lines += [f"define double @{name}(double %x0) nounwind {{"]
    lines += [f"  %x{k + 1} = call double @{other}(double %x{k})" for k, other in enumerate(calls)]
    lines += [f"  %y = fadd double %x{len(calls)}, {float(constant):e}", "  ret double %y", "}"]
    return Definition(name, "\n".join(lines), tuple(calls))


def call(address, x=1.0):
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)(x)


def run(definition):
    """Its result for 1, as a process that has never seen it gets it."""
    jit._addresses.pop((HOST, definition.name), None)
    return call(jit.load(HOST, [definition])[definition.name])


def python(code, *arguments):
    """A process that runs `code`."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of this test's own, wherever the system would have put it."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    return jit.cache_folder()


@pytest.fixture
def compiled(monkeypatch):
    """The names of what was compiled during the test."""
    seen, compile_object = [], jit.compile_object
    monkeypatch.setattr(jit, "compile_object", lambda t, d: seen.append(d.name) or compile_object(t, d))
    return seen


# -- code ------------------------------------------------------------------------------------------------------------

VECTORS = """
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <8 x double> @llvm.fma.v8f64(<8 x double>, <8 x double>, <8 x double>)
define void @vectors(ptr %a, ptr %b, double %s, double %t) nounwind {
  %x = load <16 x float>, ptr %a, align 64
  %f = call <16 x float> @llvm.fma.v16f32(<16 x float> %x, <16 x float> %x, <16 x float> splat (float 1.5))
  %m = fmul <16 x float> %f, %x
  %n = fadd <16 x float> %m, %f
  store <16 x float> %n, ptr %a, align 64
  %y = load <8 x double>, ptr %b, align 64
  %g = call <8 x double> @llvm.fma.v8f64(<8 x double> %y, <8 x double> %y, <8 x double> %y)
  store <8 x double> %g, ptr %b, align 64
  ret void
}
"""


def test_definitions_call_each_other():
    one, two = add(1), add(2)
    both = add(10, [one.name, two.name, one.name])
    found = jit.load(HOST, [one, two, both])
    assert list(found) == [one.name, two.name, both.name]
    assert call(found[both.name]) == 15
    assert jit.load(HOST, [both])[both.name] == found[both.name]  # known by now, so its callees need not be given


@pytest.mark.skipif(sys.platform != "linux", reason="Linux places memory where it is asked to")
def test_calls_reach_any_distance(monkeypatch):
    """Code is not always near other code: here is a function (it only returns) a terabyte and more away."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    everything, ret = (
        mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC,
        b"\xc0\x03\x5f\xd6" if HOST.name == "neon" else b"\xc3",
    )
    address = libc.mmap(1 << 36, 4096, everything, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    ctypes.memmove(address, ret, len(ret))
    monkeypatch.setitem(jit._addresses, (HOST, "far"), address)
    caller = add(1, ["far", "far"])
    assert abs(jit.load(HOST, [caller])[caller.name] - address) > 1 << 40
    assert run(caller) == 2


@pytest.mark.parametrize("name", ["memset", "exp", "no_such_function"])
def test_an_undefined_symbol_raises(name):
    """Also where the process has a function of that name, which LLVM would have taken."""
    bad = add(1, [name])
    for calls in (), (name,):
        with pytest.raises(RuntimeError, match=f"{bad.name} calls {name}, which no kernel defines"):
            jit.load(HOST, [Definition(bad.name, bad.text, calls)])
    good = add(1)
    assert run(good) == 2


def test_library_calls_of_the_code_generator_are_found():
    text = "define double @f(double %x, double %y) nounwind {\n  %z = frem double %x, %y\n  ret double %z\n}"
    with pytest.raises(RuntimeError, match="calls fmod"):
        jit.load(HOST, [Definition("f", text)])


def test_invalid_text_raises():
    unset = "br i1 %c, label %a, label %b\na:\n %x = add i64 1, 2\n br label %b\nb:\n ret i64 %x"
    for text in ("define nothing", f"define i64 @f(i1 %c) {{\n{unset}\n}}"):
        with pytest.raises(RuntimeError):
            jit.load(HOST, [Definition("f", text)])


@pytest.mark.parametrize(
    ("make", "triple", "magic"),
    [
        (target.avx512, "x86_64-unknown-linux-gnu", b"\x7fELF"),
        (target.avx2, "x86_64-unknown-linux-gnu", b"\x7fELF"),
        (target.avx2, "x86_64-pc-windows-msvc-elf", b"\x7fELF"),
        (target.neon, "aarch64-unknown-linux-gnu", b"\x7fELF"),
        (target.neon, "arm64-apple-darwin24.1.0", b"\xcf\xfa\xed\xfe"),
    ],
)
def test_objects_for_every_system(make, triple, magic):
    chosen = make(triple)
    m = Module(np.float64, chosen)
    draw(m)
    for definition in (Definition("f", VECTORS), *m.definitions.values()):
        code = jit.compile_object(chosen, definition)
        assert code.startswith(magic) and jit.undefined_symbols(code) == set(definition.calls)
    assert jit.undefined_symbols(jit.compile_object(chosen, add(1, ["other", "exp"]))) == {"other", "exp"}
    if magic == b"\x7fELF":
        assert code[18] == (0xB7 if chosen.name == "neon" else 0x3E)  # e_machine


def test_vectors_fill_the_registers():
    triple = "x86_64-unknown-linux-gnu"
    text = jit.assembly(target.avx512(triple), Definition("vectors", VECTORS))
    assert "%zmm" in text and "%ymm" not in text
    text = jit.assembly(target.avx2(triple), Definition("vectors", VECTORS))
    assert "%ymm" in text and "%zmm" not in text
    text = jit.assembly(target.neon("aarch64-unknown-linux-gnu"), Definition("vectors", VECTORS))
    assert re.search(r"fmla\s+v\d+\.4s", text)


@pytest.mark.parametrize("make", [target.avx512, target.avx2])
def test_nothing_is_fused_that_was_not_written_so(make):
    text = jit.assembly(make("x86_64-unknown-linux-gnu"), Definition("vectors", VECTORS))
    registers = 1 if make is target.avx512 else 2
    assert len(re.findall("vfmadd", text)) == 2 * registers
    assert len(re.findall("vmulps", text)) == len(re.findall("vaddps", text)) == registers


@on_x86
def test_narrower_registers_give_the_same_bits():
    results = []
    for chosen in dict.fromkeys([HOST, target.avx2()]):
        address = jit.load(chosen, [Definition("vectors", VECTORS)])["vectors"]
        buffer = ctypes.create_string_buffer(256)
        start = ctypes.addressof(buffer) + -ctypes.addressof(buffer) % 64
        floats, doubles = (ctypes.c_float * 16).from_address(start), (ctypes.c_double * 8).from_address(start + 64)
        floats[:], doubles[:] = [1.1 + k / 7 for k in range(16)], [1.1 + k / 7 for k in range(8)]
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double, ctypes.c_double)(address)(
            start, start + 64, 0.0, 0.0
        )
        results.append(ctypes.string_at(start, 128))
    assert len(set(results)) == 1
    assert doubles[0] == pytest.approx(1.1 * 1.1 + 1.1, rel=1e-15)


def test_what_this_processor_can_do(monkeypatch):
    import llvmlite
    import llvmlite.binding as llvm

    ask = target.host_target.__wrapped__
    everything = dict.fromkeys(target._V4, True)
    for architecture, features, answer in [
        ("x86_64", everything, "avx512"),
        ("x86_64", everything | {"avx512cd": False}, "avx2"),
        ("x86_64", everything | {"fma": False}, "this processor has no AVX2 with FMA"),
        ("x86_64", everything | {"movbe": False}, "this processor lacks movbe"),
        ("aarch64", {}, "neon"),
        ("riscv64", {}, "this processor is neither x86-64 nor ARM64, but riscv64"),
    ]:
        monkeypatch.setattr(llvm, "get_process_triple", lambda a=architecture: f"{a}-unknown-linux-gnu")
        monkeypatch.setattr(llvm, "get_host_cpu_features", lambda f=features: f)
        found, said = ask()
        assert said == answer and (found is None or found.name == answer)
    monkeypatch.setattr(llvmlite, "__version__", "0.45.1")
    assert ask() == (None, "llvmlite 0.45.1 is installed, but llvmlite 0.50 is needed")
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    assert ask() == (None, "llvmlite is not installed")


# -- the cache -------------------------------------------------------------------------------------------------------


def test_a_hit_compiles_nothing(cache, compiled):
    definition = add(1)
    assert run(definition) == run(definition) == run(definition) == 2
    assert compiled == [definition.name]
    (file,) = cache.iterdir()
    if os.name == "posix":
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700 and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_input_of_the_compiler_is_in_the_key(monkeypatch):
    import llvmlite

    one = add(1)
    linux = "x86_64-unknown-linux-gnu"
    targets = [target.avx512(linux), target.avx2(linux), target.avx2("x86_64-pc-windows-msvc-elf")]
    keys = [jit._key(chosen, one) for chosen in targets]
    keys.append(jit._key(targets[0], Definition(one.name, one.text + " ")))
    for owner, name, value in [(jit, "FORMAT", -1), (jit, "_CODE", {}), (llvmlite, "__version__", "0.50.999")]:
        monkeypatch.setattr(owner, name, value)
        keys.append(jit._key(targets[0], one))
    assert len(set(keys)) == len(keys)


def damages(entry, other, count, rng):
    """Ways in which a file of the cache may differ from what was written."""
    yield from (b"", entry[:7], entry[:39], entry[:40], entry[40:], b"x" + entry[1:], other, entry + b"\0")
    for k in range(count):
        place = rng.randrange(len(entry))
        if k % 3 == 0:
            yield entry[:place]
        elif k % 3 == 1:
            yield entry[:place] + bytes([entry[place] ^ (1 << rng.randrange(8))]) + entry[place + 1 :]
        else:
            yield rng.randbytes(len(entry) - place)


def test_1000_damaged_files_are_rejected(rng):
    key, other, code = b"1" * 32, b"2" * 32, rng.bytes(2000)
    entry = jit._sealed(key, code)
    assert jit._unsealed(key, entry) == code
    found = [jit._unsealed(key, bad) for bad in damages(entry, jit._sealed(other, code), 992, random.Random(7))]
    assert found == [None] * 1000


HERE = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); from test_jit import *\n"
DAMAGED = """
one, two, rng = add(1), add(2), random.Random(int(sys.argv[1]))
run(one), run(two)
path, other = (jit.cache_folder() / jit._key(HOST, d).hex() for d in (one, two))
entry = path.read_bytes()
for bad in damages(entry, other.read_bytes(), int(sys.argv[2]), rng):
    path.write_bytes(bad)
    assert run(one) == 2
    assert path.read_bytes() == entry  # replaced
print("survived")
"""


@pytest.mark.parametrize("count", [16, pytest.param(1000, marks=pytest.mark.nightly)])
def test_damaged_files_are_compiled_again(count):
    out, err = python(HERE + DAMAGED, count, count).communicate()
    assert out == "survived\n", err


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_an_entry_that_is_no_file(cache, kind):
    definition = add(1)
    path = cache / jit._key(HOST, definition).hex()
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(cache / "nothing")
    assert run(definition) == run(definition) == 2


def no_cache(compiled):
    """Whether functions are right, and compiled each time, as there is no cache."""
    definition = add(1)
    return run(definition) == run(definition) == 2 and len(compiled) == 2


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_is_not_used(cache, compiled, mode):
    cache.chmod(mode)
    assert jit.cache_folder() is None and no_cache(compiled)
    assert not list(cache.iterdir())


@posix
def test_what_others_own_is_not_used(cache, compiled, monkeypatch):
    definition = add(1)
    run(definition)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert jit._read(cache / jit._key(HOST, definition).hex(), jit._key(HOST, definition)) is None
    compiled.clear()
    assert jit.cache_folder() is None and no_cache(compiled)


@posix
def test_a_link_instead_of_the_folder_is_not_used(cache, compiled, tmp_path):
    cache.rename(tmp_path / "elsewhere")
    cache.symlink_to(tmp_path / "elsewhere")
    assert jit.cache_folder() is None and no_cache(compiled)


def test_a_file_where_the_folder_should_be(cache, compiled):
    cache.rmdir()
    cache.write_text("")
    assert jit.cache_folder() is None and no_cache(compiled)


def test_nobody_knows_the_home(compiled, monkeypatch):
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.delenv(variable, raising=False)

    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(jit.Path, "home", fail)
    assert jit.cache_folder() is None and no_cache(compiled)


def test_a_relative_home_is_not_used(compiled, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path / "clearprop")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, ".")
    assert jit.cache_folder() is None and no_cache(compiled)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("function", ["mkdir", "open", "replace"])
def test_a_folder_that_cannot_be_written(cache, compiled, monkeypatch, function, code):
    def fail(*arguments, **options):
        raise OSError(code, os.strerror(code))

    if function == "mkdir":
        cache.rmdir()
    monkeypatch.setattr(os, function, fail)
    assert no_cache(compiled)
    monkeypatch.undo()
    assert not cache.exists() or not list(cache.iterdir())


def test_a_full_disk(cache, compiled, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full:
        def __init__(self, handle):
            self.handle, self.write = handle, full

        def __enter__(self):
            return self

        def __exit__(self, *_):
            os.close(self.handle)

    def opened(file, mode):
        return Full(file) if mode == "wb" else open(file, mode)

    monkeypatch.setattr(jit, "open", opened, raising=False)
    assert no_cache(compiled)
    assert not list(cache.iterdir())  # nor is anything left


def test_least_recently_used_files_go_first(cache, monkeypatch):
    monkeypatch.setattr(jit, "LIMIT", 10_000)
    paths = [cache / str(k) for k in range(12)]
    for age, path in enumerate(paths):
        path.write_bytes(bytes(1000))
        os.utime(path, (1e9 - age, 1e9 - age))
    jit._prune(cache)
    assert [path.exists() for path in paths] == [True] * 5 + [False] * 7
    jit._prune(cache)
    assert len(list(cache.iterdir())) == 5


def test_using_an_entry_keeps_it(cache):
    definition = add(1)
    run(definition)
    (path,) = cache.iterdir()
    os.utime(path, (1e9, 1e9))
    run(definition)
    assert time.time() - path.stat().st_mtime < 3600


def test_the_first_new_entry_of_a_process_bounds_the_cache(cache, monkeypatch):
    monkeypatch.setattr(jit, "LIMIT", 10_000)
    monkeypatch.setattr(jit, "_writes", iter([0, 1]))
    (cache / "old").write_bytes(bytes(20_000))
    os.utime(cache / "old", (1e9, 1e9))
    run(add(1))
    assert not (cache / "old").exists() and len(list(cache.iterdir())) == 1


# -- processes and threads -------------------------------------------------------------------------------------------

TOGETHER = """
import ctypes, sys
from clearprop.engine.native import jit, target
host = target.host_target()[0]
text = "define double @f{0}(double %x) nounwind {{\\n  %y = fadd double %x, {0}.0\\n  ret double %y\\n}}"
definitions = [jit.Definition(f"f{k}", text.format(k)) for k in range(20)]
print("ready", flush=True)
sys.stdin.read()
print([ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(a)(1) for a in jit.load(host, definitions).values()])
"""


def test_eight_processes_with_an_empty_cache(cache):
    started = [python(TOGETHER) for _ in range(8)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.close()
    for process in started:
        assert process.stdout.read() == f"{[1.0 + k for k in range(20)]}\n", process.stderr.read()
        assert process.wait() == 0
    assert len(list(cache.iterdir())) == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_after_a_fork_code_stays_and_more_can_be_loaded():
    """Code stays, more can be loaded, and the lock is free, though another thread is loading while the fork is made."""
    known = add(1)
    address = jit.load(HOST, [known])[known.name]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        busy = pool.submit(jit.load, HOST, [add(k) for k in range(40)])
        for _ in range(5):
            child = os.fork()
            if not child:
                good = False
                with contextlib.suppress(Exception):
                    new = add(2, [known.name])
                    good = call(address) == 2 and call(jit.load(HOST, [new])[new.name]) == 4
                os._exit(0 if good else 1)  # a child of pytest must not go on as a second pytest
            assert os.waitpid(child, 0)[1] == 0
        assert len(busy.result()) == 40


def test_threads_that_load_the_same_code_at_once_share_it():
    shared = [add(k) for k in range(10)]
    batches = [[*shared, add(k)] for k in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda batch: jit.load(HOST, batch), batches))
    for k, (batch, addresses) in enumerate(zip(batches, found, strict=True)):
        assert call(addresses[batch[10].name]) == 1 + k
        assert [call(addresses[d.name]) for d in batch[:10]] == [1.0 + k for k in range(10)]
        assert all(addresses[d.name] == found[0][d.name] for d in shared)


def test_a_process_ends_cleanly():
    process = python(HERE + "print(run(add(1)))")
    assert process.communicate() == ("2.0\n", "")
    assert process.returncode == 0
