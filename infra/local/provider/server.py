"""The gRPC service that the engine talks to, in place of the real plugin."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from infra.local.cloud import Cloud, Record, utc_now
from infra.local.errors import LocalCloudError
from infra.local.facts import Facts
from infra.local.functions import answer, secrets_of
from infra.local.provider import plan
from infra.local.provider.check import REFUSED, check, told
from infra.local.provider.diff import diff
from infra.local.provider.generic import generic, inside, shaped
from infra.local.provider.given import DEFAULTS, Unparsed
from infra.local.provider.program import facts_for, other_major
from infra.local.provider.outputs import complete, previewed, project_number
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.values import Unknown, properties, struct
from infra.local.refusals.parents import Parents
from infra.local.services import resource_of
from infra.local.supervisor import client

_CREDENTIALS = ("credentials", "accessToken", "impersonateServiceAccount", "registryAuth")
_OWN_PROVIDER = re.compile(r"::pulumi:providers:[\w-]+::(?!default)")
"""A provider that the program itself makes, not the one that the stack's settings configure."""
VERSIONS = {"gcp": "10.2.0", "docker": "5.2.0"}
_PROVIDER_INPUTS = {"gcp": ("project", "region", "zone")}
_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
}


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One package (`gcp` or `docker`) on one stack's cloud. Where it is `recording`, a resource gets a state and starts
    nothing.
    """

    def __init__(self, package: str, cloud: Cloud, *, recording: bool = False) -> None:
        self.package = package
        self.cloud = cloud
        self.recording = recording
        self.other_names = other_major(package, VERSIONS.get(package, ""))
        self.configured: dict[str, str] = {}
        self.parents = Parents(cloud)

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ProviderHandshakeResponse:
        """Secrets arrive in clear, over a socket of this machine; the engine marks them again in its state."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the SDK that the program uses, so that the engine takes this plugin for it."""
        return plugin_pb2.PluginInfo(version=VERSIONS[self.package])

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Takes the provider's settings as they are, but for credentials: in the stack's settings they are refused;
        those that the program gives to a provider of its own are dropped, since nothing here is asked for them.
        """
        given = {
            name: value
            for name, value in request.news.fields.items()
            if name in _CREDENTIALS and not _is_address(value.string_value)
        }
        given.pop("impersonateServiceAccount", None)  # lets nobody in by itself
        if _OWN_PROVIDER.search(request.urn):
            for name in given:
                del request.news.fields[name]
            given = {}
        failures = [
            provider_pb2.CheckFailure(
                property=name,
                reason=(
                    f"the local cloud takes no credentials: remove `{self.package}:{name}` from the stack's settings"
                ),
            )
            for name in given
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Another project replaces everything, as with the real provider."""
        changed = [name for name in ("project",) if request.olds.fields.get(name) != request.news.fields.get(name)]
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, replaces=changed, diffs=changed)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        """Remembers the project and region that resources fall back to."""
        given = properties(request.args)
        self.configured = {
            name: value for name in _PROVIDER_INPUTS.get(self.package, ()) if isinstance(value := given.get(name), str)
        }
        if self.package == "gcp" and not self.recording:
            try:
                client.revive(self.cloud)  # without a refresh the engine would call a dead service unchanged
            except LocalCloudError:
                pass  # whoever needs it says so
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Inputs with defaults and names, or what is wrong with them."""
        facts, resource, token = self._known(request.urn, context)
        old, new = properties(request.olds), properties(request.news)
        try:
            inputs, failures = check(
                facts, resource, _name(request.urn), old, new, request.randomSeed, other_names=self.other_names
            )
        except Unparsed as problem:
            context.abort(grpc.StatusCode.UNKNOWN, str(problem))
        needs_project = "project" in facts.inputs and not facts.inputs["project"].required
        if needs_project and not inputs.get("project") and not self.configured.get("project"):
            failures.append(
                "Failed to retrieve project, pid: , err: project: required field is not set. "
                "Set it with: pulumi config set gcp:project PROJECT"
            )
        self.parents.note_planned(token, inputs)
        return provider_pb2.CheckResponse(
            inputs=struct(inputs, facts.properties.secrets),
            failures=[provider_pb2.CheckFailure(reason=reason) for reason in failures],
        )

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compares inputs; a change of what the cloud holds shows up in Read."""
        facts, resource, token = self._known(request.urn, context)
        old, new = properties(request.old_inputs), properties(request.news)
        self._refuse(token, old, new, context)
        found = diff(facts, old, new, properties(request.olds), self.configured)
        detailed = {
            path: provider_pb2.PropertyDiff(kind=_KINDS[change, path in found.replaces], inputDiff=True)
            for path, change in found.changes.items()
        }
        changes = provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=changes,
            replaces=sorted({re.split(r"[.\[]", path)[0] for path in found.replaces}),
            diffs=sorted({re.split(r"[.\[]", path)[0] for path in found.changes}),
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=found.delete_first,
        )

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> Any:
        """Makes the resource, or in preview tells what it would look like."""
        facts, resource, token = self._known(request.urn, context)
        inputs = properties(request.properties)
        place = self._place(request.urn, token, inputs)
        self._refuse(token, {}, inputs, context)
        self._require_parents(request, token, inputs, place, context)
        if request.preview:
            outputs = previewed(facts, resource, inputs, place)
            if resource.kind == "generic":
                outputs = inside(facts.properties, outputs, None)
            return provider_pb2.CreateResponse(properties=struct(outputs, facts.properties.secrets))
        try:
            place = self._identified(resource, inputs, place)
        except (Refused, LocalCloudError, OSError) as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        existing = self.cloud.get(token, place.id)
        taken_up = resource.idempotent or inputs.get("createIgnoreAlreadyExists") is True
        if existing and existing.urn != request.urn and not taken_up:
            context.abort(
                grpc.StatusCode.ALREADY_EXISTS,
                f"Error creating {token.rpartition(':')[2]}: googleapi: Error 409: {place.id} already exists "
                f"(made by {existing.urn}), alreadyExists",
            )
        outputs = _whole(facts, resource, inputs, place)
        try:
            if self.recording and resource.recorded:
                outputs |= resource.recorded(inputs, place)
            elif resource.create:
                outputs |= resource.create(self.cloud, inputs, place, outputs)
        except (Refused, LocalCloudError, OSError) as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        self._keep(resource, place, inputs, outputs)
        return provider_pb2.CreateResponse(id=place.id, properties=struct(outputs, facts.properties.secrets))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> Any:
        """Changes the resource in place."""
        facts, resource, token = self._known(request.urn, context)
        inputs, old = properties(request.news), properties(request.olds)
        place = self._place(request.urn, token, inputs)
        if request.preview:
            planned = previewed(facts, resource, inputs, place)
            volatile = {name: planned[name] for name in resource.volatile}
            kept = {name: value for name, value in old.items() if name in facts.computed}
            shown = {**kept, **{key: value for key, value in inputs.items() if key != DEFAULTS}, **volatile}
            return provider_pb2.UpdateResponse(properties=struct(shown, facts.properties.secrets))
        record = self.cloud.get(token, request.id)
        now = utc_now()
        place = replace(place, id=request.id, created=record.created if record else now, updated=now)
        outputs = _whole(facts, resource, inputs, place)
        handler = resource.update or resource.create
        try:
            if handler:
                outputs |= handler(self.cloud, inputs, place, outputs)
        except (Refused, LocalCloudError, OSError) as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        self._keep(resource, place, inputs, outputs)
        return provider_pb2.UpdateResponse(properties=struct(outputs, facts.properties.secrets))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """The resource as it is, or no id where it is gone."""
        facts, resource, token = self._known(request.urn, context)
        record = self.cloud.get(token, request.id)
        if record is None:
            return provider_pb2.ReadResponse()
        # The engine compares secrets and assets by what it sent, which is more than a record needs to keep.
        inputs = {**properties(request.inputs), **record.inputs}
        outputs = dict(record.outputs)
        if resource.read and not (self.recording and resource.recorded):
            place = self._place(request.urn, token, record.inputs)
            found = resource.read(self.cloud, record.inputs, replace(place, id=request.id), outputs)
            if found is None:
                return provider_pb2.ReadResponse()
            outputs |= found
            inputs |= {name: found[name] for name in resource.moved if name in found}
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=struct(outputs, facts.properties.secrets),
            inputs=struct(inputs, facts.properties.secrets),
        )

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Removes the resource; what is gone already is no error."""
        facts, resource, token = self._known(request.urn, context)
        old = properties(request.properties)
        place = replace(self._place(request.urn, token, old), id=request.id)
        try:
            if resource.delete:
                resource.delete(self.cloud, properties(request.old_inputs) or old, place, old)
        except (Refused, LocalCloudError) as refusal:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refusal))
        self.cloud.remove(token, request.id)
        self.parents.forget(token, request.id)
        if not any(self.cloud.names()):
            client.stop(self.cloud)  # nobody has any use for the interfaces of nothing
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> Any:
        """Functions of the package, such as `getProject`."""
        try:
            values = answer(request.tok, properties(request.args), self.configured, self.cloud)
        except (Refused, LocalCloudError, OSError) as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
            raise AssertionError("abort raises") from refusal
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(values, secrets_of(request.tok, self.cloud)))
        return response

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Operations are short, and whole or absent: there is nothing to break off."""
        return empty_pb2.Empty()

    def _known(self, urn: str, context: grpc.ServicerContext) -> tuple[Facts, Resource, str]:
        token = _type(urn)
        facts = facts_for(token, other=self.other_names)
        resource = resource_of(token) or (generic(facts) if facts else None)
        token = facts.type if facts else token
        if facts is None or resource is None:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"{token} (resource {_name(urn)!r}) is no resource type of the {self.package} SDK that the local cloud"
                f" knows, which is {VERSIONS.get(self.package)}. It knows these: python -m infra.local types",
            )
            raise AssertionError("abort raises")
        return facts, resource, token

    def _refuse(self, token: str, old: Values, new: Values, context: grpc.ServicerContext) -> None:
        """Refuses what the real provider refuses while planning."""
        if found := plan.refusals(token, old, new):
            context.abort(grpc.StatusCode.UNKNOWN, "; ".join(found))

    def _place(self, urn: str, token: str, inputs: Mapping[str, Any]) -> Place:
        project = inputs.get("project") or self.configured.get("project") or ""
        region = inputs.get("location") or inputs.get("region") or self.configured.get("region") or ""
        project = "" if isinstance(project, Unknown) else str(project)
        region = "" if isinstance(region, Unknown) else str(region)
        return Place(project=project, number=project_number(project), region=region, urn=urn, type=token)

    def _identified(self, resource: Resource, inputs: Mapping[str, Any], place: Place) -> Place:
        now = utc_now()
        fields = {"location": place.region, "region": place.region, **inputs}
        condition = inputs.get("condition")
        title = f"/{condition.get('title')}" if isinstance(condition, dict) else ""
        own = resource.identify(self.cloud, inputs, place) if resource.identify else {}
        known = {**fields, "project": place.project, "number": place.number, "condition_title": title, **own}
        identity = resource.id.format_map(_Given(known))
        return replace(place, id=identity, created=now, updated=now)

    def _require_parents(self, request: Any, token: str, inputs: Values, place: Place, context: Any) -> None:
        """What belongs to something that is not there is refused."""
        if not self.recording:
            missing = list(self.parents.missing(token, inputs, place, planning=request.preview))
            if missing:
                says = "\n".join(told(says, _name(request.urn), path) for path, says in missing)
                context.abort(grpc.StatusCode.UNKNOWN, f"{REFUSED if request.preview else ''}{says}")

    def _keep(self, resource: Resource, place: Place, inputs: Values, outputs: Values) -> None:
        def stored(values: Values) -> Values:
            return {name: value for name, value in values.items() if _plain(value)}

        self.cloud.put(
            Record(
                type=place.type,
                id=place.id,
                urn=place.urn,
                kind=resource.kind,
                created=place.created,
                updated=place.updated,
                inputs=stored(inputs),
                outputs=stored(outputs),
            )
        )
        self.parents.note(place.type, place.id)


class _Given(dict[str, Any]):
    """Fields of an id; a dash stands for one that isn't given."""

    def __missing__(self, name: str) -> str:
        return "-"


def _whole(facts: Facts, resource: Resource, inputs: Values, place: Place) -> Values:
    """All outputs; those that no table knows in the right types, where the type is declared only."""
    outputs = complete(facts, resource, inputs, place)
    if resource.kind == "generic":
        return inside(facts.properties, outputs, place)
    if resource.kind == "declared":
        missing = [name for name in facts.computed if name not in outputs]
        outputs |= {name: shaped(facts.properties[name], place) for name in missing}
    return outputs


def _is_address(setting: str) -> bool:
    """Whether a provider's setting names registries alone, and nothing that lets somebody in there."""
    try:
        registries = json.loads(setting)
    except ValueError:
        return not setting
    return isinstance(registries, list) and all(set(registry) == {"address"} for registry in registries)


def _plain(value: Any) -> bool:
    """Whether JSON can hold it: assets stay with the engine."""
    return isinstance(value, (str, int, float, bool, list, dict, type(None)))


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]
