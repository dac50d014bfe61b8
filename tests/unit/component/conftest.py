"""What the tests of the component share: the package, built and installed once."""

from pathlib import Path

import pytest

from ...package import install


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in `dist`, and what was installed of it in `site-packages`."""
    folder = tmp_path_factory.mktemp("package")
    install(folder)
    return folder


@pytest.fixture(scope="session")
def site_packages(built: Path) -> Path:
    """What an environment holds into which nothing but the wheel was installed."""
    return built / "site-packages"
