"""Starting workers, here or on a cluster: the only importer of submitit."""
