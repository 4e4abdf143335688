"""The calibration of trust: trials with known truth, some of them set up to fail, the fit, and the report."""
