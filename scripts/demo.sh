#!/bin/sh
# The main job on a local tenant inside the process: some hundred calls, 50 a
# second with a burst of 100, as a tenant of the enterprise plan has them.
set -eu
cd "$(dirname "$0")/.."
set -- bin/a0run run scripts/examples/main_job.lua --local --rate 50/s --burst 100 --journal none
echo "$ $*"
exec "$@"
