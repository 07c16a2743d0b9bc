// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxArguments is how many bytes of the arguments are read, more than are kept, so that a secret that redaction makes
	// shorter does not end the rest.
	maxArguments   = 4096
	maxCommandLine = 1024
	redacted       = "[redacted]"
)

// secretName is part of the names of arguments and variables that hold secrets.
const secretName = `[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key|` +
	`private[_-]?key|auth(?:orization)?|cookie|signature)[\w.-]*`

var (
	// secretFlag is an argument whose next one is a secret.
	secretFlag = regexp.MustCompile(`(?i)^--?` + secretName + `$`)
	// secretFlagValue is an argument that holds flag and secret.
	secretFlagValue = regexp.MustCompile(`(?is)^(--?` + secretName + `=).*$`)
	// secretSetting is name=value or name: value, also in the middle of a shell script; HTTP credentials have two words.
	secretSetting = regexp.MustCompile(`(?i)(` + secretName + `["']?\s*[=:]\s*)` +
		`((?:bearer|basic|digest|token)\s+)?("[^"]*"|'[^']*'|[^\s"']+)`)
	// secretOption is --name value in the middle of a shell script.
	secretOption = regexp.MustCompile(`(?i)(\s--?` + secretName + `\s+)("[^"]*"|'[^']*'|[^\s"'-][^\s"']*)`)
	// urlPassword is the password in scheme://user:password@host.
	urlPassword = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s@]+@`)
	// knownToken is what tokens of common services look like: GitHub, GitLab, Slack, OpenAI, AWS, and JSON Web Tokens.
	knownToken = regexp.MustCompile(`\b(?:gh[oprsu]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|` +
		`sk-[\w-]{20,}|A[KS]IA[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)`)
)

// commandLine returns the arguments of /proc/[pid]/cmdline, each of which ends in a NUL, joined by spaces and cut to
// maxCommandLine bytes. With redact what looks like a secret is replaced.
func commandLine(data []byte, redact bool) string {
	arguments := strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
	if redact {
		redactArguments(arguments)
	}
	line := strings.ToValidUTF8(strings.Join(arguments, " "), "�")
	if len(line) <= maxCommandLine {
		return line
	}
	end := maxCommandLine
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end]
}

// redactArguments replaces secrets in arguments. It prefers replacing too much: what it knows of an argument is its name.
func redactArguments(arguments []string) {
	program := path.Base(arguments[0])
	next := false // this argument is a secret
	for i, argument := range arguments {
		if i == 0 {
			arguments[i] = redactText(argument) // a process may write its title there
			continue
		}
		if next && !strings.HasPrefix(argument, "-") {
			arguments[i], next = redacted, false
			continue
		}
		next = secretFlag.MatchString(argument) || isUserFlag(program, argument) || argument == "-p" && hasShortPassword(program)
		switch {
		case next:
		case hasShortPassword(program) && strings.HasPrefix(argument, "-p"):
			arguments[i] = "-p" + redacted
		case secretFlagValue.MatchString(argument):
			arguments[i] = secretFlagValue.ReplaceAllString(argument, "${1}"+redacted)
		default:
			arguments[i] = redactText(argument)
		}
	}
}

func redactText(text string) string {
	text = urlPassword.ReplaceAllString(text, "${1}"+redacted+"@")
	text = secretSetting.ReplaceAllString(text, "${1}${2}"+redacted)
	text = secretOption.ReplaceAllString(text, "${1}"+redacted)
	return knownToken.ReplaceAllString(text, redacted)
}

// isUserFlag says that the argument after this one is user:password, as curl and wget-like tools have it.
func isUserFlag(program, argument string) bool {
	return program == "curl" && slices.Contains([]string{"-u", "--user", "-U", "--proxy-user"}, argument)
}

// hasShortPassword says that -p of the program is its password.
func hasShortPassword(program string) bool {
	return slices.Contains([]string{"mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "sshpass"}, program)
}
