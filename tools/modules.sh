#!/usr/bin/env bash
# Prints the folders of all modules that hold our code, relative to the repository's root, the core first.
set -euo pipefail
cd "$(dirname "$0")/.."
find . -name go.mod -not -path '*/testdata/*' -not -path './.tools/*' -not -path './tools/go.mod' \
	-not -path './tools/buf/*' -not -path './tools/connect/*' -printf '%h\n' |
	sed 's|^\./||' | LC_ALL=C sort
