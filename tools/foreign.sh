#!/usr/bin/env bash
# Installs what the tests of conformance/foreign need: Debian's gRPC for Python and Ruby, and npm's for Node. Nothing is
# done that was done before. Where something cannot be installed, say on a machine without root, it says so loudly and
# the tests of that language are skipped; on CI (CI or FAIRLEAD_CI is set) it fails instead.
set -uo pipefail
cd "$(dirname "$0")/.."
node=conformance/foreign/testdata/node
failed=()

packages=()
have() { # PACKAGE COMMAND...
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || packages+=("$package")
}
have python3-grpcio /usr/bin/python3 -c 'import grpc'
have python3-protobuf /usr/bin/python3 -c 'import google.protobuf'
have ruby-grpc /usr/bin/ruby -e 'require "grpc"'
have nodejs node --version
have npm npm --version

if [ ${#packages[@]} -gt 0 ]; then
	echo "missing: ${packages[*]}"
	install=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y)
	# Lists that are old name files that are gone, so fetch new ones before giving up.
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		"${install[@]}" install --no-install-recommends "${packages[@]}" ||
			{ "${install[@]}" update && "${install[@]}" install --no-install-recommends "${packages[@]}"; } ||
			failed+=("${packages[@]}")
	else
		echo "this needs root and apt-get: apt-get install ${packages[*]}"
		failed+=("${packages[@]}")
	fi
fi

# npm writes what it has installed into a file of its own, which is newer than the lock file afterwards.
installed=$node/node_modules/.package-lock.json
if [ ! -e $installed ] || [ $node/package-lock.json -nt $installed ]; then
	(cd $node && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error) || failed+=("Node's modules")
fi

if [ ${#failed[@]} -gt 0 ]; then
	list=$(printf ', %s' "${failed[@]}")
	echo "*** NOT INSTALLED: ${list:2} ***"
	if [ -n "${CI-}${FAIRLEAD_CI-}" ]; then
		echo "FAIL: conformance/foreign cannot run against all languages"
		exit 1
	fi
	echo "*** conformance/foreign skips the tests that need them ***"
else
	echo "clients and servers in Python, Ruby and Node can be run"
fi
