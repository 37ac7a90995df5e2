"""The command `wudao-rt`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click

from wudao_rt.cli.root import root
from wudao_rt.errors import Error, InternalError

OK, FAILED, USER_ERROR = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 a mistake of the user, told in one line."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    from wudao_rt.data.errors import DataError

    try:
        root.main(arguments, prog_name="wudao-rt", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _told("interrupted", FAILED)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        return OK
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return USER_ERROR
    except click.ClickException as error:
        return _told(error.format_message(), USER_ERROR)
    except InternalError as error:
        return _told(str(error), FAILED)
    except (Error, DataError) as error:
        return _told(str(error), USER_ERROR)
    except OSError as error:
        if error.filename is None:
            traceback.print_exc()
            return FAILED
        return _told(f"{error.filename}: {error.strerror}. Check the path, its rights and the room there.", USER_ERROR)
    except Exception:
        traceback.print_exc()
        return FAILED
    return OK


def _told(text: str, code: int) -> int:
    print(f"wudao-rt: {' '.join(text.split())}", file=sys.stderr)
    return code
