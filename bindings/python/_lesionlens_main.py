"""Entry of the `lesionlens` command. Outside the package, so that a package that cannot be imported, for want of
libtorch, is a message and no traceback."""

from __future__ import annotations

import sys
import warnings


def main() -> int:
    try:
        with warnings.catch_warnings():
            # Of a torch that cannot be imported as well, which the command does not do.
            warnings.simplefilter("ignore", RuntimeWarning)
            from lesionlens.command import main as run
    except ImportError as error:
        print(f"lesionlens: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lesionlens: cancelled", file=sys.stderr)
        return 130
    return run()
