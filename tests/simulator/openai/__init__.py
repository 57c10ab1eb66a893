"""OpenAI's `/v1/audio/speech` and `/v1/models`."""
