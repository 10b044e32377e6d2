"""The yardstick of the serving benchmark: FastAPI in its usual style, accepting the same order and returning a
constant.

`uvicorn bench.hello_fastapi:app`; with MODEL_FILE set it also loads that ONNX file at start, as the least that any
service of the model has to do.
"""

import os
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, Field

Identifier = Annotated[str, Field(min_length=1, max_length=128, pattern=r"\S")]
ShortText = Annotated[str, Field(max_length=512)]
FreeText = Annotated[str, Field(max_length=10_000)]
Amount = Annotated[float, Field(ge=0, le=1e9)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class LineItem(BaseModel):
    sku: Identifier
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    unit_price: Amount
    category: ShortText | None = None
    name: ShortText | None = None
    discount: Amount | None = None


class Customer(BaseModel):
    id: Identifier
    name: ShortText | None = None
    email: ShortText | None = None
    phone: ShortText | None = None
    birth_date: ShortText | None = None
    national_id: ShortText | None = None
    registered_at: datetime | None = None


class Address(BaseModel):
    name: ShortText | None = None
    company: ShortText | None = None
    street: ShortText | None = None
    postcode: ShortText | None = None
    city: ShortText | None = None
    region: ShortText | None = None
    country: Country | None = None
    phone: ShortText | None = None


class Payment(BaseModel):
    method: ShortText | None = None
    card_number: ShortText | None = None
    card_holder: ShortText | None = None
    card_country: Country | None = None
    iban: ShortText | None = None


class Shipping(BaseModel):
    method: ShortText | None = None
    cost: Amount | None = None


class Device(BaseModel):
    ip: ShortText | None = None
    user_agent: ShortText | None = None
    id: ShortText | None = None


class Order(BaseModel):
    order_id: Identifier
    created_at: datetime
    customer: Customer
    currency: Currency
    items: Annotated[list[LineItem], Field(min_length=1, max_length=1_000)]
    discount: Amount | None = None
    coupon: ShortText | None = None
    shipping: Shipping | None = None
    payment: Payment | None = None
    channel: Literal["web", "app", "store", "phone", "marketplace"] | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    device: Device | None = None
    note: FreeText | None = None
    gift_message: FreeText | None = None


app = FastAPI()

if os.environ.get("MODEL_FILE"):
    import onnxruntime

    session = onnxruntime.InferenceSession(os.environ["MODEL_FILE"], providers=["CPUExecutionProvider"])


@app.post("/v1/score")
async def score(order: Order) -> dict[str, Any]:
    """A constant, whatever the order."""
    return {"order_id": order.order_id, "score": 0.5, "anomaly": False}
