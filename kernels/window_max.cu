// y[n, i, j, c] = the largest x[n, :, :, c] under window (i, j); backward, dy goes to the one place that it came from.
//
// In NumPy: window_max and window_max_back in tinynet/ops/numpy_ops.py. `lowest` is minus infinity: no number is smaller.
//
//      x[n, :, :, c]                   one thread of window_max: one window
//      +---+---+---+---+---+
//      |[1   5   2]| 0 | 3 |           y = 5
//      +---+---+---+---+---+
//      |[4   0   5]| 1 | 1 |           both 5 equal the maximum, the winner is the first of them, row by row:
//      +---+---+---+---+---+           dy goes to the 5 in the first row
//      |[2   2   0]| 6 | 0 |
//      +---+---+---+---+---+           one thread of window_max_back: one place, which asks each window that sees it
//                                      whether it won there
//
// Axis letters as in tinynet/layers/base.py; SH, SW: the window's stride, top, left: the padding above and to the left.
// real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void window_max(
    const real* __restrict__ x, real* __restrict__ y, real lowest,
    int H, int W, int C, int KH, int KW, int SH, int SW, int top, int left, int OH, int OW)
{
    int c = blockIdx.z * blockDim.x + threadIdx.x;  // a block: some channels and columns of one row of windows
    int j = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= C || j >= OW) return;
    int n = blockIdx.x / OH, i = blockIdx.x % OH;

    real largest = lowest;
    for (int p = 0; p < KH; ++p) {
        for (int q = 0; q < KW; ++q) {
            int h = i * SH + p - top, w = j * SW + q - left;
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            real value = x[(((long long)n * H + h) * W + w) * C + c];
            if (value > largest || value != value) largest = value;  // nan, which differs from itself, stays
        }
    }
    y[((long long)blockIdx.x * OW + j) * C + c] = largest;
}

// dx[n, h, w, c] = sum of dy[n, i, j, c] over the windows (i, j) whose maximum is here and at no earlier place
extern "C" __global__ void window_max_back(
    const real* __restrict__ dy, const real* __restrict__ x, const real* __restrict__ y, real* __restrict__ dx,
    int H, int W, int C, int KH, int KW, int SH, int SW, int top, int left, int OH, int OW)
{
    int c = blockIdx.z * blockDim.x + threadIdx.x;
    int w = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= C || w >= W) return;
    int n = blockIdx.x / H, h = blockIdx.x % H;

    const real* image = x + (long long)n * H * W * C + c;
    real here = image[((long long)h * W + w) * C];
    int last_i = min((h + top) / SH, OH - 1), last_j = min((w + left) / SW, OW - 1);  // see col2im.cu
    real sum = 0;
    for (int i = last_i, p = h + top - i * SH; i >= 0 && p < KH; --i, p += SH) {
        for (int j = last_j, q = w + left - j * SW; j >= 0 && q < KW; --j, q += SW) {
            long long window = (((long long)n * OH + i) * OW + j) * C + c;
            bool wins = here == y[window];
            for (int earlier = 0; wins && earlier < p * KW + q; ++earlier) {  // the window's places, row by row
                int eh = i * SH + earlier / KW - top, ew = j * SW + earlier % KW - left;
                bool inside = 0 <= eh && eh < H && 0 <= ew && ew < W;
                if (inside && image[((long long)eh * W + ew) * C] == y[window]) wins = false;
            }
            if (wins) sum += dy[window];
        }
    }
    dx[((long long)blockIdx.x * W + w) * C + c] = sum;
}
