"""A whole training without `fit`: a small AlexNet learns drawn shapes in a quarter of a minute.

`tn.fit` does the same, and checkpoints, a progress bar, augmentation and a learning rate that falls by itself besides.
"""
import numpy as np

import tinynet as tn

EPOCHS, BATCH = 5, 32

train = tn.data.draw_shapes(2400, 32, seed=0)              # images of ten shapes, uint8 (N, 32, 32, 3)
test = tn.data.draw_shapes(1000, 32, seed=1)
net = tn.alexnet_small(classes=10, seed=0)
net.preprocessing = tn.data.Preprocessing.fit(train, net.input_shape[:2])  # minus the mean of the training set
optimizer = tn.SGD(net, learning_rate=0.003, momentum=0.9, weight_decay=5e-4)
generator = np.random.default_rng(0)

for epoch in range(1, EPOCHS + 1):
    order = generator.permutation(len(train))              # each image once in an epoch, in another order each time
    losses, wrong = [], 0
    for start in range(0, len(train), BATCH):
        chosen = order[start : start + BATCH]
        images = net.preprocessing(train.images_at(chosen)).astype(np.float32)
        labels = train.labels[chosen]
        loss, scores = tn.training_step(net, images, labels, optimizer)
        losses.append(loss)
        wrong += (scores.argmax(axis=1) != labels).sum()
    if epoch == EPOCHS - 1:
        optimizer.learning_rate /= 10
    print(f"epoch {epoch}: loss {np.mean(losses):.3f}, training error {wrong / len(train):.1%}")

print("on the test set:", tn.evaluate(net, test))
