"""The SDK's gRPC messages without the SDK: importing all of `pulumi` would cost each plugin 0.3 s of every preview."""

import importlib.util
import os
import signal
import sys
import threading
from concurrent import futures
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc

MESSAGE_BYTES = 400 << 20


def skip_sdk() -> None:
    """Lets `pulumi.runtime.proto` be imported alone; for processes that never use the rest of the SDK."""
    spec = importlib.util.find_spec("pulumi")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for name, inner in (("pulumi", ""), ("pulumi.runtime", "runtime")):
        module = ModuleType(name)
        module.__spec__ = spec
        module.__path__ = [str(Path(folder, inner)) for folder in folders]
        sys.modules[name] = module


class Plugin:
    """Serves the engine that started this process, and ends quietly when told to or when the engine is gone."""

    def __init__(self, threads: int) -> None:
        self.stopping = threading.Event()
        # An interrupt during a gRPC call must not raise KeyboardInterrupt in it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
        self.server: Any = grpc.server(futures.ThreadPoolExecutor(threads), options=options)

    def _stop(self, *_: Any) -> None:
        self.stopping.set()

    def serve(self, grace: float) -> None:
        """Returns after the last call has ended, at most `grace` seconds after the end was asked for."""
        engine = os.getppid()
        port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        print(port, flush=True)
        # A killed engine says nothing to its plugins.
        while not self.stopping.wait(1) and os.getppid() == engine:
            pass
        self.stopping.set()
        self.server.stop(grace).wait()
