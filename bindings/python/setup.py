"""The rest of pyproject.toml: a wheel with a library belongs to a platform, but to no one Python."""

from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel

LIBRARY = Path(__file__).resolve().parent / "lesionlens" / "liblesionlens.so"


class LibraryDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return LIBRARY.exists()


class PlatformWheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(distclass=LibraryDistribution, cmdclass={"bdist_wheel": PlatformWheel})
