"""Training of MMHVAE: simulation, data sets, losses and the training loop."""
