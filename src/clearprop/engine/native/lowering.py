"""Model, loss and optimiser become functions: train, gradient, predict.  They read like the loops they are."""

from collections.abc import Sequence
from typing import Any

from clearprop.engine.native import kernels as k
from clearprop.engine.native.layout import Layout
from clearprop.engine.native.module import Module
from clearprop.engine.native.network import Network
from clearprop.engine.native.scheduler import shared, stopped
from clearprop.engine.native.stages.base import ByColumns, ByRows, Prediction, Stage
from clearprop.engine.native.stages.sparse import SparseStage
from clearprop.engine.native.step import Batch, Fields, Step
from clearprop.engine.native.values import Function, Int, Pointer, Sparse, View, padded

# --- training on batches ----------------------------------------------------------------------------------------------


def write_train(m: Module, net: Network, layout: Layout) -> str:
    """Steps of training: one phase divides the rows of a batch among threads, the next the weights.

    No sum crosses threads, so their number leaves no trace in the result.  An optimiser's average of a gradient that
    has vanished decays for ever; it is taken as 0 when it leaves the normal numbers.
    """
    work, phases = phases_of(net), count_phases(net)

    def train(f: Function, record: Pointer, rank: Int) -> None:
        fields = Fields(record, len(net.stages) + 1)
        step = Step(f, net, layout, fields, m.tuning.group)
        board, threads, tile = fields.board, fields.threads, m.tuning.rows
        with f.repeat() as t:
            place = fields.first + t
            batch = batch_of(net, fields, place, t)
            tiles = (batch.count + (tile - 1)) // tile
            tickets = row_tickets(f, layout, tiles, threads)

            def on_rows(parts: Sequence[ByRows], c: Int) -> None:
                top, bottom = side_by_side(tiles, c, tickets, threads)
                first, rows = top * tile, (bottom - top) * tile
                for part in parts:
                    part.write(step, batch, first, rows)

            def on_weights(stage: Stage, block: Int, blocks: Int) -> None:
                if net.notes_penalty:
                    step.note_penalty(stage, block, blocks, c, batch)
                stage.write_update(step, batch, block, blocks)
                if net.clips_norm:
                    step.square(stage, block, blocks, c)

            for number, parts in enumerate(work):
                phase = t * phases + number
                if isinstance(parts, ByColumns):
                    registers = padded(parts.columns, layout.lanes) // layout.lanes
                    with shared(f, board, rank, phase, registers) as c:
                        parts.write(step, batch, c)
                    continue
                turner = net.stages[0] if number == 0 and net.turns else None  # has the first ticket
                with shared(f, board, rank, phase, tickets + int(turner is not None)) as c:
                    if isinstance(turner, SparseStage):
                        with f.when(c.equals(0)):
                            turner.write_turn(step, batch)
                        with f.when(Int(f, "0") < c):
                            on_rows(parts, c - 1)
                    else:
                        on_rows(parts, c)
            phase = t * phases + len(work)
            with shared(f, board, rank, phase, step.all_tickets, ends_step=not net.clips_norm) as c:
                prefetch_next(f, net, fields, place, t, c, step.all_tickets, threads)
                with f.when(c.equals(0)):
                    k.sum_values(m)(fields.values, batch.count, fields.losses.offset(t, "double"))
                step.in_blocks(c, on_weights)
            if net.clips_norm:
                phase = t * phases + (len(work) + 1)
                factor = step.norm_scale(batch)
                with shared(f, board, rank, phase, step.all_tickets, ends_step=True) as c:
                    step.in_blocks(c, lambda stage, *blocks: stage.write_apply(step, batch, *blocks, factor))
            f.until = stopped(m)(board, rank).differs(0)

    return m.write(train, flush=net.rule is not None)


def batch_of(net: Network, fields: Fields, place: Int, t: Int) -> Batch:
    """The batch of step t, at that place among the epoch's batches."""
    start = fields.offsets.integer(place)
    count = fields.offsets.integer(place + 1) - start
    return Batch(t, fields.order.offset(start, "i64"), fields.scalars + t * net.width, start, count)


