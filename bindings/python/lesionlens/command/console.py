"""Standard error: messages, and a line that is drawn anew."""

from __future__ import annotations

import os
import sys
import threading


class Console:
    """Messages may come from any thread, while a line is drawn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn = 0

    def message(self, text: str) -> None:
        with self._lock:
            blank = f"\r{'':{self._drawn}}\r" if self._drawn else ""
            self._drawn = 0
            self._write(f"{blank}lesionlens: {text}\n")

    def draw_line(self, text: str) -> None:
        with self._lock:
            # Blanks instead of an escape sequence: they work on every terminal.
            self._write(f"\r{text:<{self._drawn}}")
            self._drawn = len(text)

    def end_line(self) -> None:
        with self._lock:
            if self._drawn:
                self._write("\n")
            self._drawn = 0

    def is_terminal(self) -> bool:
        return sys.stderr is not None and sys.stderr.isatty()

    def columns(self) -> int:
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns or 80
        except OSError:
            return 80

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


console = Console()
