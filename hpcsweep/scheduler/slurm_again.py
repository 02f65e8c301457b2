"""`python -m hpcsweep.scheduler.slurm_again`, as batch scripts of the previous release call it."""

import sys

from hpcsweep.slurm.sending.resubmit import main

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
