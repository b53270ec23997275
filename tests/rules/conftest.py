"""Settings of the property tests: the same examples in every run, and no limit of time on each."""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")
