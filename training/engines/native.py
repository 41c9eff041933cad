"""irspack's compiled ALS solver, without the rest of irspack.

Importing the package brings optuna, scikit-learn and more, several seconds for a training that takes one; the compiled
module stands alone, so it is loaded from its file.
"""

from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_NAME = "irspack.recommenders._ials_core"


@cache
def ials() -> Any:
    """The module `irspack.recommenders._ials_core`. Raises ImportError where the package is not installed."""
    package = find_spec("irspack")
    if package is None or package.origin is None:
        raise ImportError("irspack is not installed: run `uv sync`")
    folder = Path(package.origin).parent / "recommenders"
    for suffix in EXTENSION_SUFFIXES:
        file = folder / f"_ials_core{suffix}"
        if file.exists():
            spec = spec_from_file_location(_NAME, file)
            if spec is not None and spec.loader is not None:
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise ImportError(f"no compiled _ials_core in {folder}")
