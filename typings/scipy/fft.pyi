# The part of scipy.fft that this project calls; scipy ships no types.

from typing import Any

import numpy as np
from numpy.typing import NDArray

def next_fast_len(target: int, real: bool = ...) -> int: ...
def rfft(x: NDArray[Any], n: int | None = ...) -> NDArray[np.complexfloating[Any, Any]]: ...
def irfft(x: NDArray[Any], n: int | None = ...) -> NDArray[np.floating[Any]]: ...
