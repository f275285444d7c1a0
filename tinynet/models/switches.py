"""AlexNet's ingredients as switches: what `alexnet`, `alexnet_medium` and `alexnet_small` have in common."""
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import ArgumentError
from ..layers import BatchNorm2d, LocalResponseNorm, MaxPool2d
from ..layers.base import Layer
from ..ops.checks import check_between
from .parts import ACTIVATIONS, Initialization, choose, he_initialization


class Switches(NamedTuple):
    """The choices; `alexnet` says what each of them means."""

    activation: str
    normalization: str | None
    overlapping_pooling: bool
    dropout: float               # 0: no dropout layers
    init: str

    def norm(self, channels: int, alpha: float = 1e-4, k: float = 2.0, groups: int = 1) -> Layer:
        """Return a normalization layer; alpha, k and groups are those of LRN."""
        if self.normalization == "batch":
            return BatchNorm2d(channels)
        return LocalResponseNorm(5, alpha=alpha, beta=0.75, k=k, groups=groups)

    def pool(self, ceil_mode: bool = False) -> Layer:
        """Return a pooling layer that about halves the size."""
        return MaxPool2d(3, 2, ceil_mode=ceil_mode) if self.overlapping_pooling else MaxPool2d(2, 2)

    def initialization(
        self, authors: Initialization, text: Initialization, fan_in: Mapping[str, int]
    ) -> Initialization:
        """Return the initialization that `init` names; He's depends on fan_in."""
        return {"authors": authors, "text": text}.get(self.init) or he_initialization(fan_in, self.activation)

    def arrange(self, order: str, layers: Mapping[str, Layer]) -> list[tuple[str, Layer]]:
        """Return the layers in `order`, without those switched off; "relu1" stands for the activation chosen."""
        off: tuple[str, ...] = {"lrn": (), "batch": ("spatial",), None: ("spatial", "norm")}[self.normalization]
        if not self.dropout:
            off += ("dropout",)
        arranged: list[tuple[str, Layer]] = []
        for name in order.split():
            if name.startswith("relu"):
                arranged.append((name.replace("relu", self.activation), ACTIVATIONS[self.activation]()))
            elif not name.startswith(off):
                arranged.append((name, layers[name]))
        return arranged


def check_switches(
    who: str, activation: str, normalization: str | None, overlapping_pooling: bool, dropout: float | None, init: str
) -> Switches:
    """Return the switches; ArgumentError for a value that is not one of a switch's."""
    choose(who, "activation", activation, ACTIVATIONS)
    choose(who, "normalization", normalization, ("lrn", "batch", None))
    choose(who, "overlapping_pooling", overlapping_pooling, (True, False))
    choose(who, "init", init, ("authors", "text", "he"))
    p = check_between(who, "dropout", 0.0 if dropout is None else dropout, 0, 1)
    if p == 1:
        raise ArgumentError(f"{who}: dropout is 1, which drops everything; expected a number below 1, or None")
    return Switches(activation, normalization, overlapping_pooling, p, init)
