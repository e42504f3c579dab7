#!/usr/bin/env bash
# Usage: each.sh PATTERN COMMAND...
# Runs COMMAND with ./... in each module, or, when PATTERN (relative to the repository's root, such as ./server/...) is
# not empty, with PATTERN in the module that it belongs to. All modules are tried; it fails if any did.
# SKIP is a regular expression of modules to leave out.
set -uo pipefail
cd "$(dirname "$0")/.."
export GOWORK=off
pattern=$1
shift

# go mod works on modules and takes no pattern.
takes_pattern=yes
[ "${1-} ${2-}" = "go mod" ] && takes_pattern=no

run_in() { # MODULE PATTERN COMMAND...
	local module=$1 packages=$2
	shift 2
	[ "$takes_pattern" = yes ] && set -- "$@" "$packages"
	(cd "$module" && "$@")
}

if [ -n "$pattern" ]; then
	dir=${pattern%/...}
	dir=${dir#./}
	[ -d "$dir" ] || {
		echo "there is no folder $dir" >&2
		exit 2
	}
	module=$dir
	until [ -e "$module/go.mod" ]; do module=$(dirname "$module"); done
	rest=${dir#"$module"}
	rest=.${rest:+/${rest#/}}
	case $pattern in */...) rest=$rest/... ;; esac
	[ "$module" = . ] && rest=$pattern
	run_in "$module" "$rest" "$@"
	exit
fi

failed=()
while read -r module; do
	if [ -n "${SKIP-}" ] && [[ $module =~ $SKIP ]]; then continue; fi
	echo "-- $module"
	run_in "$module" ./... "$@" || failed+=("$module")
done < <(tools/modules.sh)
if [ ${#failed[@]} -gt 0 ]; then
	echo "failed in: ${failed[*]}" >&2
	exit 1
fi
