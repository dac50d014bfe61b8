# ruff: noqa: ARG002, E402, N802 (the protocol names the methods; gRPC reads the environment when imported)
"""Stand-in for pulumi-resource-kubernetes: the release's objects in the sandbox, and in no other cluster.

Preview by server-side dry run, or from the inputs alone where that is forbidden; plain create, update by server-side
apply, refresh, import, delete; waits for Deployments. A kind's plural must be the kind in lower case with an s.
"""

import logging
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, NoReturn, cast

os.environ["GRPC_VERBOSITY"] = "NONE"
logging.disable()

import protocol

protocol.skip_sdk()

import difference
import grpc
import rollout
from api import CLUSTER_WIDE, Api, ConflictError, ForbiddenError, Manifest, RefusedError, UnreachableError
from google.protobuf import any_pb2, empty_pb2
from messages import has_unknown, imported, outputs, plain, struct, without_allocated
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

VERSION = "4.34.2"
ADOPT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
DELETE_SECONDS = 600


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, engine_address: str, cancelled: Event) -> None:
        self._engine_address = engine_address
        self._cancelled = cancelled
        self._engine: Any = None
        self._api: Api | None = None

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        try:
            _connect(plain(request.news))
        except RefusedError as error:
            failure = provider_pb2.CheckFailure(property="context", reason=str(error))
            return provider_pb2.CheckResponse(failures=[failure])
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        changed = plain(request.old_inputs) != plain(request.news)
        return provider_pb2.DiffResponse(changes=_changes(changed))

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        with _refusals(context):
            self._api = _connect(plain(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        self._cancelled.set()
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        inputs = plain(request.news)
        version, kind = _kind(request.urn)
        inputs |= {"apiVersion": version, "kind": kind}
        metadata: Manifest = inputs.setdefault("metadata", {})
        if "name" not in metadata:
            reason = "the stand-in provider makes no names up; give one"
            return provider_pb2.CheckResponse(
                failures=[provider_pb2.CheckFailure(property="metadata.name", reason=reason)]
            )
        if kind not in CLUSTER_WIDE:
            metadata.setdefault("namespace", self.api.namespace)
        return provider_pb2.CheckResponse(inputs=struct(inputs))

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        old, new = plain(request.old_inputs), plain(request.news)
        _, kind = _kind(request.urn)
        details: dict[str, provider_pb2.PropertyDiff] = {}
        replaces: list[str] = []
        for path, change in difference.differences(old, new):
            if _is_immutable(kind, path):
                replaces.append(difference.text(path))
                change += "_REPLACE"
            details[difference.text(path)] = provider_pb2.PropertyDiff(
                kind=provider_pb2.PropertyDiff.Kind.Value(change), inputDiff=True
            )
        return provider_pb2.DiffResponse(
            changes=_changes(bool(details)),
            replaces=replaces,
            diffs=sorted({path.split(".")[0].split("[")[0] for path in details}),
            detailedDiff=details,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces) and _identity(old) == _identity(new),
        )

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        inputs = plain(request.properties)
        with _refusals(context):
            if not request.preview:
                live = self._written(request, context, inputs, self._create(inputs, dry_run=False))
                return provider_pb2.CreateResponse(id=_identity(inputs), properties=struct(outputs(live)))
            if has_unknown(inputs):
                return provider_pb2.CreateResponse(properties=request.properties)
            try:
                promised = outputs(self._create(inputs, dry_run=True))
            except (ConflictError, ForbiddenError):
                promised = inputs
        return provider_pb2.CreateResponse(properties=struct(without_allocated(promised, inputs)))

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        inputs = plain(request.news)
        if request.preview and has_unknown(inputs):
            return provider_pb2.UpdateResponse(properties=request.news)
        with _refusals(context):
            if not request.preview:
                self.api.take_over(inputs)
            try:
                live = self.api.apply(inputs, dry_run=request.preview)
            except ForbiddenError:
                if not request.preview:
                    raise
                return provider_pb2.UpdateResponse(properties=request.news)
            if not request.preview:
                live = self._written(request, context, inputs, live)
        return provider_pb2.UpdateResponse(properties=struct(outputs(live)))

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        version, kind = _kind(request.urn)
        namespace, _, name = request.id.rpartition("/")
        with _refusals(context):
            live = self.api.get(version, kind, namespace, name)
        if live is None:
            return provider_pb2.ReadResponse()
        recorded, inputs = plain(request.properties), plain(request.inputs)
        inputs = difference.drifted(inputs, recorded, live) if inputs else imported(live)
        with _refusals(context):
            missing = rollout.missing_in(self.api, live)
        if missing:
            _abort_unready(context, live, inputs, [f"{kind} {request.id}: {missing}"])
        return provider_pb2.ReadResponse(id=request.id, properties=struct(outputs(live)), inputs=struct(inputs))

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        version, kind = _kind(request.urn)
        namespace, _, name = request.id.rpartition("/")
        with _refusals(context):
            live = self.api.get(version, kind, namespace, name)
            self.api.delete(version, kind, namespace, name)
            end = time.monotonic() + (request.timeout or DELETE_SECONDS)
            while live and _is_still_there(self.api, live):
                if self._cancelled.wait(rollout.POLL_SECONDS):
                    raise RefusedError(f"canceled while {kind} {request.id} is being deleted")
                if time.monotonic() >= end:
                    raise RefusedError(f"{kind} {request.id} is not gone after {request.timeout or DELETE_SECONDS:g} s")
        return empty_pb2.Empty()

    @property
    def api(self) -> Api:
        if self._api is None:
            raise RuntimeError("the engine has not configured this provider")
        return self._api

    def _create(self, inputs: Manifest, dry_run: bool) -> Manifest:
        if os.environ.get(ADOPT) == "true":
            return self.api.apply(inputs, dry_run)
        try:
            return self.api.create(inputs, dry_run)
        except ConflictError as error:
            if dry_run:
                raise
            raise RefusedError(
                f"{error}; to adopt the object as it is, `make adopt`; to take it over in this update, "
                f"set {ADOPT}=true in its environment"
            ) from None

    def _written(self, request: Any, context: Any, inputs: Manifest, written: Manifest) -> Manifest:
        """The object once it is ready; an unready one is recorded as such, and the next update tries it again."""
        timeout = rollout.timeout_seconds(inputs, request.timeout)
        try:
            return rollout.wait_until_ready(
                self.api, written, timeout, self._cancelled, lambda message: self._say(request.urn, message)
            )
        except rollout.NotReadyError as error:
            _abort_unready(context, written, inputs, error.reasons)

    def _say(self, urn: str, message: str) -> None:
        if self._engine is None:
            self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._engine_address))
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=urn, ephemeral=True)
        with suppress(grpc.RpcError):  # The reader may be gone.
            self._engine.Log(request, timeout=5)


