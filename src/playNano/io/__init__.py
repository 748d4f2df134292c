"""Read and write files of AFM movies and results."""
