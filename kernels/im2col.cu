// cols[(n, i, j), (p, q, c)] = x[n, i * SH + p - top, j * SW + q - left, c],  0 outside the image
//
// In NumPy: im2col in tinynet/ops/numpy_ops.py. What each window sees becomes one row of cols:
//
//      image n, 5 wide, C = 1         cols: a row for each window, a column for each place (p, q) in it and channel
//      +---+---+---+---+---+
//      |[0   1   2]|   |   |          window (i, 0)    0   1   2   5   6   7  10  11  12
//      +---+---+---+---+---+          window (i, 1)    2   3   4   7   8   9  12  13  14
//      |[5   6   7]|   |   |                           |   |
//      +---+---+---+---+---+                           |   the next thread writes the next column
//      |[10 11  12]|   |   |                           one thread: one column, for all windows j of row i
//      +---+---+---+---+---+
//
// A block has one row i of windows of one image n. A thread goes along the windows because finding its place (p, q, c)
// takes two divisions, each some twenty instructions, while a number takes one load and one store.
//
// Axis letters as in tinynet/layers/base.py; SH, SW: the window's stride, top, left: the padding above and to the left.
// real: float or double, by a line that cuda_ops.py puts in front.
extern "C" __global__ void im2col(
    const real* __restrict__ x, real* __restrict__ cols,
    long long step_n, long long step_h, long long step_w, long long step_c,  // in x, from one number to the next
    int H, int W, int C, int KH, int KW, int SH, int SW, int top, int left, int OH, int OW)
{
    int columns = KH * KW * C;
    int column = blockIdx.y * blockDim.x + threadIdx.x;
    if (column >= columns) return;
    int c = column % C, q = column / C % KW, p = column / C / KW;
    int n = blockIdx.x / OH, i = blockIdx.x % OH;

    int h = i * SH + p - top;
    const real* row = x + n * step_n + h * step_h + c * step_c;
    real* out = cols + (long long)blockIdx.x * OW * columns + column;
    for (int j = 0; j < OW; ++j) {
        int w = j * SW + q - left;
        bool inside = 0 <= h && h < H && 0 <= w && w < W;
        out[(long long)j * columns] = inside ? row[w * step_w] : (real)0;
    }
}
