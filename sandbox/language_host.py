# ruff: noqa: ARG001, ARG002, N802 (the protocol names the methods)
"""Stand-in for Pulumi's language hosts for Python and Node.js: it starts programs and plugins for the engine.

Its first argument is what runs the programs: the official host's own script for Python, or `nodejs` for Node.js' SDK.
"""

import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import grpc

BAIL = 32
"""Exit code of a program whose error the user has already been shown."""
SECONDS_AFTER_CANCEL = 5
"""What the official hosts give a program between the interrupt and its end."""
PACKAGES = "venv"
"""Where a plugin's package is installed: the folder that the official host makes its virtual environment in."""


def skip_sdk() -> None:
    """Lets `pulumi.runtime.proto` be imported alone: all of `pulumi` would cost each host 0.3 s."""
    spec = importlib.util.find_spec("pulumi")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for name, inner in (("pulumi", ""), ("pulumi.runtime", "runtime")):
        module = ModuleType(name)
        module.__path__ = [str(Path(folder, inner)) for folder in folders]
        sys.modules[name] = module


skip_sdk()
from google.protobuf import empty_pb2  # noqa: E402
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    def __init__(self, script: str, engine_address: str) -> None:
        self.script, self.engine_address = script, engine_address
        self.nodejs = script == "nodejs"
        self.program: subprocess.Popen[bytes] | None = None

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: Any) -> language_pb2.GetRequiredPackagesResponse:
        """What the provider packages beside the SDK say about their plugins."""
        if self.nodejs:
            return language_pb2.GetRequiredPackagesResponse()
        files = Path(sysconfig.get_path("purelib")).glob("pulumi_*/pulumi-plugin.json")
        packages = [
            plugin_pb2.PackageDependency(
                name=plugin["name"],
                kind="resource",
                version=f"v{plugin['version']}",
                server=plugin.get("server", ""),
            )
            for plugin in (json.loads(file.read_text()) for file in sorted(files))
            if plugin.get("resource")
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def Run(self, request: language_pb2.RunRequest, context: Any) -> language_pb2.RunResponse:
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            **({"PULUMI_NODEJS_TYPESCRIPT": "true"} if self.nodejs else {}),
        }
        self.program = subprocess.Popen(self._command(request), env=environment, stdin=subprocess.DEVNULL)
        context.add_callback(self._cancel)  # An engine that is gone can not ask for it.
        code = self.program.wait()
        if code == BAIL:
            return language_pb2.RunResponse(bail=True)
        error = f"{'Program' if self.nodejs else 'program'} exited with non-zero exit code: {max(code, -1)}"
        return language_pb2.RunResponse(error=error if code else "")

    def _command(self, request: language_pb2.RunRequest) -> list[str]:
        info = request.info
        options = {
            "monitor": request.monitor_address,
            "engine": self.engine_address,
            "project": request.project,
            "stack": request.stack,
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        if self.nodejs:
            command = ["node", f"{info.program_directory}/node_modules/@pulumi/pulumi/cmd/run"]
            command += ["--dry-run"] if request.dryRun else []
            options |= {"root-directory": info.root_directory, "pwd": info.program_directory}
        else:
            command, dry_run = [sys.executable, self.script], str(request.dryRun).lower()
            options |= {"root_directory": info.root_directory, "pwd": request.pwd, "dry_run": dry_run}
        command += [word for name, value in options.items() if value for word in (f"--{name}", value)]
        return [*command, info.entry_point, *request.args]

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        self._cancel()
        return empty_pb2.Empty()

    def _cancel(self) -> None:
        if self.program and self.program.poll() is None:
            self.program.send_signal(signal.SIGINT)
            end = threading.Timer(SECONDS_AFTER_CANCEL, self.program.kill)
            end.daemon = True
            end.start()

    def InstallDependencies(self, request: Any, context: Any) -> Any:
        """Installs a plugin's package. A program's virtual environment is filled by the sandbox."""
        if request.is_plugin:
            folder = Path(request.info.program_directory)
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
            # Not isolated, so that nothing is downloaded: pulumi and setuptools are in the virtual environment.
            command = [*pip, "--no-build-isolation", "--upgrade", "--target", str(folder / PACKAGES), str(folder)]
            yield language_pb2.InstallDependenciesResponse(stdout=_output(command).encode())

    def RunPlugin(self, request: Any, context: Any) -> Any:
        """Runs a plugin's folder, beside the package that was installed of it."""
        folder = request.info.program_directory
        packages = Path(folder, PACKAGES)
        own = dict(entry.split("=", 1) for entry in request.env)
        plugin = subprocess.Popen(
            [sys.executable, folder, *request.args],
            cwd=request.pwd,
            env={**os.environ, **own, "PYTHONPATH": str(packages)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(plugin.kill)  # The engine ends a plugin by ending this call.
        with selectors.DefaultSelector() as pipes:
            for name in ("stdout", "stderr"):
                pipes.register(getattr(plugin, name), selectors.EVENT_READ, name)
            while pipes.get_map():
                for key, _ in pipes.select():
                    if output := os.read(key.fd, 1 << 16):
                        stream: dict[str, Any] = {key.data: output}
                        yield language_pb2.RunPluginResponse(**stream)
                    else:
                        pipes.unregister(key.fileobj)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())

    def GeneratePackage(self, request: Any, context: Any) -> language_pb2.GeneratePackageResponse:
        """Writes a package's SDK for TypeScript, by the engine's own generator."""
        _output(["pulumi-nodejs-sdk", request.directory], request.schema)
        return language_pb2.GeneratePackageResponse()

    def Link(self, request: Any, context: Any) -> language_pb2.LinkResponse:
        return language_pb2.LinkResponse(import_instructions="add the SDK to the dependencies of package.json")


def _output(command: Sequence[str], text: str = "") -> str:
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{done.stdout}")
    return done.stdout


def serve(script: str, engine_address: str) -> None:
    """Serves the engine that started this process, until that ends or says so."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    # An interrupt during a call must not raise KeyboardInterrupt in it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    sizes = [(f"grpc.max_{way}_message_length", 400 << 20) for way in ("receive", "send")]
    # A plugin holds a thread for as long as it runs.
    server: Any = grpc.server(futures.ThreadPoolExecutor(32), options=sizes)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(script, engine_address), server)
    engine, port = os.getppid(), server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # A killed engine says nothing.
    while not stopping.wait(1) and os.getppid() == engine:
        pass
    server.stop(grace=10).wait()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[-1])
