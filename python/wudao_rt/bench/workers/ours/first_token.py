"""From a folder to the logits of the first token; as a program it counts the files and bytes that this takes.

    python first_token.py FOLDER IDS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def first_logits(folder: str, ids: Any) -> Any:
    """Load a model and read a prompt."""
    import numpy as np
    import wudao_rt
    from wudao_rt import _core

    model = wudao_rt.load(folder)
    tokens, positions = np.asarray(ids, np.int32), np.arange(len(ids), dtype=np.int32)
    feed = (_core.KvCache(model.core), tokens, positions, np.zeros_like(positions), False)
    return _core.Decoder(model.core).run([feed], "last")


def count(folder: str, ids: list[int]) -> dict[str, float]:
    """Return files opened by Python or mapped (libraries, weights) and megabytes read, since the process began."""
    opened: set[str] = set()
    sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
    first_logits(folder, ids)
    lines = (line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines())
    mapped = {parts[5] for parts in lines if len(parts) > 5 and parts[5].startswith("/")}
    files = {name for name in opened | mapped if name.startswith("/") and not name.startswith("/proc")}
    read = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["rchar"]
    return {"files_opened": len(files), "megabytes_read": int(read) / 1e6}


if __name__ == "__main__":
    print(json.dumps(count(sys.argv[1], json.loads(sys.argv[2]))))
