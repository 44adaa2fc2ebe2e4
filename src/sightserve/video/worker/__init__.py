"""What runs in the video worker's process: FFmpeg, and with it everything that a stranger's video may do to it."""
