"""OpenAI's Realtime API, as far as reading text aloud needs it."""
