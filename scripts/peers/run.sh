#!/bin/sh
# Auth0's own SDK for Node and its deploy-cli against the local tenant. It needs
# node and npm, and a registry to install from; what it installs and writes is in
# a directory for temporary files and goes with it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
tenants=
end() {
	for tenant in $tenants; do kill "$tenant" 2>/dev/null && wait "$tenant" || true; done
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM
cp "$here"/*.json "$here"/*.mjs "$dir"
cd "$dir"
npm ci --no-audit --no-fund --loglevel=error

# against NAME runs NAME.mjs against a tenant with the seed NAME.yaml.
against() {
	"$binary" sim --tls --seed "$here/$1.yaml" --ready-file "$1-ready.json" >"$1.log" 2>&1 &
	tenants="$tenants $!"
	while [ ! -f "$1-ready.json" ]; do
		kill -0 $! 2>/dev/null || { cat "$1.log"; exit 1; }
		sleep 0.1
	done
	ask "$1" "$1-ready.json"
}

# ask NAME READY runs NAME.mjs against the tenant of a ready file.
ask() {
	NODE_EXTRA_CA_CERTS=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).ca_file' "$2") node "$1.mjs" "$2"
}

failed=0
against check || failed=1
ask login check-ready.json || failed=1 # on the same tenant
against authentication || failed=1
against walk || failed=1
TMPDIR=$dir node deploy.mjs "$binary" || failed=1
exit $failed
