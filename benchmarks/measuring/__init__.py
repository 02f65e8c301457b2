"""What the benchmarks of training share: nets and data, alternating measurements, studies in temporary folders."""
