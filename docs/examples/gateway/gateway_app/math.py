"""The service ``math``: without a user."""

from bundles.gateway import MoleculerClientError, action


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b

    @action("math.divide", visibility="published")
    async def divide(self, a: float, b: float) -> float:
        if b == 0:
            raise MoleculerClientError("Division by zero", 422, "DIV_ZERO", {"a": a})
        return a / b
