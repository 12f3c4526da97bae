"""What holds for every test process?"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The backend of Keras must be chosen before Keras is imported; a process tests one.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# The same examples on every machine; a wider search with HYPOTHESIS_PROFILE=wide.
quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("suite", derandomize=True, deadline=None, database=None, suppress_health_check=quiet)
settings.register_profile("wide", max_examples=2000, deadline=None, suppress_health_check=quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
