#!/bin/sh
# Auth0's own SDK for Node and its deploy-cli against the local tenant. It needs
# node and npm, and a registry to install from; what it installs and writes is in
# a directory for temporary files and goes with it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
tenant=
end() {
	[ -z "$tenant" ] || { kill "$tenant" 2>/dev/null && wait "$tenant"; } || true
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM
cp "$here"/*.json "$here"/*.mjs "$dir"
cd "$dir"
npm ci --no-audit --no-fund --loglevel=error
"$binary" sim --tls --seed "$here/seed.yaml" --ready-file ready.json >sim.log 2>&1 &
tenant=$!
while [ ! -f ready.json ]; do
	kill -0 "$tenant" 2>/dev/null || { cat sim.log; exit 1; }
	sleep 0.1
done
failed=0
NODE_EXTRA_CA_CERTS=$(node -p 'JSON.parse(fs.readFileSync("ready.json")).ca_file') node check.mjs ready.json || failed=1
NODE_EXTRA_CA_CERTS=$(node -p 'JSON.parse(fs.readFileSync("ready.json")).ca_file') node login.mjs ready.json || failed=1
TMPDIR=$dir node deploy.mjs "$binary" || failed=1
exit $failed
