"""The files that are shipped beside the code: config, templates, scripts."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def shipped(folder: str) -> Traversable:
    """Return a shipped folder: ``config``, ``templates`` or ``scripts``.

    Installed, it is inside the package. In a checkout it is beside the package, so nothing exists twice.
    """
    installed = files("bulkps").joinpath("shipped", folder)
    return installed if installed.is_dir() else Path(str(files("bulkps"))).parent / folder
