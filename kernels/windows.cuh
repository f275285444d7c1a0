// Which windows see a place: pasted in front of every kernel's text, as is the line `typedef float real;` (or double).
//
// Window i sees the places i * stride .. i * stride + kernel - 1, counted from where the padding begins:
//
//      place         0   1   2   3   4   5   6             kernel 3, stride 2
//      window 0    [ 0   1   2 ]
//      window 1            [ 2   3   4 ]                   place 2: first_window 0, last_window 1
//      window 2                    [ 4   5   6 ]           place 3: first_window 1, last_window 1

__device__ inline int first_window(int place, int kernel, int stride)
{
    return place < kernel ? 0 : (place - kernel) / stride + 1;
}

__device__ inline int last_window(int place, int stride, int count)
{
    return min(place / stride, count - 1);
}
