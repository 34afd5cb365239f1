"""What a warm parent has loaded, and so what its workers can do."""

WITH_TORCH, WITHOUT_TORCH, WITH_KERNELS, PROBE = "with torch", "without torch", "with kernels", "probe"
