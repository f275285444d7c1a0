// y[n, i, j, c] = sum of x[n, :, :, c] under window (i, j), and its adjoint.
//
// In NumPy: window_sum and window_sum_back in tinynet/ops/numpy_ops.py.
//
//      x[n, :, :, c]                   one thread of window_sum: one window
//      +---+---+---+---+---+
//      |[1   5]| 2 | 0 | 3 |           y = 1 + 4 + 5 + 0, down the columns and then across: the order of NumPy's form
//      +---+---+---+---+---+
//      |[4   0]| 5 | 1 | 1 |           one thread of window_sum_back: one place, which adds up the dy of the
//      +---+---+---+---+---+           windows that see it
//
// Axis letters as in tinynet/layers/base.py; SH, SW: the window's stride, top, left: the padding above and to the left.
// real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void window_sum(
    const real* __restrict__ x, real* __restrict__ y,
    int H, int W, int C, int KH, int KW, int SH, int SW, int top, int left, int OH, int OW)
{
    int c = blockIdx.z * blockDim.x + threadIdx.x;  // a block: some channels and columns of one row of windows
    int j = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= C || j >= OW) return;
    int n = blockIdx.x / OH, i = blockIdx.x % OH;

    real sum = 0;
    for (int q = 0; q < KW; ++q) {
        real down = 0;
        for (int p = 0; p < KH; ++p) {
            int h = i * SH + p - top, w = j * SW + q - left;
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            down += x[(((long long)n * H + h) * W + w) * C + c];
        }
        sum += down;
    }
    y[((long long)blockIdx.x * OW + j) * C + c] = sum;
}

// dx[n, h, w, c] = sum of dy[n, i, j, c] over the windows (i, j) that see (h, w)
extern "C" __global__ void window_sum_back(
    const real* __restrict__ dy, real* __restrict__ dx,
    int H, int W, int C, int KH, int KW, int SH, int SW, int top, int left, int OH, int OW)
{
    int c = blockIdx.z * blockDim.x + threadIdx.x;
    int w = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= C || w >= W) return;
    int n = blockIdx.x / H, h = blockIdx.x % H;

    int last_i = min((h + top) / SH, OH - 1), last_j = min((w + left) / SW, OW - 1);  // see col2im.cu
    real sum = 0;
    for (int i = last_i, p = h + top - i * SH; i >= 0 && p < KH; --i, p += SH) {
        for (int j = last_j, q = w + left - j * SW; j >= 0 && q < KW; --j, q += SW) {
            sum += dy[(((long long)n * OH + i) * OW + j) * C + c];
        }
    }
    dx[((long long)blockIdx.x * W + w) * C + c] = sum;
}
