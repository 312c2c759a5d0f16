"""The machine's limit: how many fused multiply-adds it does in a second when nothing else is in the way."""

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.peers import processors

_LOOP = """
define void @multiply_add(i64 %n, ptr %memory) {{
entry:
  %a = load {vector}, ptr %memory
  %place.b = getelementptr {vector}, ptr %memory, i64 1
  %b = load {vector}, ptr %place.b
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i.next, %loop ]
{phis}
{steps}
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, %n
  br i1 %more, label %loop, label %exit
exit:
{stores}
  ret void
}}
declare {vector} @llvm.fma.{short}({vector}, {vector}, {vector})
"""


def measure_peak(seconds: float = 0.05, repetitions: int = 10) -> dict[str, dict[str, float]] | None:
    """GFLOP/s for each type, on one processor and on all usable ones at once; None without llvmlite."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return None
    found = {}
    for dtype in ("float32", "float64"):
        loop = _Loop(llvm, dtype)
        found[dtype] = {
            "one": max(loop.rate(1, seconds) for _ in range(repetitions)),
            "all": max(loop.rate(processors(), seconds) for _ in range(repetitions)),
        }
    return found


def _shape(llvm: Any) -> tuple[int, int]:
    """Bytes of a vector, and accumulators: enough to fill the pipelines, few enough for the registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 24
    return (32, 12) if features.get("avx2") else (16, 24)


class _Loop:
    """The loop for one type, compiled."""

    def __init__(self, llvm: Any, dtype: str) -> None:
        size, accumulators = _shape(llvm)
        lanes = size // np.dtype(dtype).itemsize
        self.engine = _compile(llvm, dtype, lanes, accumulators)  # which owns the code
        address = self.engine.get_function_address("multiply_add")
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(address)
        self.start = np.full(lanes * (accumulators + 2), 0.5, dtype)
        self.flops = 2.0 * accumulators * lanes

    def rate(self, threads: int, seconds: float) -> float:
        """GFLOP/s of so many threads together."""
        memory = [_aligned(self.start) for _ in range(threads)]

        def run(n: int) -> float:
            started = time.perf_counter()
            list(pool.map(lambda array: self.function(n, array.ctypes.data), memory))  # ctypes releases the lock
            return time.perf_counter() - started

        with ThreadPoolExecutor(threads) as pool:
            run(1000)
            n = int(100_000 * seconds / run(100_000))
            return self.flops * n * threads / run(n) / 1e9


def _compile(llvm: Any, dtype: str, lanes: int, accumulators: int) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    vector = f"<{lanes} x {'float' if dtype == 'float32' else 'double'}>"
    short = f"v{lanes}f{np.dtype(dtype).itemsize * 8}"
    numbers = range(accumulators)
    text = _LOOP.format(
        vector=vector,
        short=short,
        phis="\n".join(f"  %s{k} = phi {vector} [ %a, %entry ], [ %t{k}, %loop ]" for k in numbers),
        steps="\n".join(
            f"  %t{k} = call {vector} @llvm.fma.{short}({vector} %s{k}, {vector} %a, {vector} %b)" for k in numbers
        ),
        stores="\n".join(
            f"  %p{k} = getelementptr {vector}, ptr %memory, i64 {k + 2}\n  store {vector} %t{k}, ptr %p{k}"
            for k in numbers
        ),
    )
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    return engine


def _aligned(values: Any) -> Any:
    """A copy that starts at a multiple of 64 bytes, as vector loads want it."""
    room = np.empty(values.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + values.nbytes].view(values.dtype)
    copy[...] = values
    return copy
