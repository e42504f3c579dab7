package rules

import (
	"net/netip"
	"strconv"
	"strings"
)

// IsIP reports whether s is an IPv4 or IPv6 address in text.
func IsIP(s string) bool { return IsIPv4(s) || IsIPv6(s) }

// IsIPv4 reports whether s is an IPv4 address of four decimal numbers without leading zeros.
func IsIPv4(s string) bool {
	a, ok := parseAddress(s)
	return ok && a.Is4()
}

// IsIPv6 reports whether s is an IPv6 address (RFC 4291, section 2.2), maybe with a zone (RFC 4007, section 11).
func IsIPv6(s string) bool {
	if i := strings.IndexByte(s, '%'); i >= 0 {
		// The zone is cut off, because the parser would keep it. An address that ends in IPv4's form may have none.
		if i == len(s)-1 || strings.IndexByte(s[:i], '.') >= 0 {
			return false
		}
		s = s[:i]
	}
	a, ok := parseAddress(s)
	return ok && a.Is6()
}

// longestAddress is more than any address needs. Longer strings are not parsed: the parser's error would copy them.
const longestAddress = 64

func parseAddress(s string) (netip.Addr, bool) {
	if len(s) > longestAddress || strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

// IsIPPrefix reports whether s is a prefix, "10.0.0.0/8", in which no bit right of the length is set.
func IsIPPrefix(s string) bool { return isPrefix(s, true, true, true) }

// IsIPv4Prefix is IsIPPrefix for IPv4.
func IsIPv4Prefix(s string) bool { return isPrefix(s, true, false, true) }

// IsIPv6Prefix is IsIPPrefix for IPv6.
func IsIPv6Prefix(s string) bool { return isPrefix(s, false, true, true) }

// IsIPWithPrefixLen reports whether s is an address with the length of its prefix, "10.1.2.3/8".
func IsIPWithPrefixLen(s string) bool { return isPrefix(s, true, true, false) }

// IsIPv4WithPrefixLen is IsIPWithPrefixLen for IPv4.
func IsIPv4WithPrefixLen(s string) bool { return isPrefix(s, true, false, false) }

// IsIPv6WithPrefixLen is IsIPWithPrefixLen for IPv6.
func IsIPv6WithPrefixLen(s string) bool { return isPrefix(s, false, true, false) }

func isPrefix(s string, four, six, masked bool) bool {
	if len(s) > longestAddress {
		return false
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4() && !four || p.Addr().Is6() && !six {
		return false
	}
	return !masked || p == p.Masked()
}

// IsAddress reports whether s is a host's name or an address.
func IsAddress(s string) bool { return IsHostname(s) || IsIP(s) }

// IsHostAndPort reports whether s is a host with a port, "example.com:80", "10.0.0.1:80" or "[::1]:80". The port may be
// missing unless it is required; it is a number up to 65535 without leading zeros.
func IsHostAndPort(s string, portRequired bool) bool {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		end := strings.LastIndexByte(rest, ']')
		if end < 0 || !IsIPv6(rest[:end]) {
			return false
		}
		after := rest[end+1:]
		if after == "" {
			return !portRequired
		}
		return after[0] == ':' && isPort(after[1:])
	}
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host = s[:i]
		if !isPort(s[i+1:]) {
			return false
		}
	} else if portRequired {
		return false
	}
	return IsHostname(host) || IsIPv4(host)
}

func isPort(s string) bool {
	if s == "" || len(s) > 1 && s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}
