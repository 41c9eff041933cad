"""The Tableau extract: the live tables in one .hyper file, or as Parquet files where Hyper cannot run.

Rows are loaded by Hyper's COPY from Parquet (about 15 times the speed of its row inserter when tried). The file is
written beside its target and moved onto it in one step, so that a workbook never opens half of it.
"""

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import grpc

from analytics.columns import Kind
from analytics.extract import TableData, collect, write_parquet
from analytics.failures import ExportFailed

_OWNERS = 0o600
"""What each listener did stands in an extract: whoever writes it gives it on."""


class Format(StrEnum):
    """What an export is written as."""

    HYPER = "hyper"
    PARQUET = "parquet"


class HyperMissing(ExportFailed):
    """tableauhyperapi is not installed on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was written: the file (or, for Parquet, the folder) and the rows of each table."""

    path: Path
    format: Format
    rows: dict[str, int]


def export(channel: grpc.Channel, path: Path, *, now: datetime, form: Format = Format.HYPER) -> Export:
    """Write the live tables, data_dictionary and export_metadata to `path`, replacing what is there.

    A .hyper file holds the tables by name with assumed primary keys; Parquet is a folder with a file per table.
    Raises QueryFailed where the server does not answer, HyperMissing, and ExportFailed where the export cannot be
    written; then what stood at `path` still stands.
    """
    if form is Format.HYPER:
        if path.suffix != ".hyper":
            raise ExportFailed(f"{path}: Tableau opens an extract only where its name ends in .hyper")
        _hyper_api()
    extract = collect(channel, now=now)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".segue-export-") as folder:
            for data in extract:
                write_parquet(data, _parquet(Path(folder), data))
            if form is Format.HYPER:
                _place_hyper(extract, Path(folder), path)
            else:
                _place_parquet(extract, Path(folder), path)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror or error}") from error
    return Export(path=path, format=form, rows={data.table.name: len(data.frame) for data in extract})


def files(written: Export) -> list[Path]:
    """The files of an extract that was written."""
    if written.format is Format.HYPER:
        return [written.path]
    return [written.path / f"{table}.parquet" for table in written.rows]


def _hyper_api() -> Any:
    try:
        import tableauhyperapi  # noqa: PLC0415 - optional: there is no wheel for Linux on ARM, and it loads a large library
    except ImportError as error:
        raise HyperMissing(
            "tableauhyperapi is not installed: it comes with the extra tableau (`pip install 'segue[tableau]'`; there "
            "is no wheel for Linux on ARM). Or use --format parquet."
        ) from error
    return tableauhyperapi


def _parquet(folder: Path, data: TableData) -> Path:
    return folder / f"{data.table.name}.parquet"


def _place_parquet(extract: list[TableData], folder: Path, path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    # export_metadata is last, so a reader who sees its new time sees the new tables.
    for data in extract:
        _parquet(folder, data).chmod(_OWNERS)
        _parquet(folder, data).replace(_parquet(path, data))


def _place_hyper(extract: list[TableData], folder: Path, path: Path) -> None:
    api = _hyper_api()
    draft = folder / "draft.hyper"
    try:
        with (
            api.HyperProcess(
                telemetry=api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU,
                user_agent="segue",
                parameters={"log_dir": str(folder)},
            ) as process,
            api.Connection(process.endpoint, draft, api.CreateMode.CREATE) as connection,
        ):
            for data in extract:
                _load(api, connection, data, _parquet(folder, data))
    except api.HyperException as error:
        raise ExportFailed(f"Hyper could not write the extract: {error}") from error
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.chmod(_OWNERS)
    draft.replace(path)


def _load(api: Any, connection: Any, data: TableData, parquet: Path) -> None:
    types = {
        Kind.TEXT: api.SqlType.text(),
        Kind.INTEGER: api.SqlType.big_int(),
        Kind.REAL: api.SqlType.double(),
        Kind.TIME: api.SqlType.timestamp(),
    }
    columns = [
        api.TableDefinition.Column(
            column.name, types[column.kind], api.NULLABLE if column.nullable else api.NOT_NULLABLE
        )
        for column in data.table.columns
    ]
    definition = api.TableDefinition(api.TableName(data.table.name), columns)
    connection.catalog.create_table(definition)
    table = definition.table_name
    connection.execute_command(f"COPY {table} FROM {api.escape_string_literal(str(parquet))} WITH (FORMAT parquet)")
    key = ", ".join(api.escape_name(name) for name in data.table.key)
    connection.execute_command(f"ALTER TABLE {table} ADD ASSUMED PRIMARY KEY ({key})")