def _connect(settings: Manifest) -> Api:
    return Api(settings.get("context", ""), settings.get("kubeconfig", ""), settings.get("namespace", ""))


@contextmanager
def _refusals(context: Any) -> Generator[None]:
    try:
        yield
    except UnreachableError as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    except RefusedError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _abort_unready(context: Any, live: Manifest, inputs: Manifest, reasons: list[str]) -> NoReturn:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=_identity(live), properties=struct(outputs(live)), inputs=struct(inputs), reasons=reasons
        ),
        type_url_prefix="type.googleapis.com/",
    )
    code = grpc.StatusCode.FAILED_PRECONDITION
    status = status_pb2.Status(code=cast("tuple[int, str]", code.value)[0], message=reasons[0], details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, reasons[0])
    raise AssertionError("abort raises")


def _is_still_there(api: Api, was: Manifest) -> bool:
    metadata = was["metadata"]
    live = api.get(was["apiVersion"], was["kind"], metadata.get("namespace", ""), metadata["name"])
    return live is not None and live["metadata"]["uid"] == metadata["uid"]


def _is_immutable(kind: str, path: difference.Path) -> bool:
    if path[:2] in (("metadata", "name"), ("metadata", "namespace")):
        return True
    return (kind, *path[:2]) in (("Deployment", "spec", "selector"), ("Service", "spec", "clusterIP"))


def _changes(changed: bool) -> Any:
    return provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE


def _kind(urn: str) -> tuple[str, str]:
    """apiVersion and kind of a resource, for example of `…::kubernetes:core/v1:Service::name`."""
    version, kind = urn.split("::")[2].split("$")[-1].split(":")[1:]
    return version.removeprefix("core/"), kind


def _identity(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]


def main() -> None:
    plugin = protocol.Plugin(threads=32)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        KubernetesProvider(sys.argv[-1], plugin.stopping), plugin.server
    )
    plugin.serve(grace=10)


if __name__ == "__main__":
    main()
