"""Step 17 of 17: augmentation, new images from those that there are.

A network with 60 million parameters can learn 1.2 million images by heart. So it never sees the same pixels twice
(Krizhevsky et al. 2012, section 4.1): each time an image is used,

    random_crop      a part of size x size pixels is cut out of it, at a random place
    random_mirror    left and right are exchanged, with probability 1/2
    pca_colour       a little of the usual changes of colour is added, the same to all of its pixels:
                     [p1 p2 p3] [a1 * l1, a2 * l2, a3 * l3],   a ~ N(0, 0.1**2), three numbers an image

l1, l2, l3 are the eigenvalues of the 3 x 3 covariance of red, green and blue, and p1, p2, p3 its eigenvectors, which
are the COLUMNS of `eigenvectors`. They are for pixels from 0 to 1; ours go from 0 to 255, so that what is added has to
be multiplied by 255.

In all three every image of the batch gets a draw of its own, and the images that came in stay as they are.
`generator` is a numpy.random.Generator: generator.integers(n) draws from 0 to n - 1, .random() from 0 to 1, and
.normal(0, 0.1, shape) from N(0, 0.1**2). With a shape, .integers(n, size=...) and .random(shape) draw many at once.

To write: three functions.   Uses no earlier step.   Then: tinynet course check 17, and tinynet course train
"""
import numpy as np


def random_crop(images, size, generator):
    """Return a part (N, size, size, C) of images (N, H, W, C), of the same dtype.

    All H - size + 1 places down and W - size + 1 across are equally probable.
    """
    # solution
    n, h, w, c = images.shape
    tops, lefts = generator.integers(h - size + 1, size=n), generator.integers(w - size + 1, size=n)
    out = np.empty((n, size, size, c), images.dtype)
    for i in range(n):
        out[i] = images[i, tops[i] : tops[i] + size, lefts[i] : lefts[i] + size]
    return out


def random_mirror(images, generator):
    """Return the images (N, H, W, C), each as it is or with left and right exchanged."""
    # solution
    flip = generator.random(len(images)) < 0.5
    return np.where(flip[:, None, None, None], images[:, :, ::-1], images)


def pca_colour(images, eigenvalues, eigenvectors, generator):
    """Return images (N, H, W, 3), floats from 0 to 255, plus each one's shift of colour, of the same dtype.

    eigenvalues (3,), eigenvectors (3, 3): one in each column
    """
    # solution
    alpha = generator.normal(0, 0.1, (len(images), 3))
    shift = 255 * (alpha * eigenvalues) @ eigenvectors.T                       # (N, 3)
    return images + shift[:, None, None, :].astype(images.dtype)
