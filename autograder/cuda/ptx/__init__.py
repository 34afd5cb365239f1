"""PTX, the assembly language of NVIDIA's GPUs, as NVRTC writes it."""
