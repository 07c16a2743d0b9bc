// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Revisions of the native protocol at which the addendum began and grew (src/Core/ProtocolDefines.h).
const (
	revisionAddendum         = 54458 // quota key
	revisionChunked          = 54470 // how packets are framed, in either direction
	revisionParallelReplicas = 54471 // version of another protocol
)

// maxHelloText bounds a string in a handshake, in bytes.
const maxHelloText = 64 << 10

// errHandshake says that a client does not speak the native protocol.
var errHandshake = errors.New("not a handshake of the native protocol")

// hello is the first packet of a client (TCPHandler::receiveHello).
type hello struct {
	name                     string
	major, minor, revision   uint64
	database, user, password string
}

// readHello reads the packet from r.
func readHello(r *bufio.Reader) (hello, error) {
	const packetHello = 0
	if kind, err := r.ReadByte(); err != nil || kind != packetHello {
		return hello{}, errHandshake
	}
	var h hello
	err := errors.Join(readString(r, &h.name),
		readNumber(r, &h.major), readNumber(r, &h.minor), readNumber(r, &h.revision),
		readString(r, &h.database), readString(r, &h.user), readString(r, &h.password))
	return h, err
}

// encode writes the packet.
func (h hello) encode() []byte {
	packet := appendString([]byte{0}, h.name)
	packet = binary.AppendUvarint(packet, h.major)
	packet = binary.AppendUvarint(packet, h.minor)
	packet = binary.AppendUvarint(packet, h.revision)
	packet = appendString(packet, h.database)
	packet = appendString(packet, h.user)
	return appendString(packet, h.password)
}

// readAddendum reads what a client of the revision sends after the server's hello (TCPHandler::receiveAddendum) and
// returns it as it is to be sent on. With an error it returns one that says nothing.
func readAddendum(r *bufio.Reader, revision uint64) ([]byte, error) {
	var quotaKey string
	send, receive := "notchunked", "notchunked"
	var version uint64
	var err error
	if revision >= revisionAddendum {
		err = readString(r, &quotaKey)
	}
	if err == nil && revision >= revisionChunked {
		err = errors.Join(readFraming(r, &send), readFraming(r, &receive))
	}
	if err == nil && revision >= revisionParallelReplicas {
		err = readNumber(r, &version)
	}
	var packet []byte
	if revision >= revisionAddendum {
		packet = appendString(packet, quotaKey)
	}
	if revision >= revisionChunked {
		packet = appendString(appendString(packet, send), receive)
	}
	if revision >= revisionParallelReplicas {
		packet = binary.AppendUvarint(packet, version)
	}
	return packet, err
}

// readFraming reads one of the words that ClickHouse knows.
func readFraming(r *bufio.Reader, text *string) error {
	var word string
	if err := readString(r, &word); err != nil {
		return err
	}
	if word != "chunked" && word != "notchunked" {
		return fmt.Errorf("%w: framing %q", errHandshake, word)
	}
	*text = word
	return nil
}

func readNumber(r *bufio.Reader, n *uint64) (err error) {
	*n, err = binary.ReadUvarint(r)
	return err
}

func readString(r *bufio.Reader, text *string) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	if n > maxHelloText {
		return fmt.Errorf("%w: a text of %d bytes", errHandshake, n)
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(r, buf); err != nil {
		return err
	}
	*text = string(buf)
	return nil
}

func appendString(packet []byte, text string) []byte {
	return append(binary.AppendUvarint(packet, uint64(len(text))), text...)
}
