"""CUDA kernels, one file per operation; `tinynet.ops.cuda_ops` loads them. README.md says what they cost."""
