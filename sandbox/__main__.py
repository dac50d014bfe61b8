"""The sandbox's commands: `python3 -m sandbox <command>`, what the Makefile calls."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from sandbox import build, checks, cluster, engine, environment, host, release
from sandbox.environment import CONTEXT, STACK, SandboxError, in_sandbox

COMMANDS = {
    "up": "set everything up and deploy the stack",
    "cluster": "set everything up and start the cluster, without deploying",
    "venv": "set up the virtual environment only",
    "preview": "show what an update of the stack would change",
    "recover": "finish the stack's update after its engine was killed",
    "down": "stop the sandbox and delete what it made; caches stay",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m sandbox", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, help="; ".join(f"{key}: {text}" for key, text in COMMANDS.items()))
    own = f"the sandbox's are {STACK} and those whose file names context {CONTEXT} (default: %(default)s)"
    parser.add_argument("--stack", default=STACK, help=own)
    arguments = parser.parse_args()
    try:
        if not in_sandbox(arguments.stack):
            _outside(arguments.command, arguments.stack)
        elif arguments.command == "venv":
            with environment.exclusive():
                build.virtual_environment()
        else:
            _sandbox(arguments.command, arguments.stack)
    except SandboxError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted: the same command continues", file=sys.stderr)
        sys.exit(130)


def _outside(command: str, stack: str) -> None:
    if command not in ("up", "preview", "recover"):
        raise SandboxError(f"`make {command}` is for the sandbox only: leave out STACK={stack}")
    environment.check_file(stack)
    release.check_official(stack)
    with environment.exclusive():
        build.virtual_environment()
    _run(command, stack)


def _run(command: str, stack: str) -> None:
    if in_sandbox(stack):
        release.select(stack)
    if command == "up":
        release.update(stack)
    elif command == "recover":
        release.recover(stack)
    else:
        release.pulumi(stack, "preview", "--diff")


def _sandbox(command: str, stack: str) -> None:
    if command == "preview":
        release.check_running()
        _run(command, stack)
        return
    with environment.exclusive():
        if command == "down":
            _down()
        elif command == "recover":
            release.check_running()
            _run(command, stack)
        else:
            checks.check_machine()
            began, cold = time.monotonic(), build.caches_are_empty()
            cluster.start(_prepare())
            environment.write_environment_file()
            if command == "up":
                _run(command, stack)
                release.show(stack)
                node_port = release.node_port(stack)
                if node_port and cold:
                    release.record_first_answer(node_port, began)
                if stack == STACK:
                    print(release.next_commands(node_port))


def _prepare() -> Path:
    """Makes every part, side by side; returns the archive of the sample images."""
    programs = ["kubernetes", "app", *engine.programs()]
    with ThreadPoolExecutor() as pool:
        parts: list[Future[None]] = [
            pool.submit(build.install_missing),
            pool.submit(build.virtual_environment),
            pool.submit(build.build_programs, programs),
        ]
        try:
            ended, _ = wait(parts, return_when=FIRST_EXCEPTION)
        finally:
            build.stop_steps()
    problems = [problem for part in ended if (problem := part.exception())]
    if problems and all(isinstance(problem, SandboxError) for problem in problems):
        raise SandboxError("\n".join(str(problem) for problem in problems))
    for problem in problems:
        raise problem
    build.link_kubernetes()
    engine.prepare()
    return build.images_archive()


def _down() -> None:
    if host.in_use():
        cluster.stop()
    release.forget()
    print("the sandbox is down; caches and .venv stay", flush=True)


if __name__ == "__main__":
    main()
