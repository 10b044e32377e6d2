"""Write `messages.binpb` from Google's official clients: `python -m infra.local.apis.distil`. They are installed for
the tests alone; what answers them needs no more than the descriptions of their messages.
"""

from pathlib import Path
from typing import Any

from google.cloud.secretmanager_v1.types import resources, service
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.pubsub_v1.types import pubsub, schema

from infra.local.apis.messages import DESCRIBED


def described() -> bytes:
    """The files of messages, each after those that it needs."""
    of_each_file = (resources.Secret, service.AccessSecretVersionRequest, schema.Schema, pubsub.PublishRequest)
    whole = FileDescriptorSet()
    for message in of_each_file:
        file = whole.file.add()
        message.pb().DESCRIPTOR.file.CopyToProto(file)
        _in_order(file)
        for one in file.message_type:
            _in_order(one)
    return whole.SerializeToString(deterministic=True)


def _in_order(holder: Any) -> None:
    """The same however the client's modules were imported."""
    kinds = ("message_type", "nested_type", "enum_type", "dependency", "field")
    for kind in (kind for kind in kinds if hasattr(holder, kind)):
        found = getattr(holder, kind)
        found.sort(key=lambda one: one if isinstance(one, str) else getattr(one, "number", 0) or one.name)


if __name__ == "__main__":
    Path(DESCRIBED).write_bytes(described())
    print(f"Wrote {DESCRIBED}.")
