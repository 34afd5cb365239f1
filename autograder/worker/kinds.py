"""What a warm parent has loaded, and so what its workers can do."""

WITH_TORCH, WITHOUT_TORCH, PROBE = "with torch", "without torch", "probe"
