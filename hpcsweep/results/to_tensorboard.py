"""Runs as TensorBoard's event files: scalars by epoch, and the parameters for its HParams page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpcsweep.results.loading import ResultsSource
from hpcsweep.results.outward import OutwardRun, finished_runs, needed, replaced_folder
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.select import results_of
from hpcsweep.store.opening import StoreSource
from hpcsweep.sweep.runs import SHORT_ID_LENGTH


def export_tensorboard(
    source: ResultsSource, folder: str | Path, *, where: str | None = None, store: StoreSource = None
) -> int:
    """Write the finished runs of a sweep, a store or results for `tensorboard --logdir FOLDER`; return how many.

    Metrics are scalars by epoch, in TensorBoard's 32 bits; parameters, the seed, state, notes and tags are hyper-
    parameters. An earlier export in `folder` is replaced. UsageError if something else is there,
    MissingPackageError without TensorBoard.
    """
    with needed("tensorboard"):
        from tensorboard.summary.writer.record_writer import RecordWriter
    runs = list(finished_runs(results_of(source, where=where, store=store)))
    with replaced_folder(Path(folder)) as new:
        for run in runs:
            place = new / _folder_name(run)
            place.mkdir()
            with open(place / f"events.out.tfevents.{int(run.started_s or 0):010d}.hpcsweep", "wb") as file:
                writer = RecordWriter(file)
                for event in _events(run):
                    writer.write(event.SerializeToString())
                writer.flush()
    return len(runs)


def _folder_name(run: OutwardRun) -> str:
    """Return the name of a run without what a file system or TensorBoard takes for something else."""
    return f"{re.sub(r'[^-=.,+ A-Za-z0-9_]', '_', run.name)[:150]} {run.id[:SHORT_ID_LENGTH]}"


def _events(run: OutwardRun) -> Iterator[Any]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    begin, end = run.started_s or 0.0, run.ended_s or run.started_s or 0.0
    yield Event(wall_time=begin, file_version="brain.Event:2")
    yield Event(wall_time=begin, summary=_start(run, begin))
    steps = [(epoch, name, value) for name, points in run.history.items() for epoch, value in points]
    last = max((epoch for epoch, _, _ in steps), default=0)
    steps += [(last, name, value) for name, value in run.final.items() if name not in run.history]
    for epoch, name, value in sorted(steps, key=lambda step: step[0]):
        scalar = Summary(value=[Summary.Value(tag=name, simple_value=value)])
        yield Event(wall_time=begin + (end - begin) * epoch / max(last, 1), step=epoch, summary=scalar)
    yield Event(wall_time=end, summary=_end(run, end))


def _start(run: OutwardRun, begin: float) -> Any:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    values = {
        name: value if isinstance(value, bool | int | float) else key_text(value) for name, value in run.params.items()
    }
    return hparams_pb({**values, **run.words}, trial_id=run.id, start_time_secs=begin)


def _end(run: OutwardRun, end: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_FAILURE if run.has_failed else api_pb2.STATUS_SUCCESS
    ended = plugin_data_pb2.HParamsPluginData(
        session_end_info=plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=end)
    )
    about = metadata.create_summary_metadata(ended)
    value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])
