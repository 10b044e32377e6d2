"""A customer who asks to be forgotten, in what a stack keeps: its running service with its store, and its bucket of
histories.

The customer's id comes by the environment variable CUSTOMER, goes to the service in a body, and is printed nowhere.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from delivery.commands import REPOSITORY, follow
from delivery.asking import address_of, ask, caller_headers
from delivery.errors import DeliveryError, UsageError
from delivery.models import models_folder
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.services import secretmanager
from orderguard.order_folders import order_folder

ROUTE = "/v1/forget"


def forget(stack: Stack) -> list[str]:
    """Have the stack forget the customer; a line for each thing that was reached, and for each that was not.

    Raises `DeliveryError` where a service that is there did not do it.
    """
    customer = stack.environment.get("CUSTOMER", "").strip()
    if not customer:
        raise UsageError("Whom to forget? Name the customer's id: make forget CUSTOMER=…")
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    if not url:
        return [f"Not reached: no stack {stack.name} is up, so there is no service and no store of it to look through."]
    lines = [_in_service(stack, outputs, url, customer)]
    if on_google_cloud(stack.environment):
        lines.append(
            f"Not reached: raw orders, past cases and seed in the buckets of {stack.name}. Put the order files without "
            f"the customer there, then: make seed-histories STACK={stack.name}, which recreates the rest."
        )
    elif outputs.get("histories_bucket"):
        _in_bucket(stack, outputs)
    return lines


def _in_service(stack: Stack, outputs: Mapping[str, Any], url: str, customer: str) -> str:
    status, answer = ask(url, ROUTE, caller_headers(stack, outputs, url), {"customer": customer})
    if status != 200:
        way = " Name the key in API_KEY." if status == 401 else ""
        raise DeliveryError(
            f"The service at {url} has not forgotten the customer: {status or 'no connection'} "
            f"{answer.get('detail', '')}{way} Nothing else was changed; run this again."
        )
    told = (
        f"Service at {url}, store {answer['store']}: {answer['customers']} records of the customer removed, and their "
        f"orders from {answer['entities']} records of devices, networks, e-mails, addresses and cards."
    )
    if answer.get("alerts") or answer.get("outcomes"):
        told += f" Deleted: {answer['alerts']} alerts with their notes, and {answer['outcomes']} outcomes."
    alone = " Not reached: other instances, each of which keeps histories in its own memory; restart them."
    return told if answer["everywhere"] else told + alone


def _in_bucket(stack: Stack, outputs: Mapping[str, Any]) -> None:
    """Past cases and seed of the local cloud's bucket, under the stack's key."""
    home = home_from(stack.environment)
    cloud = Cloud(home, stack.name)
    key = secretmanager.value(cloud, str(outputs["masking_key_secret"]), "latest")
    folder = cloud.bucket(str(outputs["histories_bucket"]))
    data = stack.environment.get("DATA") or str(order_folder(REPOSITORY))
    places = ["--data", data, "--models", str(models_folder(stack.environment)), "--histories", str(folder)]
    follow(
        [sys.executable, "-m", "ml.forget", "--keep-orders", *places],
        environment={**os.environ, **stack.environment, "MASKING_KEY": key},
    )
