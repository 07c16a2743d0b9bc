// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"fmt"
	"path"
	"time"
)

// Config says what an actor is like.
type Config struct {
	// Name becomes the host name: letters, digits and dashes. Default: lab.
	Name string `json:"name"`
	// Service makes a cgroup that looks like that of a service of the host instead of a container's.
	Service bool `json:"service,omitempty"`
	// Privileged keeps all capabilities; else they are those that container engines give.
	Privileged bool `json:"privileged,omitempty"`
	// NetworkOf is the actor whose network this one shares, as the containers of a pod do; nil: it has one of its own.
	NetworkOf *Actor `json:"-"`
	// Programs are copied into the file system: the absolute path there, and the path of the program of the host.
	Programs map[string]string `json:"programs,omitempty"`
	// Files are written into the file system: the absolute path there, and the text.
	Files map[string]string `json:"files,omitempty"`
	// Limits bound what it can use.
	Limits Limits `json:"limits"`
}

// Limits bound what an actor can use. Zero means the default.
type Limits struct {
	CPUs   float64       `json:"cpus,omitempty"`   // default 1
	Memory int64         `json:"memory,omitempty"` // bytes, with what is written to files; default 512 MiB
	PIDs   int           `json:"pids,omitempty"`   // processes and threads; default 512
	Disk   int64         `json:"disk,omitempty"`   // bytes of files, which are in memory; default 256 MiB
	Time   time.Duration `json:"time,omitempty"`   // after which it ends; default 15 min
}

const mebibyte = 1 << 20

func (l Limits) withDefaults() Limits {
	if l.CPUs == 0 {
		l.CPUs = 1
	}
	if l.Memory == 0 {
		l.Memory = 512 * mebibyte
	}
	if l.PIDs == 0 {
		l.PIDs = 512
	}
	if l.Disk == 0 {
		l.Disk = 256 * mebibyte
	}
	if l.Time == 0 {
		l.Time = 15 * time.Minute
	}
	return l
}

// Validate checks the configuration.
func (c *Config) Validate() error {
	var all []error
	for _, r := range c.Name {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			all = append(all, fmt.Errorf("name: must be letters, digits and dashes, got %q", c.Name))
			break
		}
	}
	if len(c.Name) > 48 {
		all = append(all, fmt.Errorf("name: must have at most 48 letters, got %d", len(c.Name)))
	}
	for name := range c.Programs {
		all = append(all, checkPath("programs", name))
	}
	for name := range c.Files {
		all = append(all, checkPath("files", name))
	}
	l := c.Limits
	if l.CPUs < 0 || l.Memory < 0 || l.PIDs < 0 || l.Disk < 0 || l.Time < 0 {
		all = append(all, fmt.Errorf("limits: must not be negative, got %+v", l))
	}
	return errors.Join(all...)
}

func checkPath(key, name string) error {
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
		return fmt.Errorf("%s: must be absolute paths without . and .., got %q", key, name)
	}
	return nil
}
