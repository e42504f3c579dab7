#!/usr/bin/env bash
# Installs what the tests of conformance/browser need: Debian's chromium, which is started without a window. Nothing is
# done that was done before. Where it cannot be installed, say on a machine without root, it says so loudly and the tests
# are skipped; on CI (CI or FAIRLEAD_CI is set) it fails instead.
set -uo pipefail

found=
for name in chromium chromium-browser google-chrome google-chrome-stable; do
	if command -v $name >/dev/null; then
		found=$name
		break
	fi
done

if [ -z "$found" ]; then
	echo "missing: a browser"
	install=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y)
	# Lists that are old name files that are gone, so fetch new ones before giving up.
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		"${install[@]}" install --no-install-recommends chromium ||
			{ "${install[@]}" update && "${install[@]}" install --no-install-recommends chromium; }
	else
		echo "this needs root and apt-get: apt-get install chromium"
	fi
	command -v chromium >/dev/null && found=chromium
fi

if [ -z "$found" ]; then
	echo "*** NOT INSTALLED: chromium ***"
	if [ -n "${CI-}${FAIRLEAD_CI-}" ]; then
		echo "FAIL: conformance/browser cannot run"
		exit 1
	fi
	echo "*** conformance/browser skips its tests ***"
else
	echo "pages can be opened in $(command -v $found)"
fi
