"""Audio as bytes: formats, PCM, WAV, MP3, ffmpeg and effects."""
