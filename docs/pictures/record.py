"""Records the watch on a terminal of a promotion: `.venv/bin/python -m docs.pictures.record`, after `make up`.

It draws watch.svg: one screen for each state that was seen. The stack file stays; `make up` runs it again.
"""

import io
import os
import pty
import re
import subprocess
from collections.abc import Sequence
from functools import partial
from itertools import groupby

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI as THEME
from rich.text import Text

from canary_release.text.spelling import camel
from sandbox.environment import NODE_PORT, PROJECT, STACK, sandbox_environment, stack_file

from .draw import FOLDER, STEPS

ANEW = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)+|\x1b\[\?25[lh]")
"""Between two screens."""
STATE = re.compile(r"^(?:stable|canary) +\S+(?: +\d+){4} |^(?:configured|Service).*\S", re.MULTILINE)
"""What of a screen changes with the release, and not with every second."""
SETTLED = re.compile(r"^stable +\S+ +\d{3,} .*^as configured", re.MULTILINE | re.DOTALL)
"""A screen with enough answers of stable."""


def drawn(screens: Sequence[Text]) -> str:
    """The screens on one sheet that moves on. Where nothing moves, the last one is seen."""
    lines = max(len(screen.split("\n")) for screen in screens) + 1
    console = Console(record=True, width=80, file=io.StringIO())
    for screen in screens:
        console.print(Text("\n").join((screen + Text("\n" * lines)).split("\n")[:lines]))
    height, tops = 24.4 * lines, [f"0 {-24.4 * lines * number:g}" for number in range(len(screens))]
    sheet = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 0 1000 {height:g}" width="720" role="img">
<title>The watch while a canary is widened and promoted: a screen for each state</title><style>{{styles}}</style>
<rect x="-12" width="1000" height="{height:g}" fill="{THEME.background_color.hex}"/>
<g font-family="monospace" font-size="20" transform="translate({tops[-1]})">
<animateTransform attributeName="transform" type="translate" calcMode="discrete" repeatCount="indefinite"
 dur="{2 * len(screens)}s" values="{";".join(tops)}"/>
{{matrix}}</g></svg>
"""
    svg = console.export_svg(theme=THEME, unique_id="watch", code_format=sheet)
    return re.sub(r'<text[^>]*>\n</text>| clip-path="[^"]*"', "", svg)


def states(written: bytes) -> list[Text]:
    """What stood on the terminal: an empty screen, then the last whole one of each state of the release."""
    text = written.decode(errors="ignore").replace("\r\n", "\n")
    screens = ["", *(each for each in ANEW.split(text)[:-1] if each.strip())]
    return [list(same)[-1] for _, same in groupby(map(Text.from_ansi, screens), lambda each: STATE.findall(each.plain))]


def record() -> bytes:
    """All that the watch writes on a terminal while the canary is widened and promoted."""
    terminal, inside = pty.openpty()
    environment = {**sandbox_environment(), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40"}
    run = partial(subprocess.Popen[bytes], cwd=PROJECT, env=environment)
    watching = ["python", "-m", "tools.watch", "--rate", "50", "--url", f"http://127.0.0.1:{NODE_PORT}"]
    watch, written = run(watching, stdin=inside, stdout=inside, stderr=inside), b""
    as_it_was = stack_file(STACK).read_text()
    try:
        for step in ({}, *STEPS[1:]):
            given = [word for key, value in step.items() for word in ("--plaintext", f"{camel(key)}={value}")]
            run(["pulumi", "config", "set-all", *given]).wait()
            update, begin = run(["pulumi", "up", "--yes", "--skip-preview"]), len(written)
            while update.poll() is None or not SETTLED.search(states(written[begin:])[-1].plain):
                written += os.read(terminal, 1 << 16)
    finally:
        watch.kill()
        stack_file(STACK).write_text(as_it_was)
    return written


if __name__ == "__main__":
    (FOLDER / "watch.svg").write_text(drawn(states(record())[1:]))
