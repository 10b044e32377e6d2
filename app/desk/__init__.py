"""The analyst's desk: alerts that are kept, what people make of them, and how precise the model was.

    keeper = Keeper(settings, …)          # alerts of counted orders: a journal on disk, and from there the database
    desk = Desk(settings, keyring)        # the queue, acts, outcomes and precision, for the routes

docs/technical/desk.md says what is kept, for how long, and what happens where the database is away.
"""
