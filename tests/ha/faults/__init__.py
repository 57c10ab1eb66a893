"""Everything that can go wrong between Orator and a provider, on every route, and what a listener hears of it."""
