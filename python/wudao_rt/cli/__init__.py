"""The command `wudao-rt`."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence

import click

from wudao_rt.cli.mistakes import told
from wudao_rt.cli.root import root
from wudao_rt.errors import CorruptionError, Error, InternalError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
OK, FAILED, USER_ERROR = 0, 1, 2


def main(arguments: Sequence[str] | None = None, command: click.Command = root, name: str = "wudao-rt") -> None:
    """Run a command line and exit: 0 done, 1 failed, 2 a mistake of the user, told in one line.

    Args:
        arguments: default those of the process.
        command: what to run; default all of `wudao-rt`.
        name: how it is called.
    """
    sys.exit(_run(arguments, command, name))


def program() -> None:
    """Be the command `wudao-rt`; from here on Ctrl-C and warnings are told in one line each."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.formatwarning = lambda message, *_: f"wudao-rt: warning: {message}\n"
    main()


def _run(arguments: Sequence[str] | None, command: click.Command, name: str) -> int:
    from wudao_rt.data.errors import DataError

    try:
        # The code of ctx.exit() comes back as a value here; commands themselves return nothing.
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt) as error:  # click makes one of the other
        return _told(name, str(error.__cause__ or error) or "interrupted", FAILED)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        return OK
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USER_ERROR
    except click.ClickException as error:
        return _told(name, told(error), USER_ERROR)
    except (CorruptionError, InternalError) as error:
        return _told(name, str(error), FAILED)
    except (Error, DataError) as error:
        return _told(name, str(error), USER_ERROR)
    except MemoryError:
        return _told(name, "memory: expected enough for this, got no more. Use a smaller model or batch.", USER_ERROR)
    except OSError as error:
        if error.filename is None and error.errno not in _NO_ROOM:
            _end_job(traceback.format_exc().rstrip(), FAILED)
            traceback.print_exc()
            return FAILED
        advice = "Check the path, its rights and the room there."
        where = error.filename or "disk"
        return _told(name, f"{where}: expected to read or write it, got '{error.strerror}'. {advice}", USER_ERROR)
    except Exception:
        _end_job(traceback.format_exc().rstrip(), FAILED)
        traceback.print_exc()
        return FAILED
    return code or OK


def _told(name: str, text: str, code: int) -> int:
    line = f"{name}: {' '.join(text.split())}"
    _end_job(line, code)
    print(line, file=sys.stderr)
    return code


def _end_job(line: str, code: int) -> None:
    """Where this is one of several ranks, tell the line with the rank in front and end them all."""
    start = sys.modules.get("wudao_rt.distributed.start")
    if start is not None:
        start.fail(line, code)
