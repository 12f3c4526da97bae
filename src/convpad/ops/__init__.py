"""The engine: plans a problem and runs the plan on the backend of its tensors."""
