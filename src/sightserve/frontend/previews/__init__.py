"""Strangers' photos as pictures to show, made in child processes: the web app's own decodes nothing."""
