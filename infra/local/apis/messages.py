"""The messages of Google's gRPC interfaces, in a pool of their own: no client library of theirs is needed to answer."""

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

DESCRIBED = Path(__file__).with_name("messages.binpb")


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for module in (duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    for file in FileDescriptorSet.FromString(DESCRIBED.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@cache
def message(name: str) -> Any:
    """The class of a message, such as `google.pubsub.v1.Topic`."""
    if name == EMPTY:
        from google.protobuf.empty_pb2 import Empty

        return Empty
    return GetMessageClass(_pool().FindMessageTypeByName(name))


EMPTY = "google.protobuf.Empty"
