#!/usr/bin/env bash
# Start a Ray cluster by hand: run this on the first machine without an argument, then on each other machine with the
# address that it prints. It stays in the foreground (tmux, nohup, a systemd unit); ending it takes its node away.
# Every machine needs the same Python and the same evol-harness[cluster]; VENV_BIN names the virtual environment's bin
# folder where that is not on the path.
set -euo pipefail
PATH="${VENV_BIN:+$VENV_BIN:}$PATH"
# Ray's own memory for passing objects: samples and verdicts are small, and the engines need the rest.
common=(--block --disable-usage-stats --object-store-memory=500000000)

if [ $# -eq 0 ]; then
    address="$(hostname -I | cut -d' ' -f1):${RAY_PORT:-6379}"
    echo "on the other machines: $0 $address"
    # Else gRPC meddles with the processes that the head starts for ray:// clients, and one in twenty does not come up.
    export GRPC_ENABLE_FORK_SUPPORT=false
    exec ray start --head --port="${address##*:}" --ray-client-server-port="${RAY_CLIENT_PORT:-10001}" "${common[@]}"
fi
exec ray start --address="$1" "${common[@]}"
