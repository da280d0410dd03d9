from pathlib import Path

import numpy as np
from numpy.typing import NDArray

class WordLlamaInference:
    def embed(self, texts: str | list[str], norm: bool = False) -> NDArray[np.float32]: ...

class WordLlama:
    @classmethod
    def load(
        cls, *, dim: int = 256, disable_download: bool = False, cache_dir: Path | None = None
    ) -> WordLlamaInference: ...
