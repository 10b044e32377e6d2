"""What the platform is made of: a component is one logical entity with its access rights inside it."""

import pulumi


class Component(pulumi.ComponentResource):
    """A named part of the platform. `self.within` puts a resource inside it. `kind` is its name in states, where that
    is not the class's.
    """

    kind = ""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"orderguard:platform:{self.kind or type(self).__name__}", name, None, opts)
        self.within = pulumi.ResourceOptions(parent=self)
