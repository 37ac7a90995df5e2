"""One rank of a worker of several: python rank.py ENGINE BENCH SOCKET VARIABLE.

group.py or a launcher of its starts it; VARIABLE of the environment has its number.
"""

from __future__ import annotations

import json
import os
import socket
import sys

import serve


def main() -> None:
    """Say who this is, then answer like any worker."""
    serve.end_with_parent()
    serve.take_output()
    engine, bench, address, number = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall((json.dumps({"rank": int(os.environ[number]), "group": os.getpgid(0)}) + "\n").encode())
        with connection.makefile("r", encoding="utf-8") as commands, connection.makefile("w", encoding="utf-8") as said:
            serve.answer_all(serve.Worker(engine, bench), commands, said)


if __name__ == "__main__":
    main()
