"""``bulkps results``."""

import tempfile
from pathlib import Path

from bulkps.atomic_file import Output
from bulkps.cli import console
from bulkps.runs import RunService


def execute(
    run: str, only: tuple[str, ...] | None, kind: str | None, output: Path | None, force: bool
) -> None:
    """Write the results of RUN: the columns of the input, then the result of each row."""
    if output:
        Output(output, force).check()
    as_json = (kind or (output.suffix[1:].lower() if output else "")) == "json"
    with RunService() as service:
        details = service.details(service.run(run))
        if output:
            count = details.write_results(Output(output, force), only or (), as_json=as_json)
            console.say(f"wrote {count} row{'s' * (count != 1)} to {output}")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results"
            details.write_results(Output(path), only or (), as_json=as_json)
            console.pour(path)
