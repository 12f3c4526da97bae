"""What does a model pad, does another pad alike, and how is it made to pad otherwise?"""
