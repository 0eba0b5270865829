"""Where voxels meet planes: sampling, runs, frames, overlaps."""
