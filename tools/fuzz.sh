#!/usr/bin/env bash
# What `make fuzz` does: finds all fuzz functions of all modules and runs each for FUZZTIME (30s if not set), one after
# the other. FUZZ is a regular expression of those to run, matched against "./folder Function". PARALLEL is the number
# of workers (2 if not set). Inputs that break something are written to testdata/fuzz beside the function, where plain
# `go test` finds them from then on; what Go merely finds interesting stays in its cache.
set -uo pipefail
cd "$(dirname "$0")/.."
export GOWORK=off
fuzztime=${FUZZTIME:-30s}
parallel=${PARALLEL:-2}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

targets() { # of one module: "./package Function", sorted
	(cd "$1" && grep -rE --include='*_test.go' '^func Fuzz[A-Z0-9_]?[A-Za-z0-9_]*\(' . 2>/dev/null) |
		sed -nE 's|^(.*)/[^/]*_test\.go:func (Fuzz[A-Za-z0-9_]*)\(.*|\1 \2|p' | LC_ALL=C sort -u
}

# nested says whether a package belongs to a module below the one that was searched.
nested() { # MODULE PACKAGE
	local dir=$2
	until [ "$dir" = . ]; do
		[ -e "$1/$dir/go.mod" ] && return 0
		dir=$(dirname "$dir")
	done
	return 1
}

# ended says whether a failed run only came to its end: Go's coordinator may take the end of -fuzztime for a failure
# (golang/go#75804, mended in Go 1.27), on a busy machine. It then prints nothing but the error of its own context, and writes no input.
ended() { # LOG NAME
	! grep -q 'Failing input' "$1" &&
		grep -vE '^fuzz: |^exit status 1$|^FAIL' "$1" | tr '\n' ' ' |
		grep -qE "^--- FAIL: $2 \([0-9.]+s\) +context deadline exceeded *$"
}

failed=()
ran=0
total=0
found=0
start=$SECONDS
while read -r module; do
	while read -r package name; do
		[ -n "$package" ] || continue
		[[ $package == ./.tools* ]] && continue
		nested "$module" "$package" && continue
		place=$package
		[ "$module" = . ] || place=./$module/${package#./}
		place=${place%/.}
		[ -z "${FUZZ-}" ] || [[ "$place $name" =~ $FUZZ ]] || continue
		ran=$((ran + 1))
		verdict=ok
		(cd "$module" && go test "$package" -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 200x \
			-parallel "$parallel" -timeout 0) >"$log" 2>&1 </dev/null || verdict=FAILED
		[ "$verdict" = ok ] || ! ended "$log" "$name" || verdict='ok (its end came while a worker was busy)'
		# The last line of progress has the sums.
		sums=$(sed -nE 's/.*execs: ([0-9]+).*new interesting: ([0-9]+) \(total: ([0-9]+)\).*/\1 \2 \3/p' "$log" | tail -n 1)
		read -r execs new inputs <<<"${sums:-0 0 0}"
		total=$((total + execs))
		found=$((found + new))
		printf '%-72s %9d executions  %4d new interesting, %5d in all  %s\n' "$place $name" "$execs" "$new" "$inputs" \
			"$verdict"
		if [ "$verdict" = FAILED ]; then
			failed+=("$place $name")
			sed 's/^/    /' "$log"
			printf '    to fuzz on: (cd %s && GOWORK=off go test %s -run "^$" -fuzz "^%s$")\n' "$module" "$package" "$name"
			input=$(sed -nE "s|.*go test -run=($name/[0-9a-f]+).*|\1|p" "$log" | tail -n 1)
			[ -z "$input" ] ||
				printf '    to run what was found: (cd %s && GOWORK=off go test %s -run "^%s$")\n' "$module" "$package" "$input"
		fi
	done < <(targets "$module")
done < <(tools/modules.sh)

took=$((SECONDS - start))
printf '\n%d functions, %d executions, %d new interesting inputs, %d min %02d s\n' "$ran" "$total" "$found" \
	$((took / 60)) $((took % 60))
if [ "$ran" = 0 ]; then
	echo "FAIL: no fuzz function was found" && exit 1
elif [ ${#failed[@]} -gt 0 ]; then
	printf 'FAIL: %d of %d:\n' ${#failed[@]} "$ran"
	printf '    %s\n' "${failed[@]}"
	exit 1
fi
printf 'PASS: %d functions, nothing found\n' "$ran"
