"""The load generator's process: users, visitors, and what they share. Locust's gevent replaces sockets here."""
