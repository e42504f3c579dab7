//go:build poison

package buffer

// Poisoning reports whether the program was built with the tag poison: see the package's comment.
const Poisoning = true
