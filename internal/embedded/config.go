// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"text/template"
)

//go:embed config
var configTemplates embed.FS

// settings fill the templates of the configuration files.
type settings struct {
	Folder         string // the data folder
	Listen         string
	TCP, HTTP      int
	Loopback       bool // whether only this host can connect
	User           string
	PasswordSHA256 string // hexadecimal; empty: no password
	QueryLog       bool
	FileEngines    []string // engines of tables and databases that reach files or commands outside the data folder
	MergeThreads   int
}

// writeConfig generates config/server.xml and config/users.xml, readable by their owner alone.
func writeConfig(o Options, f *folder, own address) error {
	s := settings{
		Folder:   f.path,
		Listen:   own.host,
		TCP:      own.tcp,
		HTTP:     own.http,
		Loopback: net.ParseIP(own.host).IsLoopback(),
		User:     o.User,
		QueryLog: o.QueryLog,

		PasswordSHA256: hashPassword(o.Password),
		FileEngines: []string{
			"File", "Executable", "ExecutablePool", "Filesystem", "SQLite", "EmbeddedRocksDB", "Dictionary", "Backup",
		},
		// ClickHouse's default is 16 threads whatever the machine, each with buffers of its own.
		MergeThreads: min(max(runtime.NumCPU(), 2), 16),
	}
	templates, err := template.New("").Funcs(template.FuncMap{"xml": escapeXML}).ParseFS(configTemplates, "config/*")
	if err != nil {
		return fmt.Errorf("parse the configuration templates: %w", err)
	}
	for _, name := range []string{"server.xml", "users.xml"} {
		var text strings.Builder
		if err := templates.ExecuteTemplate(&text, name, s); err != nil {
			return fmt.Errorf("generate %s: %w", name, err)
		}
		if err := writeSecret(f.file("config", name), text.String()); err != nil {
			return fmt.Errorf("write the configuration: %w", noSpace(err, f.path))
		}
	}
	return nil
}

// hashPassword is the password as the configuration has it, empty for none.
func hashPassword(password string) string {
	if password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// writeSecret writes a file that was, and stays, readable by its owner alone.
func writeSecret(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Chmod(path, 0o600) // the file may be older than this rule
}

// escapeXML writes text so that it can stand between tags.
func escapeXML(text string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(text))
	return b.String(), err
}
