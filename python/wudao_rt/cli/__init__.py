"""The command `wudao-rt`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

from wudao_rt.cli.root import root
from wudao_rt.errors import Error, InternalError

OK, FAILED, USER_ERROR = 0, 1, 2


def main(arguments: Sequence[str] | None = None, command: click.Command = root, name: str = "wudao-rt") -> None:
    """Run a command line and exit: 0 done, 1 failed, 2 a mistake of the user, told in one line.

    Args:
        arguments: default those of the process.
        command: what to run; default all of `wudao-rt`.
        name: how it is called.
    """
    sys.exit(_run(arguments, command, name))


def _run(arguments: Sequence[str] | None, command: click.Command, name: str) -> int:
    from wudao_rt.data.errors import DataError

    try:
        # The code of ctx.exit() comes back as a value here; commands themselves return nothing.
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return _told(name, "interrupted", FAILED)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        return OK
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USER_ERROR
    except click.ClickException as error:
        return _told(name, error.format_message(), USER_ERROR)
    except InternalError as error:
        return _told(name, str(error), FAILED)
    except (Error, DataError) as error:
        return _told(name, str(error), USER_ERROR)
    except OSError as error:
        if error.filename is None:
            traceback.print_exc()
            return FAILED
        advice = "Check the path, its rights and the room there."
        return _told(name, f"{error.filename}: {error.strerror}. {advice}", USER_ERROR)
    except Exception:
        traceback.print_exc()
        return FAILED
    return code or OK


def _told(name: str, text: str, code: int) -> int:
    print(f"{name}: {' '.join(text.split())}", file=sys.stderr)
    return code
