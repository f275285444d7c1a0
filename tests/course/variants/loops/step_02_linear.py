import numpy as np


class Linear:
    def __init__(self, in_features, out_features):
        self.params = {"w": np.zeros((in_features, out_features), np.float32), "b": np.zeros(out_features, np.float32)}

    def forward(self, x, train=False):
        w, b = self.params["w"], self.params["b"]
        y = np.empty((len(x), len(b)), x.dtype)
        for n in range(len(x)):
            for j in range(len(b)):
                total = b[j]
                for i in range(len(w)):
                    total = total + x[n, i] * w[i, j]
                y[n, j] = total
        return y, (x,)

    def backward(self, dy, saved):
        (x,) = saved
        w = self.params["w"]
        dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(self.params["b"])
        for n in range(len(dy)):
            for j in range(dy.shape[1]):
                db[j] += dy[n, j]
                for i in range(len(w)):
                    dx[n, i] += dy[n, j] * w[i, j]
                    dw[i, j] += dy[n, j] * x[n, i]
        return dx, {"b": db, "w": dw}


class Flatten:
    def forward(self, x, train=False):
        n, h, w, c = x.shape
        y = np.empty((n, h * w * c), x.dtype)
        for i in range(h):
            for j in range(w):
                for k in range(c):
                    y[:, (i * w + j) * c + k] = x[:, i, j, k]
        return y, x.shape

    def backward(self, dy, saved):
        n, h, w, c = saved
        dx = np.empty(saved, dy.dtype)
        for i in range(h):
            for j in range(w):
                for k in range(c):
                    dx[:, i, j, k] = dy[:, (i * w + j) * c + k]
        return dx, {}
