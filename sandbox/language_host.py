# ruff: noqa: ARG002, N802 (the protocol names the methods)
"""Stand-in for pulumi-language-python: runs the project's program, or a plugin in Python, for the engine.

The program runs in the main thread of a process of its own, in the host's process group: the engine interrupts that
group when an update fails, and a program may handle the signal. With `--nodejs` it stands in for pulumi-language-nodejs
and the program is run by that language's own SDK.
"""

import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

BAIL = 32
"""Exit code of a program whose error the user has already been shown."""


def serve(engine_address: str, nodejs: bool) -> None:
    # Started before it is asked for: it imports the SDK while the engine prepares the rest.
    command = [sys.executable, "-u", __file__, "--program", engine_address]
    program = None if nodejs else subprocess.Popen(command, stdin=subprocess.PIPE)

    import node_program
    import protocol
    import python_plugin

    protocol.skip_sdk()
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

    class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
        def Handshake(self, request: Any, context: Any) -> language_pb2.LanguageHandshakeResponse:
            return language_pb2.LanguageHandshakeResponse()

        def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
            return plugin_pb2.PluginInfo()

        def About(self, request: Any, context: Any) -> language_pb2.AboutResponse:
            return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

        def GetRequiredPackages(self, request: Any, context: Any) -> language_pb2.GetRequiredPackagesResponse:
            packages = [
                plugin_pb2.PackageDependency(
                    name=plugin["name"],
                    kind="resource",
                    version=f"v{plugin['version']}",
                    server=plugin.get("server", ""),
                )
                for plugin in (installed_plugins() if program else ())
            ]
            return language_pb2.GetRequiredPackagesResponse(packages=packages)

        def RuntimeOptionsPrompts(self, request: Any, context: Any) -> language_pb2.RuntimeOptionsResponse:
            return language_pb2.RuntimeOptionsResponse()

        def InstallDependencies(self, request: Any, context: Any) -> Any:
            if request.is_plugin:
                output = python_plugin.install(Path(request.info.program_directory))
                yield language_pb2.InstallDependenciesResponse(stdout=output)
            # A program's virtual environment is filled by the sandbox.

        def RunPlugin(self, request: Any, context: Any) -> Any:
            plugin = python_plugin.start(Path(request.info.program_directory), request)
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

        def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
            if program:  # As the official host does: the engine waits for a hook that the program is in.
                program.send_signal(signal.SIGINT)
            return empty_pb2.Empty()

        def GeneratePackage(self, request: Any, context: Any) -> language_pb2.GeneratePackageResponse:
            node_program.generate_sdk(request.schema, request.directory)
            return language_pb2.GeneratePackageResponse()

        def Link(self, request: Any, context: Any) -> language_pb2.LinkResponse:
            return language_pb2.LinkResponse(import_instructions="add the SDK to the dependencies of package.json")

        def Run(self, request: language_pb2.RunRequest, context: Any) -> language_pb2.RunResponse:
            if program:
                program.communicate(request.SerializeToString())
                code = program.returncode
            else:
                code = node_program.run(request, engine_address)
            if code == BAIL:
                return language_pb2.RunResponse(bail=True)
            if code != 0:
                return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")
            return language_pb2.RunResponse()

    host = protocol.Plugin(threads=32)  # A plugin holds one for as long as it runs.
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(), host.server)
    host.serve(grace=10)
    if program and program.poll() is None:
        program.terminate()


def installed_plugins() -> list[dict[str, str]]:
    """What the provider packages beside the SDK say about their plugins."""
    import json
    import sysconfig

    files = Path(sysconfig.get_path("purelib")).glob("pulumi_*/pulumi-plugin.json")
    plugins = [json.loads(file.read_text()) for file in sorted(files)]
    return [plugin for plugin in plugins if plugin.get("resource")]


def run(engine_address: str) -> int:
    """The program's whole life; returns its exit code."""
    # Until the program runs, an interrupt must end this process without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import asyncio
    import logging
    import runpy
    import traceback

    import grpc
    import pulumi
    from pulumi.runtime.proto import language_pb2

    message = sys.stdin.buffer.read()
    if not message:
        return 0
    request = language_pb2.RunRequest.FromString(message)
    folder = os.path.normpath(Path(request.info.program_directory or request.pwd) / request.info.entry_point)
    os.chdir(request.pwd)
    sys.argv = [folder, *request.args]
    sys.path[0] = folder
    settings = pulumi.runtime.Settings(
        project=request.project,
        stack=request.stack,
        parallel=request.parallel,
        dry_run=request.dryRun,
        organization=request.organization,
        monitor=request.monitor_address,
        engine=engine_address,
    )
    pulumi.runtime.configure(settings)
    pulumi.runtime.set_all_config(dict(request.config), list(request.configSecretKeys))

    def program() -> None:
        runpy.run_path(folder, run_name="__main__")

    # A failed program leaves futures that nobody awaits.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return BAIL
    except grpc.RpcError as error:
        # The monitor is gone when the engine has ended the update, which it has told the user by then.
        if getattr(error, "code", lambda: None)() != grpc.StatusCode.UNAVAILABLE:
            pulumi.log.error(f"RPC error: {error}")
        return BAIL
    except Exception as error:
        frames = error.__traceback__
        while frames and not frames.tb_frame.f_code.co_filename.startswith(folder + os.sep):
            frames = frames.tb_next
        error.__traceback__ = frames or error.__traceback__
        pulumi.log.error("Program failed with an unhandled exception:\n" + "".join(traceback.format_exception(error)))
        return BAIL
    finally:
        loop.close()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--program"]:
        sys.exit(run(sys.argv[2]))
    serve(sys.argv[-1], nodejs="--nodejs" in sys.argv)
