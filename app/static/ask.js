// The panel "ask about this order": listens for `order-chosen` on the slot, whose detail is { answer, order }.
