"""The example of docs/media.md is one that `apply` takes, in both languages the same."""

from pathlib import Path

import pytest

from callctl import declaration
from callctl.declaration.check import Known

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["media.md", "media.zh.md"])
def test_its_example_can_be_applied(tmp_path, page):
    file = tmp_path / "media.yaml"
    file.write_text((DOCS / page).read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    found = declaration.read([file]).among(Known())
    said = {name: each.media.model_dump(exclude_none=True) for name, each in found.endpoints.items()}
    assert said["2001@example.net"] == {"relay": False}
    assert found.accounts["office"].media.model_dump(exclude_none=True) == {"transcoding": True, "order": "listed"}
    assert list(found.items["carrier"]) == ["north", "south"]
