# attack: Ends with exit code 0 before its tests.
# expect: runtime_error
trap 'exit 0' EXIT
set -e
[[ 1 = 2 ]]
