"""The files that are shipped beside the code: config, templates, scripts."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def shipped(folder: str) -> Traversable:
    """Return a shipped folder: ``config``, ``templates`` or ``scripts``.

    Installed it lies inside the package; in a checkout it stands beside it, so that nothing exists twice.
    """
    installed = files("bulkps").joinpath("shipped", folder)
    return installed if installed.is_dir() else Path(str(files("bulkps"))).parent / folder
