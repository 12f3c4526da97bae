"""The functions, and the engine that plans and runs them on the backend of their tensors."""
