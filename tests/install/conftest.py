"""The clean Debian that each root begins as."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.debian import bootstrap, remove


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Bootstrapped once: what is installed goes into copies of it."""
    folder = tmp_path_factory.mktemp("debian") / "clean"
    bootstrap(folder)
    yield folder
    remove(folder)
