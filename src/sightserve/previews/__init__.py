"""Strangers' photos as pictures to show or keep, made in child processes: who wants them decodes nothing."""
