"""The gRPC service of a stand-in: Check, Diff, Create, Update, Delete and Construct over a table of kinds."""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from infra.local.cloud import Cloud
from infra.local.errors import LocalCloudError
from infra.local.provider.resource import Refused
from infra.local.provider.values import UNKNOWN, properties, struct
from infra.local.standins.kind import Kind, Values

Find = Callable[[str], Kind | None]
Call = Callable[[Cloud, str, Values], Values | None]
Construct = Callable[[provider_pb2.ConstructRequest], provider_pb2.ConstructResponse]


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """One package's stand-in on one stack's cloud."""

    def __init__(
        self, package: str, cloud: Cloud, find: Find, call: Call | None = None, construct: Construct | None = None
    ) -> None:
        self.package, self.cloud, self.find, self.call, self.component = package, cloud, find, call, construct

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        """The engine keeps track of secrets, but for a component, which must take them itself."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=self.component is not None)

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        """Newer than any version that a program may ask for."""
        return plugin_pb2.PluginInfo(version="999.0.0")

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Take no settings: what would let it in somewhere is not kept."""
        return provider_pb2.CheckResponse(inputs=struct({}))

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        """Settings mean nothing here."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        """As agreed on in the handshake."""
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=self.component is not None)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """What is missing."""
        kind, inputs = self._kind(request.urn, context), properties(request.news)
        failures = [
            provider_pb2.CheckFailure(property=name, reason=f'Missing required argument. "{name}" is required.')
            for name in kind.required
            if inputs.get(name) is None
        ]
        if kind.complete and not failures:
            try:
                inputs = kind.complete(inputs)
            except Refused as refusal:
                failures = [provider_pb2.CheckFailure(reason=str(refusal))]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Which inputs differ."""
        kind, old, new = (
            self._kind(request.urn, context),
            properties(request.old_inputs),
            properties(request.news),
        )
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        replaces = changed if kind.change is None else [name for name in changed if name in kind.replaces]
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, diffs=changed, replaces=replaces)

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> Any:
        """Make it; in preview all but the inputs is unknown."""
        kind, inputs = self._kind(request.urn, context), properties(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(inputs))
        made = self._refusable(context, lambda: kind.make(self.cloud, request.urn.rpartition("::")[2], inputs))
        return provider_pb2.CreateResponse(id=made.id, properties=struct({**inputs, **made.outputs}, kind.secret))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> Any:
        """Changes it in place."""
        kind, inputs, old = (
            self._kind(request.urn, context),
            properties(request.news),
            properties(request.olds),
        )
        if request.preview or kind.change is None:
            unknown = {name: UNKNOWN for name in old if name not in inputs}
            return provider_pb2.UpdateResponse(properties=struct({**inputs, **unknown}, kind.secret))
        change = kind.change
        outputs = self._refusable(context, lambda: change(self.cloud, request.id, old, inputs))
        return provider_pb2.UpdateResponse(properties=struct({**inputs, **outputs}, kind.secret))

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """As the state has it: nobody else can change it."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Remove it."""
        kind = self._kind(request.urn, context)
        if kind.remove:
            remove = kind.remove
            self._refusable(context, lambda: remove(self.cloud, request.id, properties(request.properties)))
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> Any:
        """The functions that the stand-in has."""
        arguments = properties(request.args)
        call = self.call
        found = self._refusable(context, lambda: call(self.cloud, request.tok, arguments)) if call else None
        if found is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the stand-in for {self.package} has no {request.tok}")
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(found or {}))
        return response

    def Construct(self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext) -> Any:
        """A component that registers its parts itself."""
        construct = self.component
        if construct is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the stand-in for {self.package} has no {request.type}")
            raise AssertionError("abort raises")
        return self._refusable(context, lambda: construct(request))

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Nothing to break off."""
        return empty_pb2.Empty()

    def _kind(self, urn: str, context: grpc.ServicerContext) -> Kind:
        token = urn.split("::")[2].rpartition("$")[2]
        kind = self.find(token)
        if kind is None:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"{token} is not among what the local cloud's stand-in for {self.package} makes: install the real"
                f" plugin (`pulumi plugin install resource {self.package}`), which is then used",
            )
            raise AssertionError("abort raises")
        return kind

    @staticmethod
    def _refusable(context: grpc.ServicerContext, does: Callable[[], Any]) -> Any:
        try:
            return does()
        except (Refused, LocalCloudError) as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
