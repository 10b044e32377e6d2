"""What Cloud Storage answers instead of a result: status, reason and message as Google's own."""

PRECONDITION = "At least one of the pre-conditions you specified did not hold."


class Failure(Exception):
    """A call that is refused. `status` is HTTP's, `reason` the word by which clients tell failures apart."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def no_bucket() -> Failure:
    """There is no such bucket."""
    return Failure(404, "notFound", "The specified bucket does not exist.")


def no_object(bucket: str, name: str) -> Failure:
    """There is no such object, or no such generation of it."""
    return Failure(404, "notFound", f"No such object: {bucket}/{name}")


def invalid(message: str) -> Failure:
    """The request can't be understood or done in any state of the bucket."""
    return Failure(400, "invalid", message)


def forbidden(reason: str, message: str) -> Failure:
    """What a hold or a retention keeps from happening."""
    return Failure(403, reason, message)


def not_modified() -> Failure:
    """What the caller has is what there is."""
    return Failure(304, "notModified", "")


def condition_not_met() -> Failure:
    """The object is in another state than the caller takes for granted."""
    return Failure(412, "conditionNotMet", PRECONDITION)
