"""Compiled plans of the live jobs, kept in the cache folder: planning is most of a submission.

A plan says what is done with the rows of the tables that it names; where those stand (addresses, folders) say the
definitions that are run before it, so one plan serves every home on the machine. It is made by the first submission of
some SQL with some settings, and read by every later one: both go through the same plan, so a restart finds the
operators that its checkpoint was taken from. The gateway writes and reads the folder, whoever submits looks into it:
both must see it under the same path.
See Flink's documentation, Table API & SQL, SQL reference, statements COMPILE PLAN and EXECUTE PLAN.
"""

import hashlib
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from streaming import render
from streaming.spec import JobSpec

_OPTIONS = {
    "table.plan.compile.catalog-objects": "IDENTIFIER",
    "table.plan.restore.catalog-objects": "IDENTIFIER",
    # Operators keep the names that Flink derives from where they stand in the graph. The plan's own numbers would let
    # state of one table pass for another's after an upgrade that adds a table before it.
    "table.exec.uid.generation": "DISABLED",
}
_KEPT = 20


def file(folder: Path, spec: JobSpec) -> Path:
    """Where in `folder` the plan of a live job is, or will be: named after all it depends on, Flink's version too."""
    anywhere = spec.anywhere()
    what = "\n".join(render.script(render.job_settings(anywhere, checkpoints=""), *_statements(anywhere)))
    name = hashlib.sha256(f"{version('apache-flink')}\n{what}".encode()).hexdigest()[:16]
    return folder / f"{name}.json"


def to_execute(spec: JobSpec, options: Mapping[str, str], plan: Path) -> list[str]:
    """The statements of a live job from this plan. Views are in the plan, tables only by name."""
    definitions, _ = _statements(spec)
    tables = [definition for definition in definitions if definition.startswith("CREATE TABLE")]
    return render.script({**options, **_OPTIONS}, [*tables, f"EXECUTE PLAN {_quoted(plan)}"], [])


def to_compile(spec: JobSpec, options: Mapping[str, str], plan: Path) -> list[str]:
    """The statements of a live job planned anew; its plan is left in the file at `plan`."""
    begin = f"COMPILE AND EXECUTE PLAN {_quoted(plan)} FOR STATEMENT SET"
    return render.script({**options, **_OPTIONS}, *_statements(spec), begin=begin)


def _statements(spec: JobSpec) -> tuple[list[str], list[str]]:
    return render.job_statements(spec, spec.job.tables)


def unfinished(plan: Path) -> Path:
    """Where this process may let a plan be written that is to stand at `plan` once it is whole."""
    plan.parent.mkdir(parents=True, exist_ok=True)
    return plan.with_suffix(f".{os.getpid()}.tmp")


def keep(written: Path, plan: Path) -> None:
    """Put a whole plan in its place, and forget all but the newest twenty."""
    written.replace(plan)
    for old in sorted(plan.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)


def _quoted(file: Path) -> str:
    return f"'{render.quoted_text(str(file))}'"
