"""`python -m keras_cxr` is the command `keras-cxr`."""

import sys

from keras_cxr.cli import main

sys.exit(main())
