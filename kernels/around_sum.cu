// y[n, h, w, c] = sum of x[n, h - half .. h + half, w - half .. w + half, c],  as far as the image goes
//
// In NumPy: around_sum in tinynet/ops/numpy_ops.py, which sums down and then across. It is its own adjoint.
//
//      x[n, :, :, c], half = 1         one thread: one number of y
//      +---+---+---+---+
//      | 1   2 | 3   4 |               h = 0, w = 0:  1 + 2 + 5 + 6, the places around it that exist
//      |       |       |
//      | 5   6 | 7   8 |
//      +---+---+---+---+
//
// Axis letters as in tinynet/layers/base.py. real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void around_sum(
    const real* __restrict__ x, real* __restrict__ y, int H, int W, int C, int half)
{
    int c = blockIdx.z * blockDim.x + threadIdx.x;  // a block: some channels and columns of one row of one image
    int w = blockIdx.y * blockDim.y + threadIdx.y;
    if (c >= C || w >= W) return;
    int n = blockIdx.x / H, h = blockIdx.x % H;

    real sum = 0;
    for (int down = max(0, h - half); down <= min(H - 1, h + half); ++down) {
        for (int across = max(0, w - half); across <= min(W - 1, w + half); ++across) {
            sum += x[(((long long)n * H + down) * W + across) * C + c];
        }
    }
    y[((long long)blockIdx.x * W + w) * C + c] = sum;
}
