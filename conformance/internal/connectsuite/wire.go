package connectsuite

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/proto"
)

// maxMessage is the length in bytes of the longest message that the runner may send.
const maxMessage = 64 << 20

// Read reads a message that the runner has sent: four bytes of length and the message. At the end it returns io.EOF.
func Read(r io.Reader, m proto.Message) error {
	var prefix [4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return err //nolint:wrapcheck // io.EOF among them
	}
	n := binary.BigEndian.Uint32(prefix[:])
	if n > maxMessage {
		return fmt.Errorf("a message of %d bytes from the runner", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("reading a message of the runner: %w", err)
	}
	return proto.Unmarshal(b, m)
}

// Write writes a message for the runner.
func Write(w io.Writer, m proto.Message) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// isBinary reports whether the values of a name are bytes.
func isBinary(name string) bool { return strings.HasSuffix(strings.ToLower(name), "-bin") }

// encoded returns a value of metadata as the suite has it.
func encoded(name, value string) string {
	if !isBinary(name) {
		return value
	}
	return base64.RawStdEncoding.EncodeToString([]byte(value))
}

// decoded returns a value of the suite as it is in metadata.
func decoded(name, value string) string {
	if !isBinary(name) {
		return value
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		return value // for the suite to complain about
	}
	return string(b)
}
