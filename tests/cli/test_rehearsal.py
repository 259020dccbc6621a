"""A rehearsal on the embedded simulator, whose tenant ends with the command."""

from pathlib import Path

from tests.conftest import Run, as_object, rehearsal


def test_resume_says_at_once_that_what_the_tenant_had_accepted_is_gone_with_it(
    bulkps: Run, tmp_path: Path
) -> None:
    config = tmp_path / "c.yaml"
    # By the settings a request counts as gone after an hour; of a tenant that is gone that is known.
    config.write_text(
        "run: {preflight: false, follow: {first_wait: 0.05, max_wait: 0.05, gone_after: 3600}}\n",
        encoding="utf-8",
    )
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    began = as_object(bulkps("run", "restore", file, "--config", config, "--no-wait", "--json", "--quiet"))

    resumed = bulkps("resume", "last", "--config", config, "--json", "--quiet")

    assert began["counts"]["IN_PROGRESS"] == 2
    assert {row["code"] for row in as_object(resumed)["rows"]} == {"request-gone"}
    assert "The embedded simulator starts with a new tenant for every command" in resumed.stderr
    assert "bulkps simulate" in resumed.stderr
