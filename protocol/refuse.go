package protocol

// Refuser is implemented by Servers that can answer a connection which they do not serve, because its first bytes are
// those of a relative of their protocol, such as another version.
type Refuser interface {
	// Refuse returns the bytes to send before the connection is closed, nil if first means nothing to the protocol.
	Refuse(first []byte) []byte
}
