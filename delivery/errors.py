"""What a person is told when a step of the delivery can't go on."""


class DeliveryError(RuntimeError):
    """A step can't go on; the message says which input is wrong and what to do about it."""


class UsageError(DeliveryError):
    """An input names nothing that there is, or is missing; the message lists what there is."""
