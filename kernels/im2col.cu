// cols[(n, i, j), (p, q, c)] = x[n, i * SH + p - top, j * SW + q - left, c],  0 outside the image
//
// Its twin: im2col in tinynet/primitives/on_cpu.py. What each window sees becomes one row of cols:
//
//      image n                        cols: a row for each window, a column for each place in it and channel
//      +---+---+---+---+---+
//      |[0   1   2]|   |   |          window (i, 0)   0    1    2    5    6    7   10   11   12
//      +---+---+---+---+---+          window (i, 1)   2    3    4    7    8    9   12   13   14
//      |[5   6   7]|   |   |              |           |
//      +---+---+---+---+---+              |           one thread: this column, for every window of row i
//      |[10 11  12]|   |   |              |
//      +---+---+---+---+---+          a block: neighbouring columns, for one image n and one row i of windows
//
// Neighbouring threads write neighbouring numbers. A thread goes along the windows of a row, because to find its place
// (p, q, c) takes two divisions, each some twenty instructions, and a number alone is a copy.
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
