// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// maxException bounds the exception text that is kept, in bytes.
const maxException = 64 << 10

// copyAnswer copies the body of an answer to out without waiting for its end. ClickHouse can tell an exception that
// comes after the first rows only within the body, after the rows (WriteBufferFromHTTPServerResponse.cpp):
//
//	\r\n__exception__\r\n<tag>\r\n<text>\n<length of text> <tag>\r\n__exception__\r\n
//
// where tag, a random word, is that of the header X-ClickHouse-Exception-Tag; empty: the server sends none.
func copyAnswer(out io.Writer, body io.Reader, tag string) error {
	if tag == "" {
		_, err := io.Copy(out, body)
		return err
	}
	mark := []byte("\r\n__exception__\r\n" + tag + "\r\n")
	buf := make([]byte, 0, 64<<10)
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if i := bytes.Index(buf, mark); i >= 0 {
			if _, err := out.Write(buf[:i]); err != nil {
				return err
			}
			return exception(io.MultiReader(bytes.NewReader(buf[i+len(mark):]), body), tag)
		}
		// The end may be the mark's beginning: keep that until more is known.
		ready := len(buf)
		if err == nil {
			ready -= beginning(buf, mark)
		}
		if _, err := out.Write(buf[:ready]); err != nil {
			return err
		}
		buf = buf[:copy(buf, buf[ready:])]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// beginning returns how many bytes at the end of buf are the first of mark.
func beginning(buf, mark []byte) int {
	for n := min(len(buf), len(mark)-1); n > 0; n-- {
		if bytes.HasSuffix(buf, mark[:n]) {
			return n
		}
	}
	return 0
}

// exception reads the text after the mark. The connection may break off after it: that is no news then.
func exception(rest io.Reader, tag string) error {
	text, _ := io.ReadAll(io.LimitReader(rest, maxException))
	message, _, _ := strings.Cut(string(text), " "+tag+"\r\n")
	message = message[:max(0, strings.LastIndexByte(message, '\n'))] // the last line is the length
	return errors.New(strings.TrimSpace(message))
}
