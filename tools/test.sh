#!/usr/bin/env bash
# What `make test` does: all steps, each with its time, and one line with the verdict at the end. A step that fails does
# not keep the later ones from telling what they find, except that nothing is tried when the code does not build.
set -uo pipefail
cd "$(dirname "$0")/.."
export GOWORK=off
start=$SECONDS
failed=()
times=()

step() { # NAME COMMAND...
	local name=$1 from=$SECONDS verdict=ok
	shift
	printf '\n== %s\n   %s\n' "$name" "$*"
	"$@" || verdict=FAILED
	[ "$verdict" = ok ] || failed+=("$name")
	times+=("$(printf '%-44s %5d s  %s' "$name" $((SECONDS - from)) "$verdict")")
	printf '== %s: %s after %d s\n' "$name" "$verdict" $((SECONDS - from))
	[ "$verdict" = ok ]
}

finish() {
	printf '\n== steps\n'
	printf '%s\n' "${times[@]}"
	local took=$((SECONDS - start))
	if [ ${#failed[@]} -gt 0 ]; then
		local list
		list=$(printf ', %s' "${failed[@]}")
		printf 'FAIL: %s (%d min %02d s)\n' "${list:2}" $((took / 60)) $((took % 60))
		exit 1
	fi
	printf 'PASS: all %d steps (%d min %02d s)\n' ${#times[@]} $((took / 60)) $((took % 60))
	exit 0
}

printf 'Testing Fairlead with %s on %s processors. Modules:' "$(go env GOVERSION)" "$(getconf _NPROCESSORS_ONLN)"
tools/modules.sh | tr '\n' ' ' | sed 's/^/ /'
printf '\n'

step "build all modules" tools/each.sh "" go build -o /dev/null || finish
step "vet all modules" tools/each.sh "" go vet
step "install what tests against other languages need" tools/foreign.sh
step "install the browser that pages are tested in" tools/browser.sh
step "install protobuf's conformance runner" tools/protobuf.sh
step "build buf's command, which tests compare with" make --no-print-directory .tools/buf
step "build the linters, which tests need as well" make --no-print-directory tools
# With the tag poison memory that was given back to a pool is overwritten and not used again (see package buffer).
SKIP='^conformance$' step "test with the race detector and poison" tools/each.sh "" \
	go test -race -tags poison -timeout 20m
# The module conformance builds and starts programs of other modules, of which go's cache of results knows nothing.
step "the same against other programs" tools/each.sh ./conformance/... go test -count=1 -race -tags poison -timeout 20m
# Under -race sync.Pool drops items at random and memory is not what it is, so tests of allocations and of memory skip
# themselves there. This pass runs them, and everything else once more at full speed, but for modules of tests against
# other programs, which have none of the kind.
SKIP='^conformance$|^lab|/etcdtest$' step "test without it: allocations, memory" tools/each.sh "" go test -timeout 20m
step "generated code is current" tools/gen.sh --check
step "the guide in README.md, to the letter" tools/guide.sh
step "lint all modules" make --no-print-directory lint
finish