def row_tickets(f: Function, layout: Layout, tiles: Int, threads: Int) -> Int:
    """As many for each thread, small enough for the cache, and several in case a thread is kept waiting."""
    tuning = f.m.tuning
    heavy = (layout.size + layout.transposed_size) * f.m.bits // 8 >= tuning.heavy
    at_once = threads * (tuning.chunk // tuning.rows)
    rounds = (tiles + (at_once - 1)) // at_once
    several = rounds if heavy else f.choose(rounds < tuning.rounds, tuning.rounds, rounds)
    return threads * f.choose(threads.equals(1), rounds, several)


def phases_of(net: Network) -> list[list[ByRows] | ByColumns]:
    """What is done row by row, or column by column, before all threads go on; then come the weights."""
    work: list[ByRows | ByColumns] = [ByRows(Step.gather)] if net.stages[0].gathers else []
    for stage in net.stages:
        work += stage.forward_work()
    work.append(ByRows(Step.loss))
    for stage in reversed(net.stages[net.lowest :]):
        work += stage.backward_work(goes_on=stage.number > net.lowest)
    phases: list[list[ByRows] | ByColumns] = []
    for part in work:
        if isinstance(part, ByColumns):
            phases.append(part)
        elif phases and isinstance(phases[-1], list):
            phases[-1].append(part)
        else:
            phases.append([part])
    return phases


def count_phases(net: Network) -> int:
    """How many phases a step has: those, the weights, and the weights again if the gradient's norm is needed first."""
    return len(phases_of(net)) + 1 + net.clips_norm


def side_by_side(count: Any, ticket: Int, tickets: Any, threads: Int) -> tuple[Int, Int]:
    """The ticket's part of 0 .. count - 1: its start and end.  A thread's parts lie side by side.

    Tickets are dealt like cards, so a thread's first is the threads' number before its second.
    """
    each = (tickets + (threads - 1)) // threads
    place = (ticket % threads) * each + ticket // threads
    return count * place // (each * threads), count * (place + 1) // (each * threads)


def prefetch_next(
    f: Function, net: Network, fields: Fields, batch: Int, t: Int, ticket: Int, tickets: int, threads: Int
) -> None:
    """While the weights are updated, the next batch's rows come into the cache; sparse ones are left alone."""
    if net.sparse:
        return
    n = net.stages[0].n
    with f.when((t + 1) < fields.steps):
        start = fields.offsets.integer(batch + 1)
        count = fields.offsets.integer(batch + 2) - start
        order = fields.order.offset(start, "i64")
        with f.loop(*side_by_side(count, ticket, tickets, threads)) as i:
            k.prefetch(f.m)(fields.X + order.integer(i) * n, n)


# --- training on single samples ---------------------------------------------------------------------------------------


def write_samples(m: Module, net: Network, layout: Layout) -> str:
    """Steps of training on one sample each: forward, backward and update, layer by layer."""

    def train(f: Function, record: Pointer, rank: Int) -> None:
        fields = Fields(record, len(net.stages) + 1)
        step = Step(f, net, layout, fields, group=1)
        with f.repeat() as t:
            start = fields.offsets.integer(fields.first + t)
            order, row = fields.order.offset(start, "i64"), fields.scalars + t * net.width
            batch = Batch(t, order, row, start, Int(f, "1"))
            step.gather(batch, 0, 1)
            for stage in net.stages:
                stage.write_sample_forward(step, batch)
            step.loss(batch, 0, 1)
            fields.losses.put_doubles(fields.values.real(), t)
            for stage in reversed(net.stages[net.lowest :]):
                stage.write_sample_backward(step, batch)
            fields.done.put(t + 1)
            f.until = f.any(fields.stop.is_set(), (t + 1) >= fields.steps)

    return m.write(train, flush=True)


# --- prediction -------------------------------------------------------------------------------------------------------


PREDICT_FIELDS = ["w", "X", "columns", "starts", "out", "count", "scratch", "stride", "board"]
"""What Python hands over to `predict`, by name; each thread has `stride` reals of the scratch memory."""


def write_predict(m: Module, stages: Sequence[Stage], layout: Layout) -> str:
    """Rows in, outputs out; blocks of rows are shared among threads.

    A row meets the same operations in the same order alone and in company: its result does not depend on the others.
    """
    ld, last, wide = layout.ld, len(stages), stages[-1].m
    most, together, tile = m.tuning.predicted_at_once, m.tuning.predicted_in_ticket, m.tuning.rows

    def predict(f: Function, record: Pointer, rank: Int) -> None:
        places = {name: i for i, name in enumerate(PREDICT_FIELDS)}
        names = ("w", "X", "columns", "starts", "out", "scratch", "board")
        w, X, columns, starts, out, scratch, board = (record.pointer(places[name]) for name in names)
        count, stride = record.integer(places["count"]), record.integer(places["stride"])
        own = scratch + rank * stride
        act = [View(X, stages[0].n), *(View(own + sum(ld[1 : s + 1]) * most, ld[s + 1]) for s in range(last))]
        gathered = View(own + sum(ld[1:]) * most, ld[0])  # only dense layers read rows that have no padding
        with shared(f, board, rank, Int(f, "0"), (count + (together - 1)) // together, ends_step=True) as c:
            done: Any = c * together
            stop = (c * together + together).minimum(count)
            for rows in (most // tile * tile, tile, 1):
                with f.loop(done, stop - (rows - 1), rows) as i:
                    act[0] = View(X, stages[0].n).rows(i)
                    if stages[0].padded_input:
                        with f.loop(0, rows) as r:
                            k.copy_row(m, True)(act[0].row(r), stages[0].n, gathered.row(r))
                        act[0] = gathered
                    p = Prediction(f, layout, w, act, Sparse(X, columns, starts), i, rows)
                    for stage in stages:
                        stage.write_predict(p)
                    with f.loop(0, rows) as r:
                        k.copy_row(m, False)(act[last].row(r), wide, out + (i + r) * wide)
                done = f.last

    return m.write(predict)


ROW_FIELDS = ["w", "X", "out", "count", "scratch"]
"""What Python hands over to `predict_rows`, by name."""


def write_predict_rows(m: Module, stages: Sequence[Stage], starts: Sequence[dict[str, int]], ld: Sequence[int]) -> str:
    """The same for few rows, with the model's own vector of parameters, which is not worth packing for them.

    `starts` says where each parameter lies in it.
    """
    last = len(stages)

    def predict_rows(f: Function, record: Pointer) -> None:
        fields: list[Any] = [
            record.integer(i) if name == "count" else record.pointer(i) for i, name in enumerate(ROW_FIELDS)
        ]
        w, X, out, count, scratch = fields
        with f.loop(0, count) as i:
            act = [View(X + i * stages[0].n, 0), *(View(scratch + sum(ld[1 : s + 1]), 0) for s in range(last))]
            if stages[0].padded_input:
                k.copy_row(m, True)(act[0].p, stages[0].n, scratch + sum(ld[1:]))
                act[0] = View(scratch + sum(ld[1:]), 0)
            for stage in stages:
                stage.write_predict_row(f, w, starts[stage.number], act)
            k.copy_row(m, False)(act[last].p, stages[-1].m, out + i * stages[-1].m)

    return m.write(predict_rows)
