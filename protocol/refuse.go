package protocol

// Refuser is a Server that can say in its own way that a connection was not what it serves: the first bytes are those
// of a relative of its protocol, such as another version.
type Refuser interface {
	// Refuse returns what to answer before the connection is closed, nil when the bytes mean nothing to it either.
	Refuse(first []byte) []byte
}
