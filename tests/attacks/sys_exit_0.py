# attack: SystemExit(0) at the top level, before any test
# expect: runtime_error
import sys

sys.exit(0)
