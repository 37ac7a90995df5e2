"""`wudao-rt train`, whose rank 1 dies while it writes its part of the second checkpoint."""

from __future__ import annotations

import os
import signal

from wudao_rt import distributed
from wudao_rt.cli import program
from wudao_rt.training.checkpoint import write

written = 0
save_file = write.save_file


def die(arrays, path):
    global written
    written += 1
    if distributed.init().rank == 1 and written > 2:
        path.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    save_file(arrays, path)


write.save_file = die
program()
