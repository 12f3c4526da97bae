"""Seamless textures: a trained network whose tiles show their edges, and the same network without them."""
