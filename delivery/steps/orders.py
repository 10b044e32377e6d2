"""Steps on what a stack knows of orders: histories, outcomes, backfills, what it is to forget."""

from delivery.backfill import backfill
from delivery.forgetting import forget
from delivery.outcomes import bring, export
from delivery.seeding import seed
from delivery.steps.inputs import stack


def launch_backfill() -> None:
    """Launch a backfill on the stack's template of Dataflow. Inputs: STACK, IN, OUT, MODEL, AT."""
    print(backfill(stack()))


def seed_histories() -> None:
    """Make past cases and the seed of histories under the stack's own key; load it. Inputs: STACK; or HISTORY_URL, a
    store of your own; DATA, the folder of orders on this machine; SEED_HISTORIES=off leaves it out."""
    print(seed(stack()))


def forget_customer() -> None:
    """Have a stack's service, store and bucket of histories forget a customer. Inputs: CUSTOMER, STACK; API_KEY, where
    the local Secret Manager has none; DATA, the folder of orders."""
    print("\n".join(forget(stack())))


def export_outcomes() -> None:
    """Write a stack's outcomes into its bucket of histories and this machine's folder of histories. Inputs: STACK;
    API_KEY, where the local Secret Manager has none; HISTORIES, that folder."""
    print(export(stack()))


def import_outcomes() -> None:
    """Hand a file of outcomes to a stack's desk. Inputs: FILE, STACK; SOURCE, who says so; MEANS, the outcome of a file
    without such a column; ORDER, OUTCOME, TIME, its columns; API_KEY, where the local Secret Manager has none."""
    print(bring(stack()))
