"""Training of the tumour segmenter of `mmhvae.segmentation`: patients, simulated surroundings, losses."""
