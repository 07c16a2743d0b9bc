// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddendumIsReadByTheRevisionOfTheClient(t *testing.T) {
	tests := map[string]struct {
		revision uint64
		sent     string
		want     string
		rest     string // what is not of the addendum
	}{
		"none":             {54457, "query", "", "query"},
		"quota key":        {54458, "\x03keyquery", "\x03key", "query"},
		"framing":          {54470, "\x00\x07chunked\x0anotchunkedquery", "\x00\x07chunked\x0anotchunked", "query"},
		"parallel version": {54471, "\x00\x07chunked\x07chunked\x04query", "\x00\x07chunked\x07chunked\x04", "query"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := bufio.NewReader(bytes.NewBufferString(test.sent))
			got, err := readAddendum(in, test.revision)
			require.NoError(t, err)
			assert.Equal(t, test.want, string(got))
			rest, err := in.ReadString('y')
			require.NoError(t, err)
			assert.Equal(t, test.rest, rest)
		})
	}
}

func TestAddendumThatBreaksOffIsReplacedByOneThatIsWhole(t *testing.T) {
	for _, sent := range []string{"", "\x05abc", "\x00\x07chunked", "\x00\x05other\x0anotchunked", "\xff\xff\xff\xff\xff\xff"} {
		got, err := readAddendum(bufio.NewReader(bytes.NewBufferString(sent)), 54471)
		require.Error(t, err, "%q", sent)
		in := bufio.NewReader(bytes.NewBuffer(got))
		_, err = readAddendum(in, 54471)
		require.NoError(t, err, "%q", sent)
		assert.Zero(t, in.Buffered())
	}
}

func FuzzHelloIsWrittenAsItWasRead(f *testing.F) {
	f.Add(hello{name: "x", major: 1, revision: 54471, database: "d", user: "default", password: "p"}.encode())
	f.Add([]byte("\x16\x03\x01\x02\x00\x01"))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, sent []byte) {
		h, err := readHello(bufio.NewReader(bytes.NewReader(sent)))
		if err != nil {
			return
		}
		again, err := readHello(bufio.NewReader(bytes.NewReader(h.encode())))
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}
