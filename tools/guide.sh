#!/usr/bin/env bash
# Follows the guide in README.md to the letter, but for ports: runs its shell blocks, in order, from the root of this
# checkout, as somebody who copies and pastes would. README.zh-CN.md must have the same blocks.
set -euo pipefail
cd "$(dirname "$0")/.."

blocks() { # FILE: the shell blocks between the two marks
	awk '/<!-- guide -->/ { on = 1 } /<!-- end of guide -->/ { on = 0 }
		/^```/ { if (in_block) { in_block = 0; next } if (on && $0 == "```sh") { in_block = 1; next } }
		in_block' "$1"
}

work=$(mktemp -d)
finish() {
	local code=$?
	for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
	rm -rf "$work"
	exit "$code"
}
trap finish EXIT

blocks README.md >"$work/guide"
blocks README.zh-CN.md >"$work/guide.zh-CN"
[ -s "$work/guide" ] || {
	echo "README.md has no guide" >&2
	exit 1
}
diff "$work/guide" "$work/guide.zh-CN" || {
	echo "the guides of README.md and README.zh-CN.md differ" >&2
	exit 1
}
home=$work/home
mkdir "$home"
# The guide works below ~; here that is a temporary folder. Its ports may be taken on this machine, so others take their
# place, by way of the environment where the service is not the guide's own.
port() { # N: the first port from N on at which nobody listens
	local n=$1
	while (: </dev/tcp/127.0.0.1/"$n") 2>/dev/null; do n=$((n + 1)); done
	echo "$n"
}
shop=$(port 18080) clock=$(port 18765)
SHOP_LISTEN=127.0.0.1:$shop SHOP_ADMIN_LISTEN=127.0.0.1:$(port 19081)
export SHOP_LISTEN SHOP_ADMIN_LISTEN
sed -E -e "s/127\.0\.0\.1:8080/127.0.0.1:$shop/g; s/127\.0\.0\.1:8765/127.0.0.1:$clock/g" -e "s#(^|[ '\"])~(/|\$)#\1$home\2#g" "$work/guide" >"$work/run"
set -x
# shellcheck disable=SC1091
. "$work/run"
