"""One step of training: forward, loss, backward, update. `loop.py` is what stands around it."""
from typing import Any

from ..layers.loss import softmax_cross_entropy
from ..network import Network
from ..ops.arrays import Array


def training_step(net: Network, images: Array, labels: Array, optimizer: Any) -> tuple[float, Array]:
    """Take one step of gradient descent on a batch (Krizhevsky et al. 2012, section 5).

    Parameters
    ----------
    net : Network
        Its parameters are changed in place, by the optimizer.
    images : array (N, H, W, C)
        Ready for the network, of its dtype, where its parameters are (NumPy or CuPy).
    labels : array of int (N,)
        In NumPy.
    optimizer : SGD or Adam
        Of this network; anything with `step(grads)`.

    Returns
    -------
    loss : float
        The mean over the batch, in nats, before the step.
    scores : array (N, classes)
        Before the step.

    Raises
    ------
    NotFiniteError
        When a gradient is infinite or nan; no parameter has changed then.
    ShapeError, DtypeError
        When images or labels do not fit the network.
    """
    scores, saved = net.forward(images, train=True)
    loss, dscores = softmax_cross_entropy(scores, labels)
    _, grads = net.backward(dscores, saved, input_gradient=False)
    optimizer.step(grads)
    return loss, scores
