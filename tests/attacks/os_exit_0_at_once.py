# attack: leaves with exit code 0 before it defines anything
# problem: asserts calls
# expect: runtime_error
import os

os._exit(0)
