#!/usr/bin/env bash
# Generates all committed code again, with the command of this checkout; with --check it writes nothing and fails when
# something is not up to date. The test messages of codec/proto have a generator of their own, which has no check.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOWORK=off
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
(cd cmd && go build -o "$bin/fairlead" ./fairlead)
"$bin/fairlead" gen "$@" --vt examples lab/echo conformance
"$bin/fairlead" gen "$@" codec/json/jsontest
"$bin/fairlead" gen "$@" --json=false -I options --paths import --module github.com/fairlead-go/fairlead options/fairlead/options.proto
"$bin/fairlead" gen "$@" --stubs=false --json=false -I internal/adminpb --paths import --module github.com/fairlead-go/fairlead \
	internal/adminpb/fairlead/*/v1/*.proto
"$bin/fairlead" gen "$@" --json=false contrib/protovalidate/internal/rules
"$bin/fairlead" gen "$@" --validate=false --json=false contrib/protovalidate/internal/plain
if [ $# -eq 0 ]; then
	(cd codec/proto/vttest && go generate ./...)
fi
