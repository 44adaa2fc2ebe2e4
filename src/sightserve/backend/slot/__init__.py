"""What runs in a slot's process: a stranger's bytes in, ranked labels out. The server's process loads none of it."""
