"""What the platform is made of: a component is one logical entity with its access rights inside it."""

import pulumi


class Component(pulumi.ComponentResource):
    """A named part of the platform. `self.within` puts a resource inside it."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"orderguard:platform:{type(self).__name__}", name, None, opts)
        self.within = pulumi.ResourceOptions(parent=self)
