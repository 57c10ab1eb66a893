"""NanoGPT's speech endpoints, jobs, catalog and balance."""
